"""What the stories of the demonstration are told with: the acts of one site, each at its day before today."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from adverse_events.notifications import notify
from adverse_events.reporting import report
from adverse_events.review import KIND, REVIEW
from participants.decisions import confirm_decision, record_decision
from participants.doses import check_dose, prepare_dose
from participants.eligibility import NOT_APPLICABLE
from participants.enrollment import enroll
from participants.infusion import infuse
from participants.labs import record_range
from participants.medicines import record_medication
from participants.models import ProductLot, SiteLabRange
from participants.observation import record as record_vitals
from participants.product import move, receive_lot, release_lot
from participants.screening import answer, questions, screen
from participants.sledai import record_sledai
from participants.vitals import record_vital
from studytracker import protocol
from studytracker.access.models import User
from studytracker.access.passwords import Reauthenticated
from studytracker.dates import PartialDate, local_instant
from studytracker.protocol.models import Site
from studytracker.trust.signatures import sign, standing
from visits.attendance import attend, miss
from visits.bookings import book
from visits.correcting import correct_visit
from visits.measurements import Measured, Typed
from visits.procedures import complete

from . import evidence
from .people import PEOPLE


class StorySite:
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
