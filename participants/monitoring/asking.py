"""Queries: asked about a value, answered by the site, asked again or closed by whoever asked."""

from contextlib import suppress

from django.db import IntegrityError, transaction

from studytracker.access.grants import Permission
from studytracker.refusal import Refused

from .models import Message, Query
from .models.query import ANSWER, ASK, ASK_AGAIN, CLOSE, FOLLOWS

SHORTEST_TEXT = 3
WHY_NOT = {
    ANSWER: "This query waits for no answer.",
    ASK_AGAIN: "Only an answer can be asked about again.",
    CLOSE: "This query is closed already.",
}


class QueryRefused(Refused):
    """The query stays as it is."""


@transaction.atomic
def ask(*, record, column, text, by, at) -> Query:
    """Ask about the value of `column`, a column of the record's table, as it stands."""
    value = record.value(column)
    if value is None:
        raise QueryRefused("This record has no such value to ask about.")
    query = Query.objects.create(
        participant=record.participant,
        site_id=record.participant.site_id,
        table=record.table,
        row_id=record.row_id,
        column=column,
        record=str(record)[:300],
        field=value.name[:100],
        value=value.words[:2000],
        asked_at=at,
        asked_by=by,
    )
    _say(query, ASK, text, by=by, at=at)
    return query


def answer(*, query, text, by, at) -> Message:
    return _say(query, ANSWER, text, by=by, at=at)


def ask_again(*, query, text, by, at) -> Message:
    return _say(query, ASK_AGAIN, text, by=by, at=at)


def close(*, query, text, by, at) -> Message:
    return _say(query, CLOSE, text, by=by, at=at)


def is_asker(query, person) -> bool:
    """Whoever asked; once that person may ask no longer at the site, whoever may, so that none stays open for ever."""
    still_may = query.asked_by.can(Permission.ASK, query.site_id)
    return query.asked_by_id == person.pk if still_may else person.can(Permission.ASK, query.site_id)


@transaction.atomic
def _say(query, kind, text, *, by, at) -> Message:
    text = " ".join(text.split())
    if len(text) < SHORTEST_TEXT:
        raise QueryRefused("Write a few words: they stay in the record.", field="text")
    last = query.messages.order_by("-number").first()
    follows = last.kind if last else ""
    if follows not in FOLLOWS[kind]:
        raise QueryRefused(f"{WHY_NOT[kind]} Nothing was saved; look at it as it stands now.")
    if kind in (ASK_AGAIN, CLOSE) and not is_asker(query, by):
        raise QueryRefused(f"Only {query.asked_by.get_username()}, who asked, may ask again or close.")
    if kind == ANSWER and query.asked_by_id == by.pk:
        raise QueryRefused("You asked this: somebody else answers.")
    facts = {"participant_id": query.participant_id, "kind": kind, "follows": follows, "text": text}
    number = last.number + 1 if last else 1
    with suppress(IntegrityError), transaction.atomic():
        return query.messages.create(number=number, written_at=at, written_by=by, **facts)
    raise QueryRefused("Somebody wrote at the same moment. Nothing was saved; look at it as it stands now.")
