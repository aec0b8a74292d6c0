"""A synthetic trial, the same on every load but for today's date. No real participant stands behind any of it.

Everything is made by the functions that the pages call, at the instants when it would have happened, so each rule
held when it was recorded.
"""

import os
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from adverse_events.assessing import regrade
from adverse_events.correcting import correct
from adverse_events.following import follow_up
from adverse_events.models import AdverseEvent
from adverse_events.notifications import notify
from adverse_events.reporting import report
from adverse_events.review import KIND, REVIEW
from adverse_events.rules import switch
from adverse_events.sae_reports import prepare
from participants.decisions import confirm_decision, record_decision
from participants.doses import check_dose, prepare_dose
from participants.eligibility import NOT_APPLICABLE
from participants.enrollment import enroll
from participants.holds import lift_hold, open_hold, propose_hold
from participants.infusion import infuse
from participants.labs import record_range
from participants.medicines import record_medication
from participants.models import Participant, ProductLot, SiteLabRange
from participants.monitoring import records
from participants.monitoring.asking import ask
from participants.monitoring.verifying import last_entry, verify
from participants.observation import record as record_vitals
from participants.product import move, receive_lot, release_lot
from participants.screening import answer, fail_screening, questions, screen, withdraw
from participants.sledai import record_sledai
from participants.vitals import record_vital
from studytracker import protocol
from studytracker.access.grants import Role
from studytracker.access.models import User
from studytracker.access.passwords import Reauthenticated
from studytracker.access.people import grant
from studytracker.dates import PartialDate, local_instant
from studytracker.outbox.acknowledging import acknowledge
from studytracker.outbox.models import Notice, Preference
from studytracker.outbox.sweeping import sweep
from studytracker.protocol.models import Site
from studytracker.protocol.safety import NONE_OF_THESE
from studytracker.trust.signatures import sign, standing
from visits.attendance import attend, miss
from visits.bookings import book
from visits.correcting import correct_visit
from visits.measurements import Measured, Typed
from visits.models import Booking
from visits.procedures import complete

from . import evidence
from .people import PEOPLE, demo_password


def load(at: datetime) -> bool:
    """Make people and participants with dates relative to `at`. Returns False, changing nothing, if any exist."""
    if Participant.objects.exists() or User.objects.exists():
        _renew_passwords()
        return False
    load_people()
    for order, code in enumerate(("MUSC", "EMORY")):
        _Site(code, at).laboratory(order)
    _switch_on_the_example(at)
    for site, stories in (("MUSC", _musc), ("EMORY", _emory)):
        stories(_Site(site, at))
    _remind(at)
    _monitor(at)
    return True


def _monitor(at):
    """A visit of the monitor: one question that waits, and the values of one event compared with their source."""
    monitor = User.objects.get(username=next(person.username for person in PEOPLE if person.role == Role.MONITOR))
    event = AdverseEvent.objects.filter(site="MUSC").order_by("participant__number", "number").first()
    about = records.reach(monitor, event._meta.db_table, event.pk)
    facts = {"by": monitor, "at": at - timedelta(days=9)}
    ask(record=about, column="action_taken", text="The source note names paracetamol. Was treatment given?", **facts)
    verify(record=about, columns=["term", "started", "ended", "grade"], seen=last_entry(about), **facts)


def _switch_on_the_example(at):
    """The stopping rule that ships switched off, so that the demonstration shows how far it is from tripping."""
    chair = User.objects.get(username=next(person.username for person in PEOPLE if person.role == Role.CHAIR))
    for rule in protocol.current().stopping_rules:
        reason = "For the demonstration. This is an example, not a rule of the trial."
        switch(rule_id=rule.id, is_on=True, reason=reason, by=chair, at=at - timedelta(days=200))


def _remind(at):
    """The first sweep; a visit that is booked already is acknowledged."""
    sweep(at)
    for notice in Notice.objects.filter(source="visit", stage="late").select_related("site"):
        booking = Booking.objects.in_force().filter(visit=notice.object_id, starts_at__gt=at).first()
        if booking:
            by = booking.booked_by
            until = booking.starts_at.astimezone(notice.site.zone).date()
            acknowledge(notice=notice, until_on=until, reason="Booked", by=by, at=at)


def _renew_passwords():
    """A DEMO_PASSWORD given on a later start is the one that signs in."""
    if "DEMO_PASSWORD" not in os.environ:
        return
    for user in User.objects.filter(username__in=[person.username for person in PEOPLE]):
        if not user.check_password(demo_password()):
            user.set_password(demo_password())
            user.save(update_fields=["password"])


def load_people():
    """They want their mail at any hour, so that a demonstration at night shows some."""
    for person in PEOPLE:
        membership = grant(
            username=person.username,
            role=person.role,
            site=person.site or None,
            email=f"{person.username}@demo.invalid",
            password=demo_password(),
        )
        any_hour = {"digest_time": time(0), "quiet_from": time(0), "quiet_to": time(0)}
        Preference.objects.create(user=membership.user, **any_hour)


class _Site:
    """Tells stories at one site: every day is given as days before today."""

    def __init__(self, code, at):
        self.site = Site.objects.get(code=code)
        self.today = self.site.today(at)
        self.now = at
        self.clock = min(time(9), at.astimezone(self.site.zone).time().replace(second=0, microsecond=0))
        names = {person.role: person.username for person in PEOPLE if person.site == code}
        self.coordinator = User.objects.get(username=names["coordinator"])
        self.investigator = User.objects.get(username=names["investigator"])

    def day(self, ago: int) -> date:
        return self.today - timedelta(days=ago)

    def at(self, on: date, hour: int) -> datetime:
        """The instant an act was recorded: that hour at the site, or now where that is still to come."""
        return min(local_instant(on, time(hour), self.site.zone), self.now)

    def screen(self, ago, age, sex):
        on = self.day(ago)
        return screen(
            site=self.site,
            screened_on=on,
            age=age,
            sex=sex,
            consent_version=protocol.current().consent_forms_at(self.site.code, on)[-1].version,
            consent_on=on,
            consent_time=self.clock if ago == 0 else time(9),
            by=self.coordinator,
            at=self.at(on, 11),
        )

    def answer(self, participant, ago, leave_open=(), **differing):
        """Every part passes, but those in `leave_open` and those given as part="answer"."""
        answers = {}
        for criterion, part in questions(participant):
            if part.id in leave_open:
                continue
            passing = "absent" if criterion.is_exclusion else "met"
            code = differing.get(part.id, NOT_APPLICABLE if part.not_applicable else passing)
            answers[part.id] = (code, "Synthetic source note")
        answer(participant=participant, answers=answers, by=self.coordinator, at=self.at(self.day(ago), 12))

    def laboratory(self, order):
        start = self.day(400)
        evidence.laboratory(self.site, order, on=start, by=self.coordinator, at=self.at(start, 9))

    def evidence(self, participant, ago, *, medicines=evidence.usual_medicines, lists=True, **values):
        """What the screening visit found, recorded on its day."""
        on = self.day(ago)
        facts = {"on": on, "by": self.coordinator, "at": self.at(on, 12)}
        evidence.screening_facts(participant, **facts, **values)
        medicines(participant, **facts)
        if lists:
            evidence.lists_complete(participant, **facts)

    def confirm(self, participant, ago):
        evidence.confirm(participant, by=self.investigator, at=self.at(self.day(ago), 14))

    def receive(self, ago, number, units=2, released=True, **facts):
        """A lot that arrives that many days ago and, where everything is negative, is released the day after."""
        tests = {code: (True, self.day(ago + 30)) for code, label in protocol.current().choices("donor_test")}
        facts = {"donor_tests": tests, "viability_percent": Decimal("92.5"), "note": "Dry shipper, -150 °C"} | facts
        lot = receive_lot(
            site=self.site,
            number=number,
            donor_lot=f"D-{number[-2:]}",
            collected_on=self.day(ago + 60),
            cells_per_unit=120_000_000,
            volume_ml=Decimal("100.0"),
            units=units,
            received_at=self.at(self.day(ago), 9),
            expires_at=local_instant(self.day(ago - 400), time(23, 59), self.site.zone),
            by=self.coordinator,
            at=self.at(self.day(ago), 10),
            **facts,
        )
        stored = {"units": units, "happened_at": self.at(self.day(ago), 10), "note": "Freezer 2, rack B"}
        move(lot=lot, kind="stored", by=self.coordinator, at=self.at(self.day(ago), 11), **stored)
        return release_lot(lot=lot, by=self.investigator, at=self.at(self.day(ago - 1), 9)) if released else lot

    def treat(self, ago, age, sex, weight, lot, share="1"):
        """Screened two weeks before an infusion `ago` days ago, of that share of the volume worked out."""
        participant = self.screen(ago + 14, age, sex)
        self.answer(participant, ago + 12)
        self.confirm(participant, ago + 2)
        enroll(participant=participant, by=self.investigator, at=self.at(self.day(ago + 2), 15))
        self.receive(ago + 5, lot)
        volume = self.dose(participant, ago, lot, weight)
        infuse(
            participant=participant,
            infused_on=self.day(ago),
            start_time=time(10, 15),
            stop_time=time(11, 5),
            volume_ml=round(volume * Decimal(share), 1),
            by=self.coordinator,
            at=self.at(self.day(ago), 18),
        )
        weighed = {"test": "WEIGHT", "value": Decimal(weight), "unit": "kg", "measured_on": self.day(ago + 14)}
        record_vital(participant=participant, by=self.coordinator, at=self.at(self.day(ago), 19), **weighed)
        return participant

    def dose(self, participant, ago, lot, weight):
        """Worked out by the coordinator and checked by the investigator. Returns the volume in mL."""
        at = self.at(self.day(ago), 9)
        dose = prepare_dose(
            participant=participant,
            lot=ProductLot.objects.get(site=self.site, number=lot),
            units=1,
            thawed_at=at - timedelta(minutes=25),
            weight_kg=Decimal(weight),
            weighed_on=self.day(ago),
            cells_per_ml=1_150_000,
            viability_percent=Decimal("90.5"),
            by=self.coordinator,
            at=at,
        )
        answered = Reauthenticated(self.investigator.pk, at)
        return check_dose(dose=dose, answered=answered, by=self.investigator, at=at).volume_ml

    def vitals(self, participant, ago, point, at, **values):
        """vitals(p, 87, "end", time(11, 5), SYSBP=118, TEMP="37.1")."""
        record_vitals(
            participant=participant,
            time_point=point,
            measured_on=self.day(ago),
            measured_time=at,
            values={code: Decimal(value) for code, value in values.items()},
            is_sure=False,
            by=self.coordinator,
            at=self.at(self.day(ago), 19),
        )

    def course(self, participant, recorded_ago, mg, started, ended=None, drug="Prednisone"):
        """One course of a corticosteroid; without an end it goes on. Days are given as days before today."""
        record_medication(
            participant=participant,
            drug=drug,
            drug_class="corticosteroid",
            route="oral",
            dose=Decimal(mg),
            dose_unit="mg",
            per_day=Decimal(1),
            started=started if isinstance(started, PartialDate) else self.day(started),
            ended=None if ended is None else self.day(ended),
            is_ongoing=ended is None,
            indication="SLE",
            by=self.coordinator,
            at=self.at(self.day(recorded_ago), 12),
        )

    def sledai(self, participant, ago, *present):
        """An assessment with these descriptors present and every other absent."""
        codes = [item.code for item in protocol.current().sledai.items]
        answers = {code: code in present for code in codes}
        facts = {"assessed_on": self.day(ago), "present": answers, "source": "Synthetic source note"}
        record_sledai(participant=participant, by=self.coordinator, at=self.at(self.day(ago), 15), **facts)

    def review(self, participant, ago, cut_off_ago, waited=""):
        """The board's decision to continue, recorded by the chair and confirmed by the administrator."""
        if not waited:
            self.sign_safety_review(cut_off_ago)
        chair, second = (User.objects.get(username=name) for name in ("chair", "admin"))
        at = self.at(self.day(ago), 16)
        decision = record_decision(
            participant=participant,
            decision="continue",
            decided_on=self.day(ago),
            cut_off_on=self.day(cut_off_ago),
            document=f"DSMB letter of {self.day(ago):%-d %b %Y}, trial master file 8.2",
            on_available_data=waited,
            by=chair,
            at=at,
        )
        confirm_decision(decision=decision, answered=Reauthenticated(second.pk, at), by=second, at=at)

    def sign_safety_review(self, ago):
        """What the investigator signs of every event of the site, in the evening."""
        at, key = self.at(self.day(ago), 20), self.site.code
        facts = {"displayed_hash": standing(KIND, key).sha256, "meaning": REVIEW.meanings[0], "comment": ""}
        answered = Reauthenticated(self.investigator.pk, at)
        sign(kind=KIND, key=key, answered=answered, by=self.investigator, at=at, accepts_open=True, **facts)

    def attend(self, participant, reason="", not_done=None, visit_type="clinic", **shifts):
        """Log visits, each on its target shifted by days: attend(p, W1=0, W2=-1)."""
        for code, shift in shifts.items():
            visit = participant.visits.get(code=code)
            on = visit.target_on + timedelta(days=shift)
            attend(
                visit=visit,
                attended_on=on,
                out_of_window_reason=reason,
                visit_type=visit_type,
                procedures={each: "" for each in visit.planned.procedures} | (not_done or {}),
                by=self.coordinator,
                at=self.at(on, 16),
            )

    def put_right(self, participant, code, ago, reason, **facts):
        """A correction of a logged visit, so that a value with a past is met."""
        visit = participant.visits.get(code=code)
        correct_visit(visit=visit, reason=reason, by=self.coordinator, at=self.at(self.day(ago), 10), **facts)

    def measure(self, participant, code, finding="", **values):
        """Values of one visit, in the protocol's units, typed the hour after the log."""
        visit = participant.visits.get(code=code)
        units = {test.code: test.unit for test in (*visit.rules.vital_signs, *visit.rules.lab_tests)}
        typed = {test: Typed(Decimal(value), units[test]) for test, value in values.items()}
        findings = {"adverse_events": finding} if finding else {}
        at = self.at(visit.attended_on, 17)
        complete(visit=visit, measured=Measured(typed, findings), by=self.coordinator, at=at)

    def ranges(self):
        """The normal limits of the site's laboratory, those that are not on file yet."""
        limits = {"WBC": (4, 11), "HGB": (12, 16), "PLAT": (150, 400), "AST": (None, 34), "ALT": (None, 40)}
        for test, (low, high) in limits.items():
            if not SiteLabRange.objects.standing().filter(site=self.site, test=test).exists():
                unit, starts_on = protocol.current().lab_test(test).unit, self.day(400)
                facts = {"starts_on": starts_on, "by": self.coordinator, "at": self.at(self.day(399), 9)}
                record_range(site=self.site, test=test, low=low, high=high, unit=unit, **facts)

    def book(self, participant, code, ago, booked_ago):
        visit = participant.visits.get(code=code)
        facts = {"on": self.day(ago), "start_time": time(9, 30), "by": self.coordinator}
        book(visit=visit, at=self.at(self.day(booked_ago), 12), **facts)

    def miss(self, participant, code, reason):
        visit = participant.visits.get(code=code)
        words = protocol.current().label("missed_reason", reason)
        on = visit.closes_on + timedelta(days=1)
        miss(visit=visit, reason=words, by=self.coordinator, at=self.at(on, 10))

    def event(self, participant, on, recorded_ago, **facts):
        return report(
            participant=participant,
            started=on,
            by=self.coordinator,
            at=self.at(self.day(recorded_ago), 17),
            **facts,
        )

    def tell_sponsor(self, event, ago, hour):
        """The sponsor is told, which meets the clocks of the first 24 hours."""
        at = self.at(self.day(ago), hour)
        waiting = [clock for clock in event.clocks.undone() if "sponsor" in clock.rule.notify]
        notify(
            event=event,
            recipient="sponsor",
            sent_at=at,
            method="email",
            reference=f"Message of {at:%Y-%m-%d %H:%M} UTC",
            clocks=waiting,
            by=self.coordinator,
            at=at,
        )


def _musc(musc):
    """Nearly complete, late with a serious event, overdue, and in screening."""
    first = musc.treat(170, 41, "F", "68.0", "UC-2401")
    musc.vitals(first, 170, "before", time(9, 45), SYSBP=116, DIABP=72, PULSE=74, RESP=14, TEMP="36.7", OXYSAT=98)
    musc.vitals(first, 170, "start_30", time(10, 45), SYSBP=121, DIABP=76, PULSE=80, RESP=16, TEMP="36.9", OXYSAT=97)
    musc.vitals(first, 170, "end", time(11, 5), SYSBP=124, DIABP=78, PULSE=88, RESP=16, TEMP="37.3", OXYSAT=97)
    musc.vitals(first, 170, "end_60", time(12, 10), SYSBP=126, DIABP=80, PULSE=96, RESP=18, TEMP="38.3", OXYSAT=96)
    musc.vitals(first, 170, "end_360", time(17, 0), SYSBP=118, DIABP=74, PULSE=78, RESP=14, TEMP="37.0", OXYSAT=98)
    musc.attend(first, W1=0, W2=1, W4=0)
    day_before = musc.day(170 - 28 + 1)
    musc.put_right(first, "W4", 138, "The worksheet has the day before", attended_on=day_before)
    musc.put_right(first, "W4", 136, "Seen at the laboratory, not in the clinic", visit_type="laboratory")
    musc.review(first, 152, 155)
    before = musc.day(400)
    musc.course(first, 141, "20", PartialDate(before.year, before.month), 142)
    musc.course(first, 99, "15", 141, 100)
    musc.course(first, 57, "10", 99, 58)
    musc.course(first, 56, "7.5", 57)
    musc.sledai(first, 170, "arthritis", "rash", "low_complement")
    musc.sledai(first, 142, "arthritis", "low_complement")
    musc.sledai(first, 86, "rash", "low_complement")
    musc.sledai(first, 58, "low_complement")
    out = protocol.current().choices("out_of_window_reason")[0][1]
    musc.attend(first, reason=out, W8=10)
    musc.attend(first, W12=-2, W16=0, W20=3)
    musc.ranges()
    musc.measure(first, "W16", SYSBP="118", DIABP="74", WEIGHT="68.4", WBC="4.6", HGB="12.3", AST="31")
    musc.measure(first, "W20", SYSBP="121", DIABP="76", WEIGHT="68.0", WBC="2.7", HGB="11.4", PLAT="162", AST="88")
    musc.event(
        first,
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

    second = musc.treat(87, 52, "F", "72.4", "UC-2402", share="0.87")
    musc.vitals(second, 87, "before", time(9, 50), SYSBP=132, DIABP=84, PULSE=82, RESP=16, TEMP="36.6", OXYSAT=98)
    musc.vitals(second, 87, "end", time(11, 5), SYSBP=138, DIABP=88, PULSE=86, RESP=16, TEMP="36.8", OXYSAT=97)
    musc.attend(second, W1=0, W2=0, W4=2)
    musc.review(second, 70, 73)
    no_sample = protocol.current().label("procedure_not_done_reason", "not_obtained")
    musc.attend(second, not_done={"urinalysis": no_sample}, W8=-3)
    onset = musc.day(22)
    shingles = musc.event(
        second,
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
        grade=3,
        is_hospitalization=True,
        causality="possible",
        special_interest="thromboembolism",
        aware_at=musc.at(musc.day(1), 15),
    )
    musc.tell_sponsor(thrombosis, 1, 18)
    musc.book(first, "W24", ago=1, booked_ago=9)
    musc.book(second, "W12", ago=-2, booked_ago=3)

    fourth = musc.screen(5, 47, "F")
    musc.evidence(fourth, 5, medicines=evidence.waiting_medicines)
    shingles = {"on": musc.day(5), "by": musc.coordinator, "at": musc.at(musc.day(5), 13)}
    evidence.shingles(fourth, **shingles)
    musc.answer(fourth, 3, leave_open=("E7a", "E7b", "E8"))
    _musc_product(musc)


def _musc_product(musc):
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


def _emory(emory):
    """On study with a missed visit, withdrawn, a screen failure, ready to enroll, and consented today."""
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
    first = emory.treat(134, 29, "F", "59.5", "UC-2403")
    leaked = {"units": 1, "happened_at": emory.at(emory.day(133), 9), "note": "The second bag leaked at the seam"}
    lot = ProductLot.objects.get(site=emory.site, number="UC-2403")
    move(lot=lot, kind="wasted", by=emory.coordinator, at=emory.at(emory.day(133), 10), **leaked)
    emory.attend(first, W1=0, W2=2, W4=-1, W8=4)
    emory.review(first, 114, 116)
    emory.miss(first, "W12", protocol.current().choices("missed_reason")[0][0])
    infection = emory.event(
        first,
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

    ready = emory.screen(9, 38, "F")
    emory.evidence(ready, 9)
    emory.answer(ready, 2)
    emory.confirm(ready, 1)
    emory.receive(4, "UC-2408")
    emory.screen(0, 45, "F")
