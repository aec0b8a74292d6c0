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
from adverse_events.notifications import notify
from adverse_events.reporting import report
from adverse_events.rules import switch
from adverse_events.sae_reports import prepare
from participants.eligibility import NOT_APPLICABLE
from participants.enrollment import enroll
from participants.infusion import infuse
from participants.models import Participant
from participants.screening import answer, fail_screening, questions, screen, withdraw
from studytracker import protocol
from studytracker.access.grants import Role
from studytracker.access.models import User
from studytracker.access.people import grant
from studytracker.dates import PartialDate, local_instant
from studytracker.outbox.acknowledging import acknowledge
from studytracker.outbox.models import Notice, Preference
from studytracker.outbox.sweeping import sweep
from studytracker.protocol.models import Site
from visits.attendance import attend, miss
from visits.bookings import book
from visits.models import Booking

from .people import PEOPLE, demo_password


def load(at: datetime) -> bool:
    """Make people and participants with dates relative to `at`. Returns False, changing nothing, if any exist."""
    if Participant.objects.exists() or User.objects.exists():
        _renew_passwords()
        return False
    load_people()
    _switch_on_the_example(at)
    for site, stories in (("MUSC", _musc), ("EMORY", _emory)):
        stories(_Site(site, at))
    _remind(at)
    return True


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

    def treat(self, ago, age, sex, weight, lot):
        """Screened two weeks before an infusion `ago` days ago."""
        participant = self.screen(ago + 14, age, sex)
        self.answer(participant, ago + 12)
        enroll(participant=participant, by=self.investigator, at=self.at(self.day(ago + 2), 15))
        infuse(
            participant=participant,
            infused_on=self.day(ago),
            start_time=time(10, 15),
            weight_kg=Decimal(weight),
            lot=lot,
            volume_ml=Decimal("150.0"),
            by=self.coordinator,
            at=self.at(self.day(ago), 16),
        )
        return participant

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
    musc.attend(first, W1=0, W2=1, W4=0)
    out = protocol.current().choices("out_of_window_reason")[0][1]
    musc.attend(first, reason=out, W8=10)
    musc.attend(first, W12=-2, W16=0, W20=3)
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
        action_taken="not_applicable",
    )

    second = musc.treat(87, 52, "F", "72.4", "UC-2402")
    musc.attend(second, W1=0, W2=0, W4=2)
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
    musc.attend(third, W1=1)
    musc.event(third, PartialDate.of(musc.day(12)), 11, term="Fatigue", dictionary_term="Fatigue", grade=2)
    thrombosis = musc.event(
        third,
        PartialDate.of(musc.day(2)),
        1,
        term="Deep vein thrombosis, right arm",
        grade=3,
        is_hospitalization=True,
        causality="possible",
        aware_at=musc.at(musc.day(1), 15),
    )
    musc.tell_sponsor(thrombosis, 1, 18)
    musc.book(first, "W24", ago=1, booked_ago=9)
    musc.book(second, "W12", ago=-2, booked_ago=3)

    fourth = musc.screen(5, 47, "F")
    musc.answer(fourth, 3, leave_open=("E7a", "E7b", "E8"), E11a="unknown")


def _emory(emory):
    """On study with a missed visit, withdrawn, a screen failure, ready to enroll, and consented today."""
    first = emory.treat(134, 29, "F", "59.5", "UC-2403")
    emory.attend(first, W1=0, W2=2, W4=-1, W8=4)
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
    withdraw(
        participant=second,
        withdrawn_on=emory.day(34),
        reason="withdrawal_by_subject",
        note="Moved away",
        by=emory.coordinator,
        at=emory.at(emory.day(33), 10),
    )

    third = emory.screen(40, 58, "F")
    emory.answer(third, 38, E2b="present")
    fail_screening(
        participant=third,
        failed_on=emory.day(37),
        reason="E2b: white cells below the limit",
        by=emory.coordinator,
        at=emory.at(emory.day(37), 14),
    )

    emory.answer(emory.screen(9, 38, "F"), 2)
    emory.screen(0, 45, "F")
