"""Stopping enrollment and infusion, and going on again. Visits and adverse events are never stopped."""

from django.db import transaction
from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.dates import day_label
from studytracker.protocol.models import Site, Slot
from studytracker.refusal import Refused

from .models import Hold


class HoldRefused(Refused):
    """This cannot be done with the hold now."""


@transaction.atomic
def open_hold(*, cause, text, by, at, reference="", site=None):
    """Stop enrollment and infusion at `site`, or at every site when it is None. Returns the Hold.

    `cause` is a code of the protocol's hold causes. With a `reference` it is idempotent: the hold that is open for
    the same cause and reference is returned as it stands, and one that is only proposed is placed.
    """
    lock_slots()
    _check_cause(cause)
    standing = _standing(cause, reference)
    if standing is None:
        return Hold.objects.create(site=site, cause=cause, text=text, reference=reference, opened_at=at, opened_by=by)
    return standing if standing.opened_at else place_hold(hold=standing, by=by, at=at)


@transaction.atomic
def propose_hold(*, cause, text, by, at, reference="", site=None):
    """Ask for a hold. It stops nothing until an investigator or the study chair places it."""
    lock_slots()
    _check_cause(cause)
    standing = _standing(cause, reference)
    if standing:
        raise HoldRefused(f"{standing} is {standing.stage.lower()} already for this reference.", field="reference")
    return Hold.objects.create(site=site, cause=cause, text=text, reference=reference, proposed_at=at, proposed_by=by)


@transaction.atomic
def place_hold(*, hold, by, at):
    """What was proposed holds from now on."""
    lock_slots()
    hold = _at_stage(hold, "Proposed")
    hold.opened_at, hold.opened_by = at, by
    hold.save(update_fields=["opened_at", "opened_by"])
    return hold


@transaction.atomic
def decline_hold(*, hold, reason, by, at):
    """What was proposed will not hold."""
    hold = _at_stage(hold, "Proposed")
    hold.declined_at, hold.declined_by, hold.declined_reason = at, by, reason
    hold.save(update_fields=["declined_at", "declined_by", "declined_reason"])
    return hold


@transaction.atomic
def lift_hold(*, hold, reason, by, at):
    """Enrollment and infusion may go on, unless another hold is open."""
    lock_slots()
    hold = _at_stage(hold, "Open")
    hold.lifted_at, hold.lifted_by, hold.lifted_reason = at, by, reason
    hold.save(update_fields=["lifted_at", "lifted_by", "lifted_reason"])
    return hold


def lock_slots():
    """Enrolling, infusing and opening a hold go one after the other: each has seen what was committed before."""
    list(Slot.objects.select_for_update(no_key=True).order_by("number"))


def _check_cause(cause):
    try:
        protocol.current().term("hold_cause", cause)
    except protocol.UnknownCode as unknown:
        raise HoldRefused(str(unknown), field="cause") from None


def _standing(cause, reference):
    return Hold.objects.unresolved().filter(cause=cause, reference=reference).first() if reference else None


def _at_stage(hold, stage):
    hold = Hold.objects.select_for_update(of=("self",)).get(pk=hold.pk)
    if hold.stage != stage:
        raise HoldRefused(f"{hold} is {hold.stage.lower()}, not {stage.lower()}. Nothing was changed.")
    return hold


def reasons_against(site_code) -> list[str]:
    """Why nobody may be enrolled or infused at this site now, and what opens it again. One query."""
    return [
        f"On hold since {day_label(Site(site_code).today(hold.opened_at))} at {hold.scope_words}: "
        f"{hold.words.rstrip('.')}. The study chair lifts hold {hold.pk} on its page, with a reason."
        for hold in Hold.objects.open().over(site_code).order_by("pk")
    ]


def banners(user, at):
    """(sentence, address, words of the link) of each open hold, for the head of every page. One query."""
    return [
        (f"On hold at {hold.scope_words}. {hold.words}", reverse("hold", args=[hold.pk]), "See the hold")
        for hold in Hold.objects.visible_to(user).open().order_by("pk")
    ]


def may(user, permission, hold) -> bool:
    """Whether the person holds `permission` where the hold applies."""
    return user.can(permission, hold.site_id) if hold.site_id else user.can_somewhere(permission)


STEPS = (
    ("Place the hold", "place_hold", Permission.PLACE_HOLD, "Proposed"),
    ("Decline…", "decline_hold", Permission.PLACE_HOLD, "Proposed"),
    ("Lift the hold…", "lift_hold", Permission.LIFT_HOLD, "Open"),
)


def steps(hold, user) -> list[tuple[str, str]]:
    """(label, address) of what this person may do with the hold now."""
    return [
        (label, reverse(name, args=[hold.pk]))
        for label, name, permission, stage in STEPS
        if hold.stage == stage and may(user, permission, hold)
    ]
