"""Taking one of the seats. The cap holds by rows of Slot and a unique key, whoever races whom."""

from contextlib import suppress

from django.db import IntegrityError, transaction

from studytracker import protocol
from studytracker.dates import day_label
from studytracker.protocol.models import Slot
from studytracker.refusal import Refused

from . import confirmation, evidence, holds
from .models import Enrollment, Participant
from .screening import worksheet_of


class EnrollmentRefused(Refused):
    """This participant cannot be enrolled; every reason is a sentence."""


@transaction.atomic
def enroll(*, participant, by, at, enrolled_on=None):
    """Take the lowest free slot, once an investigator confirmed eligibility. Returns the Enrollment.

    Raises EnrollmentRefused.
    `enrolled_on` is the site-local day the investigator decided, today when it is not given.
    """
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    reasons = reasons_against(participant, participant.site.today(at))
    if reasons:
        raise EnrollmentRefused(*reasons)
    enrolled_on = _checked_day(participant, enrolled_on, at)
    # Whoever comes second waits here on PostgreSQL, and at BEGIN IMMEDIATE on SQLite. Should both ever get past,
    # the unique slot refuses one of them. Not FOR UPDATE: the foreign key of a row written past this function would
    # wait for it while this waits for the row, and one of the two would be thrown out as a deadlock.
    seats = list(Slot.objects.select_for_update(no_key=True).order_by("number"))
    if on_hold := holds.reasons_against(participant.site_id):
        raise EnrollmentRefused(*on_hold)
    facts = {"enrolled_on": enrolled_on, "enrolled_at": at, "enrolled_by": by}
    for _ in seats:
        with suppress(IntegrityError), transaction.atomic():  # taken meanwhile by a row written past this function
            return _take_seat(participant, facts)
    raise EnrollmentRefused(no_seat(participant, len(seats)))


def _take_seat(participant, facts):
    free = _free_seat(facts["enrolled_by"], facts["enrolled_at"])
    if free is None:
        raise EnrollmentRefused(no_seat(participant, Slot.objects.count()))
    return Enrollment.objects.create(participant=participant, slot=free, **facts)


def _free_seat(by, at):
    """The lowest free slot; else, where the protocol replaces, that of somebody who left before the infusion."""
    taken = Enrollment.objects.current()
    free = Slot.objects.exclude(pk__in=taken.values("slot")).order_by("number").first()
    if free or not protocol.current().enrollment.replaces:
        return free
    gone = taken.replaceable().select_related("slot").order_by("slot").first()
    if gone is None:
        return None
    gone.replaced_at, gone.replaced_by = at, by
    gone.save(update_fields=["replaced_at", "replaced_by"])
    return gone.slot


def _checked_day(participant, enrolled_on, at):
    today = participant.site.today(at)
    if enrolled_on is None:
        return today
    if enrolled_on > today:
        raise EnrollmentRefused(
            f"{day_label(enrolled_on)} is in the future: today is {day_label(today)} at {participant.site_id}.",
            field="enrolled_on",
        )
    if enrolled_on < participant.screened_on:
        raise EnrollmentRefused(
            f"{day_label(enrolled_on)} is before the screening visit on {day_label(participant.screened_on)}.",
            field="enrolled_on",
        )
    return enrolled_on


def no_seat(participant, seats):
    return (
        f"All {seats} slots of the protocol are taken. {participant} cannot be enrolled; "
        "more participants need an amended protocol."
    )


def reasons_against(participant, on) -> list[str]:
    """Why this participant cannot be enrolled on that day, slots apart; empty when nothing stands in the way."""
    facts = evidence.of(participant)
    return reasons_of(participant, worksheet_of(facts, on).assessment, facts)


def reasons_of(participant, assessment, facts) -> list[str]:
    """The same, for whoever has read and judged the facts of this moment."""
    if not participant.is_open:
        return [f"{participant} is closed: {participant.stage.lower()}."]
    if participant.enrolled:
        return [f"{participant} is enrolled already, in slot {participant.enrolled.slot_id}."]
    return assessment.sentences() or confirmation.reasons_against(participant, facts)


def seats():
    """(taken, all) slots of the trial. Not scoped: how full the trial is, both sites must know."""
    taken = Enrollment.objects.current()
    if protocol.current().enrollment.replaces:
        taken = taken.exclude(pk__in=taken.replaceable())
    return taken.count(), Slot.objects.count()
