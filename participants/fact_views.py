from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import reach
from studytracker.dates import day_label
from studytracker.web.submission import posted, status_for, submit

from . import facts, histories, labs, medicines, sledai
from .fact_forms import (
    HistoryForm,
    LabPanelForm,
    ListTakenForm,
    MedicineForm,
    RangeForm,
    SledaiForm,
    VoidFactForm,
    recording,
)
from .models import (
    LabResult,
    ListTaken,
    MedicalHistory,
    Medication,
    Participant,
    SiteLabRange,
    SledaiScore,
    VitalSign,
)
from .sledai_trend import trend
from .views import page

KINDS = {
    "lab": LabResult,
    "vital": VitalSign,
    "medicine": Medication,
    "history": MedicalHistory,
    "sledai": SledaiScore,
    "list": ListTaken,
}
form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def on_record(request, identifier):
    """Everything recorded of the participant's results, medicines and history, voided ones struck through."""
    row = reach(Participant.objects.for_listing(), request.user, identifier=identifier)
    found = {kind: _with(row, model.objects.visible_to(request.user)) for kind, model in KINDS.items()}
    return page(
        request,
        "participants/facts.html",
        row,
        labs=sorted(found["lab"], key=lambda each: (each.collected.iso, each.test), reverse=True),
        vitals=found["vital"],
        medicines=found["medicine"],
        histories=found["history"],
        scores=found["sledai"],
        lists=found["list"],
        trend=trend([score for score in found["sledai"] if not score.voided_at]),
        may_enter=request.user.can(Permission.RECORD, row.site_id),
    )


def _with(participant, queryset):
    rows = list(queryset.filter(participant=participant).select_related("recorded_by", "voided_by"))
    for row in rows:
        row.participant = participant
    return rows


def _entry(request, identifier, form_class, record, template, done):
    """One entry form under the participant's banner: record, say what was recorded, back to the list."""
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.RECORD, identifier=identifier)
    at = timezone.now()
    initial = {}
    if not row.enrolled:
        initial["visit_code"] = next(visit.code for visit in row.protocol.visits if visit.kind == "screening")
    form = form_class(posted(request), rules=row.protocol, initial=initial)
    act = recording(partial(record, participant=row, by=request.user, at=at), form)
    made = submit(request, form, act)
    if made:
        messages.success(request, done(made))
        return redirect("facts", row.identifier)
    return page(request, template, row, form=form)


@form_view
def enter_labs(request, identifier):
    def done(made):
        return f"{len(made)} result{'' if len(made) == 1 else 's'} recorded."

    return _entry(request, identifier, LabPanelForm, labs.record_panel, "participants/labs.html", done)


@form_view
def enter_medicine(request, identifier):
    return _entry(
        request,
        identifier,
        MedicineForm,
        medicines.record_medication,
        "participants/medicine.html",
        lambda made: f"{made.drug} recorded.",
    )


@form_view
def enter_history(request, identifier):
    return _entry(
        request,
        identifier,
        HistoryForm,
        histories.record_history,
        "participants/history_entry.html",
        lambda made: f"{made.term} recorded.",
    )


@form_view
def enter_sledai(request, identifier):
    def done(made):
        total = "incomplete" if made.total is None else f"total {made.total}"
        return f"SLEDAI of {day_label(made.assessed_on)} recorded: {total}."

    return _entry(request, identifier, SledaiForm, sledai.record_sledai, "participants/sledai.html", done)


@form_view
def take_list(request, identifier, subject):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.RECORD, identifier=identifier)
    words = dict(ListTaken.LISTS).get(subject)
    if words is None:
        raise Http404
    at = timezone.now()
    form = ListTakenForm(posted(request), initial={"complete_on": row.site.today(at)})
    act = partial(histories.take_list, participant=row, subject=subject, by=request.user, at=at)
    if submit(request, form, act):
        messages.success(request, f"{words}: complete. What is not listed is absent from now on.")
        return redirect("facts", row.identifier)
    return page(request, "participants/take_list.html", row, form=form, words=words)


@form_view
def void_fact(request, identifier, kind, pk):
    return _void_or_restore(request, identifier, kind, pk, facts.void, "Voided. It stays readable and counts nowhere.")


@form_view
def restore_fact(request, identifier, kind, pk):
    return _void_or_restore(request, identifier, kind, pk, facts.restore, "Restored. It counts again.")


def _void_or_restore(request, identifier, kind, pk, act, done):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.RECORD, identifier=identifier)
    if kind not in KINDS:
        raise Http404
    fact = reach(KINDS[kind].objects.filter(participant=row), request.user, needs=Permission.RECORD, pk=pk)
    form = VoidFactForm(posted(request), voids=act is facts.void)
    if submit(request, form, partial(act, fact=fact, by=request.user, at=timezone.now())):
        messages.success(request, done)
        return redirect("facts", row.identifier)
    return page(request, "participants/void_fact.html", row, form=form, fact=fact, voids=act is facts.void)


@form_view
def lab_ranges(request, site):
    """The normal limits of one site's laboratory, and a form for a new one."""
    held = _site(request, site)
    form = RangeForm(posted(request), rules=protocol.current())
    act = partial(labs.record_range, site=held, by=request.user, at=timezone.now())
    made = submit(request, form, act)
    if made:
        messages.success(request, f"Range of {made.test} from {day_label(made.starts_on)} is on file.")
        return redirect("lab_ranges", held)
    ranges = SiteLabRange.objects.visible_to(request.user).filter(site=held).select_related("recorded_by")
    names = {test.code: test.name for test in protocol.current().lab_tests}
    context = {"form": form, "site": held, "ranges": [(names.get(each.test, each.test), each) for each in ranges]}
    return render(request, "participants/ranges.html", context, status=status_for(form))


@form_view
def void_range(request, site, pk):
    """Take a range that was put on file in error out of use; results keep the limits they were given."""
    done = "Voided. It stays readable, and no later result is judged by it."
    return _void_or_restore_range(request, site, pk, facts.void, done)


@form_view
def restore_range(request, site, pk):
    return _void_or_restore_range(request, site, pk, facts.restore, "Restored. Later results are judged by it again.")


def _void_or_restore_range(request, site, pk, act, done):
    row = reach(SiteLabRange.objects.filter(site=site), request.user, needs=Permission.RECORD, pk=pk)
    form = VoidFactForm(posted(request), voids=act is facts.void)
    if submit(request, form, partial(act, fact=row, by=request.user, at=timezone.now())):
        messages.success(request, done)
        return redirect("lab_ranges", row.site_id)
    context = {"form": form, "range": row, "voids": act is facts.void}
    return render(request, "participants/void_range.html", context, status=status_for(form))


def _site(request, code):
    if code not in request.user.sites_where(Permission.SEE):
        raise Http404
    if not request.user.can(Permission.RECORD, code):
        raise PermissionDenied(f"Your role does not let you {Permission.RECORD.value} at {code}.")
    return code
