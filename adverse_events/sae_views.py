"""Pages of the reports of a serious event."""

from functools import partial

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import reach
from studytracker.exports.pdf import NoPdf, as_download, pdf
from studytracker.trust.signing import SignBox
from studytracker.web.fields import DateField, TextField
from studytracker.web.submission import posted, status_for, submit

from . import sae_reports
from .models import AdverseEvent


class PrepareForm(forms.Form):
    """Nothing is asked: the report is composed from the event."""


class NarrativeForm(forms.Form):
    narrative = TextField(
        label="Narrative",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 18}),
        error_messages={"required": "A report needs its narrative."},
    )


class AttachmentForm(forms.Form):
    title = TextField(label="Document", max_length=200, error_messages={"required": "Name the document."})
    dated_on = DateField(label="Dated", required=False)
    place = TextField(
        label="Where it is kept", max_length=200, error_messages={"required": "Say where the document is kept."}
    )


def reach_report(user, identifier, number, which, needs=Permission.SEE):
    event = reach(
        AdverseEvent.objects.for_page(), user, needs=needs, participant__identifier=identifier, number=number
    )
    return event, event.reports.select_related("prepared_by", "edited_by").filter(number=which).first()


@require_http_methods(["GET", "HEAD", "POST"])
def prepare_report(request, identifier, number):
    event = reach(
        AdverseEvent.objects.for_page(),
        request.user,
        needs=Permission.REPORT_EVENT,
        participant__identifier=identifier,
        number=number,
    )
    at, form = timezone.now(), PrepareForm(posted(request))
    made = submit(request, form, partial(sae_reports.prepare, event=event, by=request.user, at=at))
    if made:
        messages.success(request, f"The {made.title} is prepared. Read it, edit the narrative, and have it signed.")
        return redirect(made.get_absolute_url())
    context = {"form": form, "event": event, "participant": event.participant, "today": event.site.today(at)}
    return render(request, "adverse_events/prepare_report.html", context, status=status_for(form))


@require_http_methods(["GET", "HEAD", "POST"])
def sae_report(request, identifier, number, which):
    needs = Permission.SIGN if request.method == "POST" else Permission.SEE
    event, report = _found(request, identifier, number, which, needs=needs)
    at = timezone.now()
    box = SignBox(request, sae_reports.KIND, report.key, at=at)
    if box.signed:
        messages.success(request, f"The {report.title} is signed.")
        return redirect(report.get_absolute_url())
    signed = sae_reports.is_signed(report)
    context = {
        "report": report,
        "event": event,
        "participant": event.participant,
        "today": event.site.today(at),
        **_told(report),
        "attachments": report.attachments.select_related("added_by"),
        "signing": box,
        "is_closed": signed,
        "may_edit": not signed and request.user.can(Permission.REPORT_EVENT, event.site_id),
    }
    return render(request, "adverse_events/sae_report.html", context, status=box.status)


def _told(report):
    facts = sae_reports.with_news(report)
    return {
        "facts": [fact for fact in facts if fact["section"] != "Judgement"],
        "judgement": sae_reports.side_by_side(facts),
    }


def _found(request, identifier, number, which, needs=Permission.SEE):
    event, report = reach_report(request.user, identifier, number, which, needs)
    if report is None:
        raise Http404
    report.event = event
    return event, report


def _edit(request, found, form, act, template):
    event, report = found
    at = timezone.now()
    saved = submit(request, form, partial(act, report=report, by=request.user, at=at))
    if saved:
        messages.success(request, f"The {report.title} is saved.")
        return redirect(report.get_absolute_url())
    context = {"form": form, "report": report, "event": event, "participant": event.participant}
    context["today"] = event.site.today(at)
    return render(request, template, context, status=status_for(form))


@require_http_methods(["GET", "HEAD", "POST"])
def edit_narrative(request, identifier, number, which):
    found = _found(request, identifier, number, which, needs=Permission.REPORT_EVENT)
    form = NarrativeForm(posted(request), initial={"narrative": found[1].narrative})
    return _edit(request, found, form, sae_reports.edit_narrative, "adverse_events/narrative.html")


@require_http_methods(["GET", "HEAD", "POST"])
def renew_report(request, identifier, number, which):
    found = _found(request, identifier, number, which, needs=Permission.REPORT_EVENT)
    return _edit(request, found, PrepareForm(posted(request)), sae_reports.renew, "adverse_events/renew_report.html")


@require_http_methods(["GET", "HEAD", "POST"])
def attach_document(request, identifier, number, which):
    found = _found(request, identifier, number, which, needs=Permission.REPORT_EVENT)
    return _edit(request, found, AttachmentForm(posted(request)), sae_reports.attach, "adverse_events/attach.html")


@require_safe
def sae_report_pdf(request, identifier, number, which):
    event, report = _found(request, identifier, number, which)
    context = {
        "report": report,
        "event": event,
        **_told(report),
        "attachments": report.attachments.filter(withdrawn_at=None),
        "standing": sae_reports.standing(sae_reports.KIND, report.key),
        "protocol": protocol.current(),
        "made_at": timezone.now(),
        "made_by": request.user.get_username(),
        "is_demo": settings.DEMO,
    }
    try:
        name = f"SAE-{report.key.replace('/', '-')}.pdf"
        return as_download(pdf("adverse_events/sae_report.pdf.html", context), name)
    except NoPdf as refused:
        messages.warning(request, str(refused))
        return redirect(report.get_absolute_url())
