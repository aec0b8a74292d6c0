"""Who is writing, and why. The database's triggers ask here, and refuse a write that nobody answers for."""

import json
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

SOURCES = ("web", "task", "command", "migration", "direct")
ANONYMOUS = "anonymous"


class ActorConflict(Exception):
    """Somebody else is acting already: a change has one author."""


@dataclass(frozen=True)
class Context:
    """What the trail says beside each change. Role and site are texts as they were at that time."""

    actor_id: int | None
    username: str
    role: str
    site: str
    source: str
    request_id: str = ""
    reason: str = ""

    @cached_property
    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=True)

    def is_same_actor(self, other: "Context") -> bool:
        return (self.actor_id, self.username) == (other.actor_id, other.username)


_current: ContextVar[Context | None] = ContextVar("acting", default=None)


def current() -> Context | None:
    return _current.get()


@contextmanager
def acting(who, *, source: str, reason: str = "", request_id: str = ""):
    """Every write inside is recorded as done by `who`: a User, or the name of a part of the system.

    Within it the same actor may act again, with another reason; another actor may not.
    """
    if source not in SOURCES:
        raise ValueError(f"{source!r} is no source of a change. Known: {', '.join(SOURCES)}.")
    outer = current()
    context = _described(who, source, _in_one_line(reason), request_id or (outer.request_id if outer else ""))
    if outer and not outer.is_same_actor(context):
        raise ActorConflict(f"{outer.username} is acting here, so {context.username} cannot.")
    with _set(context):
        yield context


@contextmanager
def because(reason: str):
    """The same actor, with a reason for what is written inside; an empty one leaves the reason as it is."""
    outer = current()
    if outer is None:
        raise ActorConflict("Nobody is acting here, so no reason can be given.")
    with _set(replace(outer, reason=_in_one_line(reason) or outer.reason)) as context:
        yield context


@contextmanager
def _set(context):
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def _described(who, source, reason, request_id) -> Context:
    if isinstance(who, str):
        role = "not signed in" if who == ANONYMOUS else "system"
        return Context(None, who, role, "", source, request_id, reason)
    held = who.current_memberships
    roles = dict.fromkeys(membership.get_role_display() for membership in held)
    sites = dict.fromkeys(membership.site_id or "all sites" for membership in held)
    return Context(who.pk, who.get_username(), "; ".join(roles), "; ".join(sites), source, request_id, reason)


def _in_one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())


def for_sqlite(key: str):
    """What the triggers of SQLite ask for, under the name trail_context. NULL when nobody is acting."""
    context = current()
    if context is None:
        return None
    return instant(datetime.now(UTC)) if key == "at" else getattr(context, key)


def instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
