from functools import partial

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from participants.models import Participant
from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.protocol.models import Site
from studytracker.trust.replaced import replaced
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import clock_panel, dictionary, following, reporting, voiding
from .assessing import assess, regrade
from .correcting import CORRECTABLE, correct
from .course import course
from .doubts import open_doubts
from .filters import AdverseEventFilter, SeriousEventFilter
from .forms import (
    LONGEST_PREFILL,
    CorrectionForm,
    CourseForm,
    EventForm,
    SponsorForm,
    VoidForm,
    in_boxes,
    prefill,
)
from .models import SPONSOR, SPONSOR_JUDGES, AdverseEvent
from .tables import AdverseEventTable, SeriousEventTable
from .wording import FACT_FIELDS, assessments_in_words, facts_in_words, judges_in_words


@require_safe
def adverse_events(request):
    return _listing(request, AdverseEventTable, AdverseEventFilter, AdverseEvent.objects.visible_to(request.user))


@require_safe
def serious_events(request):
    events = AdverseEvent.objects.visible_to(request.user).filter(is_serious=True)
    return _listing(request, SeriousEventTable, SeriousEventFilter, events)


def _listing(request, table_class, filterset_class, events):
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=partial(table_class, today=Site.todays(timezone.now())),
        filterset_class=filterset_class,
        queryset=events.for_listing().with_grade_order().order_by("site", "participant", "started"),
        template="adverse_events/list.html",
        extra={"footnotes": table_class.footnotes},
        counted=False,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def report_event(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.REPORT_EVENT, identifier=identifier)
    at = timezone.now()
    form = EventForm(posted(request), participant=row, initial=prefill(request.GET))
    made = submit(request, form, partial(reporting.report, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, f"{made} is saved: {made.term}.")
        return redirect("event", identifier, made.number)
    context = {"form": form, "participant": row, "today": row.site.today(at)}
    return render(request, "adverse_events/form.html", context, status=status_for(form))


@require_safe
def terms(request):
    """Suggestions of the dictionary for what is being typed."""
    require(request.user, Permission.SEE)
    typed = request.GET.get("dictionary_term", "")[:LONGEST_PREFILL]
    found = dictionary.search(protocol.current().ctcae.version, typed) if typed.strip() else []
    return render(request, "adverse_events/terms.html", {"terms": found})


@require_safe
def grade_help(request):
    """What the grades of the chosen term are, from the workbook the site loaded."""
    require(request.user, Permission.SEE)
    typed = request.GET.get("dictionary_term", "")[:LONGEST_PREFILL]
    version = protocol.current().ctcae.version
    return render(
        request, "adverse_events/grades.html", {"term": dictionary.texts(version, typed), "version": version}
    )


def reach_event(user, identifier, number, needs=Permission.SEE):
    return reach(AdverseEvent.objects.for_page(), user, needs=needs, participant__identifier=identifier, number=number)


@require_safe
def event(request, identifier, number):
    row = reach_event(request.user, identifier, number)
    user, today = request.user, Site.todays(timezone.now())
    may_enter = user.can(Permission.REPORT_EVENT, row.site_id)
    context = {
        "event": row,
        "participant": row.participant,
        "panel": clock_panel.panel(row, request.user, timezone.now()),
        "today": today[row.site_id],
        "facts": [(*fact, FACT_FIELDS.get(fact[0], "")) for fact in facts_in_words(row, today[row.site_id])],
        "replaced": replaced([row]),
        "judges": judges_in_words(row),
        "doubts": open_doubts(row),
        "confirmations": row.confirmations.select_related("confirmed_by"),
        "course": course(row),
        "assessments": assessments_in_words(row),
        "follow_ups": row.follow_ups.select_related("recorded_by"),
        "reports": _reports(row),
        "may_complete": may_enter and row.completable,
        "may_enter": may_enter,
        "may_judge_as_sponsor": user.can(Permission.JUDGE_AS_SPONSOR, row.site_id) and not row.voided_at,
    }
    return render(request, "adverse_events/event.html", context)


def _reports(event):
    """The chain, each report knowing its event."""
    reports = list(event.reports.select_related("prepared_by"))
    for report in reports:
        report.event = event
    return reports


@require_safe
def follow_ups(request):
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=partial(following.FollowUpTable, today=Site.todays(timezone.now())),
        filterset_class=following.FollowUpFilter,
        queryset=following.open_events(request.user),
        template="adverse_events/list.html",
        counted=False,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def follow_up_event(request, identifier, number):
    row = reach_event(request.user, identifier, number, needs=Permission.REPORT_EVENT)
    form = following.FollowUpForm(posted(request))
    words = "{} was asked after.".format
    return _change(request, row, form, following.follow_up, "adverse_events/follow_up.html", words)


def _change(request, row, form, act, template, words, **context):
    """A form about one event: saved and back to the event, or shown again with what is wrong."""
    at = timezone.now()
    saved = submit(request, form, partial(act, event=row, by=request.user, at=at), row=row)
    if saved:
        messages.success(request, words(saved))
        return redirect("event", row.participant.identifier, row.number)
    context |= {"form": form, "event": row, "participant": row.participant, "today": row.site.today(at)}
    return render(request, template, context, status=status_for(form))


@require_http_methods(["GET", "HEAD", "POST"])
def complete_event(request, identifier, number):
    row = reach_event(request.user, identifier, number, needs=Permission.REPORT_EVENT)
    form = EventForm(posted(request), participant=row.participant)
    form.keep_only(row.completable)

    def words(saved):
        left = f" Still open: {', '.join(saved.open_answers)}." if saved.open_answers else " Nothing is open any more."
        return f"{saved} is saved.{left}"

    return _change(request, row, form, reporting.complete, "adverse_events/complete.html", words)


@require_http_methods(["GET", "HEAD", "POST"])
def correct_event(request, identifier, number):
    row = reach_event(request.user, identifier, number, needs=Permission.REPORT_EVENT)
    form = CorrectionForm(posted(request), participant=row.participant, initial=in_boxes(row, CORRECTABLE))
    words = "{} is corrected. What stood before stays in its history.".format
    return _change(request, row, form, correct, "adverse_events/correct.html", words)


@require_http_methods(["GET", "HEAD", "POST"])
def regrade_event(request, identifier, number):
    row = reach_event(request.user, identifier, number, needs=Permission.REPORT_EVENT)
    form = CourseForm(posted(request), rules=row.participant.protocol)
    words = "{} has another grade in its course.".format
    return _change(request, row, form, regrade, "adverse_events/regrade.html", words, course=course(row))


@require_http_methods(["GET", "HEAD", "POST"])
def judge_as_sponsor(request, identifier, number):
    row = reach_event(request.user, identifier, number, needs=Permission.JUDGE_AS_SPONSOR)
    form = SponsorForm(posted(request), participant=row.participant, initial=in_boxes(row, SPONSOR_JUDGES))
    words = "{} carries the sponsor's assessment.".format
    return _change(request, row, form, partial(assess, party=SPONSOR), "adverse_events/sponsor.html", words)


@require_http_methods(["GET", "HEAD", "POST"])
def void_event(request, identifier, number):
    return _void_or_restore(request, identifier, number, voiding.void, "is voided and counts nowhere any more")


@require_http_methods(["GET", "HEAD", "POST"])
def restore_event(request, identifier, number):
    return _void_or_restore(request, identifier, number, voiding.restore, "stands again")


def _void_or_restore(request, identifier, number, act, words):
    row = reach_event(request.user, identifier, number, needs=Permission.REPORT_EVENT)
    said = f"{{}} {words}. The reason is kept.".format
    voids = act is voiding.void
    return _change(request, row, VoidForm(posted(request)), act, "adverse_events/void.html", said, voids=voids)
