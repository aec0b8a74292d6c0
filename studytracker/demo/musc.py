"""MUSC: nearly complete, late with a serious event, overdue, and in screening."""

from datetime import time

from adverse_events.following import follow_up
from adverse_events.sae_reports import prepare
from participants.holds import propose_hold
from studytracker import protocol
from studytracker.dates import PartialDate
from studytracker.protocol.safety import NONE_OF_THESE

from . import evidence


def stories(musc):
    first = _nearly_complete(musc)
    second = _late_with_a_serious_event(musc)
    _overdue(musc)
    musc.book(first, "W24", ago=1, booked_ago=9)
    musc.book(second, "W12", ago=-2, booked_ago=3)
    _in_screening(musc)
    _product(musc)


def _nearly_complete(musc):
    first = musc.treat(170, 41, "F", "68.0", "UC-2401")
    _infusion_day(musc, first)
    musc.attend(first, W1=0, W2=1)
    musc.attend(first, W4=0, visit_type="phone")
    day_before = musc.day(170 - 28 + 1)
    musc.put_right(first, "W4", 138, "The worksheet has the day before", attended_on=day_before)
    musc.put_right(first, "W4", 136, "Seen in the clinic, not only phoned", visit_type="clinic")
    musc.review(first, 152, 155)
    _tapering(musc, first)
    out = protocol.current().choices("out_of_window_reason")[0][1]
    musc.attend(first, reason=out, W8=10)
    musc.attend(first, W12=-2, W16=0, W20=3)
    musc.ranges()
    musc.measure(first, "W16", SYSBP="118", DIABP="74", WEIGHT="68.4", WBC="4.6", HGB="12.3", AST="31")
    musc.measure(first, "W20", SYSBP="121", DIABP="76", WEIGHT="68.0", WBC="2.7", HGB="11.4", PLAT="162", AST="88")
    _headache(musc, first)
    return first


def _infusion_day(musc, first):
    musc.vitals(first, 170, "before", time(9, 45), SYSBP=116, DIABP=72, PULSE=74, RESP=14, TEMP="36.7", OXYSAT=98)
    musc.vitals(first, 170, "start_30", time(10, 45), SYSBP=121, DIABP=76, PULSE=80, RESP=16, TEMP="36.9", OXYSAT=97)
    musc.vitals(first, 170, "end", time(11, 5), SYSBP=124, DIABP=78, PULSE=88, RESP=16, TEMP="37.3", OXYSAT=97)
    musc.vitals(first, 170, "end_60", time(12, 10), SYSBP=126, DIABP=80, PULSE=96, RESP=18, TEMP="38.3", OXYSAT=96)
    musc.vitals(first, 170, "end_360", time(17, 0), SYSBP=118, DIABP=74, PULSE=78, RESP=14, TEMP="37.0", OXYSAT=98)


def _tapering(musc, participant):
    """The steroid goes down, and disease activity with it."""
    before = musc.day(400)
    musc.course(participant, 141, "20", PartialDate(before.year, before.month), 142)
    musc.course(participant, 99, "15", 141, 100)
    musc.course(participant, 57, "10", 99, 58)
    musc.course(participant, 56, "7.5", 57)
    musc.sledai(participant, 170, "arthritis", "rash", "low_complement")
    musc.sledai(participant, 142, "arthritis", "low_complement")
    musc.sledai(participant, 86, "rash", "low_complement")
    musc.sledai(participant, 58, "low_complement")


def _headache(musc, participant):
    musc.event(
        participant,
        PartialDate.of(musc.day(168)),
        166,
        term="Headache after the infusion",
        dictionary_term="Headache",
        started_time=time(18, 30),
        ended=PartialDate.of(musc.day(167)),
        is_ongoing=False,
        grade=1,
        causality="possible",
        outcome="recovered",
        special_interest=NONE_OF_THESE,
        action_taken="not_applicable",
    )


def _late_with_a_serious_event(musc):
    second = musc.treat(87, 52, "F", "72.4", "UC-2402", share="0.87")
    musc.vitals(second, 87, "before", time(9, 50), SYSBP=132, DIABP=84, PULSE=82, RESP=16, TEMP="36.6", OXYSAT=98)
    musc.vitals(second, 87, "end", time(11, 5), SYSBP=138, DIABP=88, PULSE=86, RESP=16, TEMP="36.8", OXYSAT=97)
    musc.attend(second, W1=0, W2=0, W4=2)
    musc.review(second, 70, 73)
    no_sample = protocol.current().label("procedure_not_done_reason", "not_obtained")
    musc.attend(second, not_done={"urinalysis": no_sample}, W8=-3)
    _shingles(musc, second)
    return second


def _shingles(musc, participant):
    """Serious, of an unknown day; told, reported and followed up."""
    onset = musc.day(22)
    shingles = musc.event(
        participant,
        PartialDate(onset.year, onset.month),
        3,
        term="Shingles, left T6",
        dictionary_term="Shingles",
        special_interest="infection",
        nature="adverse_event",
        is_suspected=False,
        is_treated=True,
        treatment="Acyclovir",
        grade=3,
        is_hospitalization=True,
        causality="unlikely",
        outcome="not_recovered",
        action_taken="not_applicable",
        aware_at=musc.at(musc.day(3), 11),
    )
    musc.tell_sponsor(shingles, 3, 18)
    prepare(event=shingles, by=musc.coordinator, at=musc.at(musc.day(3), 18))
    asked = {"followed_on": musc.day(2), "note": "Crusting, less pain.", "next_on": musc.day(-1)}
    follow_up(event=shingles, by=musc.coordinator, at=musc.at(musc.day(2), 16), **asked)


def _overdue(musc):
    """Week 2 is not recorded; a second serious event since yesterday."""
    third = musc.treat(26, 34, "M", "81.2", "UC-2404")
    musc.vitals(third, 26, "before", time(9, 55), SYSBP=118, DIABP=70, PULSE=68, RESP=14, TEMP="36.5", OXYSAT=99)
    musc.attend(third, W1=1)
    musc.review(third, 8, 9, waited="Week 2 is late: the board decided on Week 1 and a telephone contact on D17")
    musc.event(third, PartialDate.of(musc.day(12)), 11, term="Fatigue", dictionary_term="Fatigue", grade=2)
    thrombosis = musc.event(
        third,
        PartialDate.of(musc.day(2)),
        1,
        term="Deep vein thrombosis, right arm",
        dictionary_term="Thromboembolic event",
        grade=3,
        is_hospitalization=True,
        causality="possible",
        special_interest="thromboembolism",
        aware_at=musc.at(musc.day(1), 15),
    )
    musc.tell_sponsor(thrombosis, 1, 18)


def _in_screening(musc):
    fourth = musc.screen(5, 47, "F")
    musc.evidence(fourth, 5, medicines=evidence.waiting_medicines)
    shingles = {"on": musc.day(5), "by": musc.coordinator, "at": musc.at(musc.day(5), 13)}
    evidence.shingles(fourth, **shingles)
    musc.answer(fourth, 3, leave_open=("E7a", "E7b", "E8"))


def _product(musc):
    """What is in the freezer now, and a hold that somebody asks for."""
    musc.receive(6, "UC-2406")
    tests = {code: (True, musc.day(40)) for code, label in protocol.current().choices("donor_test")[:-1]}
    musc.receive(1, "UC-2407", released=False, donor_tests=tests)
    propose_hold(
        cause="safety_concern",
        text="Shingles in hospital after the infusion of one participant: review before the next infusion",
        reference="MUSC-002 AE 1",
        by=musc.coordinator,
        at=musc.at(musc.day(2), 11),
    )
