"""Emory: on study with a missed visit, withdrawn, a screen failure, ready to enroll, and consented today."""

from adverse_events.assessing import regrade
from adverse_events.correcting import correct
from participants.holds import lift_hold, open_hold
from participants.models import ProductLot
from participants.product import move
from participants.screening import fail_screening, withdraw
from studytracker import protocol
from studytracker.access.models import User
from studytracker.dates import PartialDate


def stories(emory):
    _shipment_too_warm(emory)
    _missed_a_visit(emory)
    _withdrawn(emory)
    _screen_failure(emory)
    _ready_to_enroll(emory)
    emory.screen(0, 45, "F")


def _shipment_too_warm(emory):
    """A hold of the site, opened and lifted."""
    warm = "A shipper arrived above its limit; the lot is quarantined"
    hold = open_hold(
        site=emory.site,
        cause="product",
        text=warm,
        reference="Shipment 7",
        by=emory.investigator,
        at=emory.at(emory.day(150), 9),
    )
    lift_hold(
        hold=hold,
        reason="Sponsor's stability data of the lot, letter filed under 5.2",
        by=User.objects.get(username="chair"),
        at=emory.at(emory.day(147), 15),
    )


def _missed_a_visit(emory):
    first = emory.treat(134, 29, "F", "59.5", "UC-2403")
    leaked = {"units": 1, "happened_at": emory.at(emory.day(133), 9), "note": "The second bag leaked at the seam"}
    lot = ProductLot.objects.get(site=emory.site, number="UC-2403")
    move(lot=lot, kind="wasted", by=emory.coordinator, at=emory.at(emory.day(133), 10), **leaked)
    emory.attend(first, W1=0, W2=2, W4=-1, W8=4)
    emory.review(first, 114, 116)
    emory.miss(first, "W12", protocol.current().choices("missed_reason")[0][0])
    _infection(emory, first)


def _infection(emory, participant):
    """Its grade rose, and it is over."""
    infection = emory.event(
        participant,
        PartialDate.of(emory.day(95)),
        94,
        term="Urinary tract infection",
        dictionary_term="Urinary tract infection",
        grade=1,
        causality="unrelated",
        special_interest="infection",
        action_taken="not_applicable",
    )
    worse = {"grade": 2, "since": PartialDate.of(emory.day(92)), "reason": "Oral antibiotic started"}
    regrade(event=infection, by=emory.coordinator, at=emory.at(emory.day(91), 10), **worse)
    over = {"ended": PartialDate.of(emory.day(87)), "outcome": "recovered", "is_treated": True}
    correct(event=infection, by=emory.coordinator, at=emory.at(emory.day(86), 17), is_ongoing=False, **over)


def _withdrawn(emory):
    second = emory.treat(60, 63, "M", "90.1", "UC-2405")
    emory.attend(second, W1=0, W2=0)
    emory.review(second, 43, 45)
    withdraw(
        participant=second,
        withdrawn_on=emory.day(34),
        reason="withdrawal_by_subject",
        note="Moved away",
        by=emory.coordinator,
        at=emory.at(emory.day(33), 10),
    )


def _screen_failure(emory):
    third = emory.screen(40, 58, "F")
    emory.evidence(third, 40, WBC="1.8")
    emory.answer(third, 38)
    fail_screening(
        participant=third,
        failed_on=emory.day(37),
        reason="White cells below the limit",
        criteria=["E2"],
        by=emory.coordinator,
        at=emory.at(emory.day(37), 14),
    )


def _ready_to_enroll(emory):
    ready = emory.screen(9, 38, "F")
    emory.evidence(ready, 9)
    emory.answer(ready, 2)
    emory.confirm(ready, 1)
    emory.receive(4, "UC-2408")
