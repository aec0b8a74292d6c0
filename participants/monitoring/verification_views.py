from functools import partial
from itertools import groupby

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from participants.fact_forms import VoidFactForm
from participants.facts import void
from participants.models import Participant
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.web.submission import posted, status_for, submit

from . import records, verifying
from .forms import VerifyForm
from .models import Query, Verification
from .views import form_view, record_page


@require_safe
def by_participant(request):
    """How far source verification is, participant by participant. The same queries however many there are."""
    require(request.user, Permission.SEE)
    people = list(Participant.objects.visible_to(request.user).for_listing())
    told = verifying.progress(people)
    context = {"rows": [(person, told[person.pk]) for person in people]}
    return render(request, "monitoring/verification.html", context)


@require_safe
def of_participant(request, identifier):
    """Every record of one participant with its values verified and its queries."""
    row = reach(Participant.objects.for_listing(), request.user, identifier=identifier)
    told = verifying.by_record([row])
    asked = {}
    for query in Query.objects.visible_to(request.user).filter(participant=row).not_closed():
        asked[query.table, query.row_id] = asked.get((query.table, query.row_id), 0) + 1
    groups = [
        (kind.name_plural, [(about, each, asked.get((about.table, about.row_id), 0)) for about, each in members])
        for kind, members in groupby(told, key=lambda pair: pair[0].kind)
    ]
    total = verifying.Progress(sum(each.verified for _, each in told), sum(each.due for _, each in told))
    context = {"participant": row, "today": row.site.today(timezone.now()), "groups": groups, "total": total}
    return render(request, "monitoring/verification_of.html", context)


@form_view
def verify(request, table, row_id):
    about = records.reach(request.user, table, row_id, needs=Permission.VERIFY)
    if request.method != "POST":
        return redirect("record", table, row_id)
    form = VerifyForm(posted(request), record=about)
    act = partial(verifying.verify, record=about, by=request.user, at=timezone.now())
    made = submit(request, form, act)
    if made is None:
        return record_page(request, about, form)
    count = len(made)
    messages.success(request, f"{count} value{'' if count == 1 else 's'} marked as compared with the source.")
    return redirect("record", table, row_id)


@form_view
def take_back(request, pk):
    """A mark made in error: it stays readable and counts nowhere."""
    row = reach(Verification.objects.select_related("participant"), request.user, needs=Permission.VERIFY, pk=pk)
    form = VoidFactForm(posted(request))
    if submit(request, form, partial(void, fact=row, by=request.user, at=timezone.now())):
        messages.success(request, "Taken back. The value waits to be compared again.")
        return redirect("record", row.table, row.row_id)
    context = {"mark": row, "form": form, "participant": row.participant}
    return render(request, "monitoring/take_back.html", context, status=status_for(form))
