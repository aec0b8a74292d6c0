from functools import partial

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import asking, records, verifying
from .forms import MessageForm, VerifyForm
from .models import Query
from .models.query import ANSWER, ASK_AGAIN, CLOSE, FOLLOWS
from .tables import QueryFilter, QueryTable

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def queries(request):
    """Every query of the sites a person sees, the oldest open ones first."""
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=QueryTable,
        filterset_class=QueryFilter,
        queryset=Query.objects.visible_to(request.user).for_listing(),
        template="monitoring/queries.html",
    )


def _reach_query(request, pk, needs=Permission.SEE):
    return reach(Query.objects.for_page(), request.user, needs=needs, pk=pk)


def _page(request, row, form=None, **context):
    try:
        about = records.reach(request.user, row.table, row.row_id)
    except Http404:
        about = None  # an earlier version knew this kind of record
    now = about and about.value(row.column)
    context |= {
        "query": row,
        "form": form,
        "said": row.messages.select_related("written_by"),
        "value_now": now.words if now else "no longer recorded",
        "has_changed": not now or row.value not in (now.words[:2000], now.code),
        "steps": _steps(row, request.user),
    }
    return render(request, "monitoring/query.html", context, status=status_for(form) if form else 200)


def _steps(row, user):
    """(label, url name) of what this person may do with the query as it stands."""
    if row.last_kind in FOLLOWS[ANSWER] and user.can(Permission.ANSWER, row.site_id) and row.asked_by_id != user.pk:
        yield "Answer", "answer_query"
    if user.can(Permission.ASK, row.site_id) and asking.is_asker(row, user):
        if row.last_kind in FOLLOWS[ASK_AGAIN]:
            yield "Ask again", "ask_again"
        if row.last_kind in FOLLOWS[CLOSE]:
            yield "Close", "close_query"


@require_safe
def query(request, pk):
    """What was asked and said, and the value then and now."""
    return _page(request, _reach_query(request, pk))


@form_view
def answer_query(request, pk):
    return _say(request, pk, Permission.ANSWER, asking.answer, "Your answer", "Answer")


@form_view
def ask_again(request, pk):
    return _say(request, pk, Permission.ASK, asking.ask_again, "What is still open?", "Ask again")


@form_view
def close_query(request, pk):
    return _say(request, pk, Permission.ASK, asking.close, "Why is it settled?", "Close")


def _say(request, pk, needs, act, label, button):
    row = _reach_query(request, pk, needs)
    form = MessageForm(posted(request), label=label)
    if submit(request, form, partial(act, query=row, by=request.user, at=timezone.now())):
        messages.success(request, "Saved. It stands below with your name.")
        return redirect(row)
    return _page(request, row, form, button=button)


@require_safe
def record(request, table, row_id):
    """The values of one record: what was asked about each, and whether it was compared with its source."""
    return record_page(request, records.reach(request.user, table, row_id))


def record_page(request, about, form=None):
    site, seen = about.participant.site_id, verifying.last_entry(about)
    may_verify = request.user.can(Permission.VERIFY, site)
    asked = list(Query.objects.visible_to(request.user).of_record(about).for_page())
    marks = verifying.of_record(about)
    lines = [
        (value, marks.get(value.column), [each for each in asked if each.column == value.column])
        for value in about.values
    ]
    context = {
        "about": about,
        "participant": about.participant,
        "lines": lines,
        "due": len(about.due),
        "verified": sum(column in marks and marks[column].stands for column in about.due),
        "may_ask": request.user.can(Permission.ASK, site),
        "may_verify": may_verify,
        "form": form or (VerifyForm(initial={"seen": seen}, record=about) if may_verify else None),
        "seen": seen,
        "ticked": form.data.getlist("columns") if form else [],
    }
    status = 200 if form is None else 409 if getattr(form, "is_overtaken", False) else status_for(form)
    return render(request, "monitoring/record.html", context, status=status)


@form_view
def ask(request, table, row_id, column):
    about = records.reach(request.user, table, row_id, needs=Permission.ASK)
    value = about.value(column)
    if value is None:
        raise Http404
    form = MessageForm(posted(request), label="Your question")
    act = partial(asking.ask, record=about, column=column, by=request.user, at=timezone.now())
    made = submit(request, form, act)
    if made:
        messages.success(request, f"Asked. It waits for an answer at {made.site_id}.")
        return redirect(made)
    context = {"about": about, "value": value, "form": form, "participant": about.participant}
    return render(request, "monitoring/ask.html", context, status=status_for(form))
