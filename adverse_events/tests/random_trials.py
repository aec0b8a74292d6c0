"""Trials made at random, straight into the database: people at every stage, events of every kind, gaps everywhere."""

import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from adverse_events.models import AdverseEvent, GradeEpisode
from conftest import NOW, TODAY
from participants.models import Enrollment, Infusion, Interruption, LabResult, Participant
from studytracker import protocol
from studytracker.dates import PartialDate
from studytracker.protocol.models import Slot
from visits.models import Deviation, Visit

SOCS = {
    "Rash": "Skin and subcutaneous tissue disorders",
    "Pruritus": "Skin and subcutaneous tissue disorders",
    "Nausea": "Gastrointestinal disorders",
    "Vomiting": "Gastrointestinal disorders",
    "Fever": "General disorders",
    "Malaise": "",
}
REPORTED = ("rash on arm", "Queasy", "QUEASY", "hot", "felt odd", "=1+1", "Ödem")
CRITERIA = ("is_fatal", "is_life_threatening", "is_hospitalization", "is_important_medical_event")
ACTIONS = ("", "not_applicable", "drug_withdrawn", "drug_interrupted", "dose_reduced", "dose_not_changed")
TESTS = ("WBC", "AST", "PLAT")


class RandomTrial:
    """`seed` decides everything. People of `sites`; at most six are enrolled."""

    def __init__(self, seed, by):
        self.chance, self.by = random.Random(seed), by
        self.slots = list(Slot.objects.order_by("number"))
        people = [self._person(site, number) for site in ("MUSC", "EMORY") for number in range(1, self._upto(6) + 1)]
        self.people = Participant.objects.bulk_create(people)
        self.infused = self._infusions()
        self._events()
        self._visits()
        self._deviations()
        self._labs()

    def _upto(self, most):
        return self.chance.randint(0, most)

    def _often(self, share):
        return self.chance.random() < share

    def _day(self, first=-30, last=120):
        return TODAY - timedelta(days=200) + timedelta(days=self.chance.randint(first, last))

    def _partial(self, day):
        return self.chance.choice(
            [PartialDate.of(day)] * 5 + [PartialDate(day.year, day.month), PartialDate(day.year)]
        )

    def _person(self, site, number):
        on = self._day(-60, -30)
        facts = {"age": self.chance.randint(18, 65), "sex": self.chance.choice("FM"), "protocol_version": "1.0"}
        row = Participant(site_id=site, number=number, identifier=f"{site}-{number:03}", screened_on=on, **facts)
        row.screened_at, row.screened_by = NOW, self.by
        if self._often(0.2):
            row.screen_failed_on, row.screen_failed_at, row.screen_failed_by = on, NOW, self.by
            row.screen_failed_reason = "Criteria"
            row.screen_failed_criteria = self.chance.choice(["", "E2", "E2 E9", "I3"])
        elif self._often(0.25):
            row.withdrawn_on, row.withdrawn_at, row.withdrawn_by = self._day(0, 100), NOW, self.by
            row.withdrawn_reason = self.chance.choice(["adverse_event", "death", "lost_to_follow_up", "other"])
        return row

    def _infusions(self):
        able = [row for row in self.people if not row.screen_failed_on and self._often(0.8)][: len(self.slots)]
        found = []
        for row, slot in zip(able, self.slots, strict=False):
            at = {"enrolled_at": NOW, "enrolled_by": self.by}
            Enrollment.objects.create(participant=row, slot=slot, enrolled_on=self._day(-29, -20), **at)
            if self._often(0.85):
                found.append(self._infusion(row))
        Infusion.objects.bulk_create(found)
        return self._interrupted()

    def _infusion(self, row):
        on = self._day(-15, 15)
        start = datetime.combine(on, time(14, self.chance.randint(0, 59)), UTC)
        made = Infusion(
            participant=row, infused_on=on, started_at=start, lot="L1", recorded_at=NOW, recorded_by=self.by
        )
        made.weight_kg = Decimal(self.chance.randint(450, 990)) / 10
        made.planned_cells = int(made.weight_kg * 1_000_000)
        if self._often(0.8):
            made.stopped_at, made.volume_ml = (
                start + timedelta(minutes=40),
                Decimal(self.chance.randint(300, 900)) / 10,
            )
            made.delivered_cells = self.chance.randint(1, made.planned_cells)
        return made

    def _interrupted(self):
        found = {row.participant_id: row for row in Infusion.objects.select_related("participant")}
        for row in found.values():
            for minutes in range(self._upto(2)):
                facts = {"began_at": row.started_at + timedelta(minutes=5 * minutes), "reason": "Chills"}
                facts |= {"resumed_at": facts["began_at"] + timedelta(minutes=2), "recorded_at": NOW}
                Interruption.objects.create(infusion=row, participant=row.participant, recorded_by=self.by, **facts)
        return found

    def _events(self):
        numbers = dict.fromkeys((row.pk for row in self.people), 0)
        rows = []
        for _ in range(self._upto(25) if self.people else 0):
            person = self.chance.choice(self.people)
            numbers[person.pk] += 1
            rows.append(self._event(person, numbers[person.pk]))
        made = AdverseEvent.objects.bulk_create(rows)
        episodes = [
            GradeEpisode(
                event=row, grade=grade, since=self._partial(self._day()), recorded_at=NOW, recorded_by=self.by
            )
            for row in made
            for grade in self.chance.sample([1, 2, 3, 4], self._upto(3))
        ]
        GradeEpisode.objects.bulk_create(episodes)

    def _event(self, person, number):
        infusion = self.infused.get(person.pk)
        on_day0 = infusion and self._often(0.2)
        day = infusion.infused_on if on_day0 else self._day()
        coded = self.chance.choice(["", *SOCS])
        row = AdverseEvent(participant=person, site_id=person.site_id, number=number, protocol_version="1.0")
        row.term = self.chance.choice(REPORTED)
        row.dictionary_term, row.body_system = coded, SOCS.get(coded, "")
        row.started = PartialDate.of(day) if on_day0 else self._partial(day)
        if row.started.is_full and self._often(0.5):
            row.started_time = time(self.chance.randint(8, 12), 30)
        row.grade = self.chance.choice([None, 1, 1, 2, 2, 3, 4, 5])
        row.causality = self.chance.choice(["", "unrelated", "unlikely", "possible", "definite"])
        row.sponsor_causality = self.chance.choice(["", "", "unrelated", "probable"])
        row.action_taken = self.chance.choice(ACTIONS)
        for name in CRITERIA:
            setattr(row, name, self._often(0.1))
            setattr(row, f"sponsor_{name}", self._often(0.05))
        row.ctcae_version, row.reported_at, row.reported_by = "5.0", NOW, self.by
        if self._often(0.1):
            row.voided_at, row.voided_by, row.voided_reason = NOW, self.by, "Entered twice"
        return row

    def _visits(self):
        rows = [
            self._visit(infusion, order, planned)
            for infusion in self.infused.values()
            for order, planned in enumerate(protocol.current().visits)
        ]
        Visit.objects.bulk_create(rows)

    def _visit(self, infusion, order, planned):
        target = infusion.infused_on + timedelta(days=planned.day)
        opens, closes = target - timedelta(days=planned.before), target + timedelta(days=planned.after)
        person = infusion.participant
        row = Visit(participant=person, site_id=person.site_id, code=planned.code, order=order)
        row.target_on, row.opens_on, row.closes_on = target, opens, closes
        what = self.chance.choice(["attended", "attended", "missed", "none", "dropped"])
        if what == "attended":
            row.attended_on, row.attended_at, row.attended_by = self._near(opens, closes), NOW, self.by
        elif what == "missed":
            row.missed_at, row.missed_by, row.missed_reason = NOW, self.by, "Illness"
        elif what == "dropped" and self._often(0.3):
            row.dropped_in = "1.1"
        return row

    def _near(self, opens, closes):
        return opens + timedelta(days=self.chance.randint(-2, (closes - opens).days + 2))

    def _deviations(self):
        rows = []
        for person in self.people:
            for number in range(1, self._upto(3) + 1):
                on = self._day()
                row = Deviation(participant=person, site_id=person.site_id, number=number, description="Late")
                row.category = self.chance.choice(["privacy", "other", "visit_missed"])
                row.happened_on = row.found_on = on
                row.drafted_at, row.drafted_by = NOW, self.by
                if self._often(0.5):
                    self._classify(row)
                if self._often(0.15):
                    row.voided_at, row.voided_by, row.voided_reason = NOW, self.by, "Not one"
                rows.append(row)
        Deviation.objects.bulk_create(rows)

    def _classify(self, row):
        row.impact, row.action, row.completed_at, row.completed_by = "None", "Told", NOW, self.by
        row.severity, row.is_reportable = self.chance.choice(["minor", "major"]), False
        row.classified_at, row.classified_by = NOW, self.by

    def _labs(self):
        rows = [self._lab(person) for person in self.people for _ in range(self._upto(8))]
        LabResult.objects.bulk_create(rows)

    def _lab(self, person):
        infusion = self.infused.get(person.pk)
        day = infusion.infused_on if infusion and self._often(0.15) else self._day(-20, 40)
        value = Decimal(self.chance.randint(1, 120)) / 10
        row = LabResult(
            participant=person, site_id=person.site_id, protocol_version="1.0", test=self.chance.choice(TESTS)
        )
        row.collected = PartialDate.of(day) if self._often(0.5) else self._partial(day)
        if row.collected.is_full and self._often(0.4):
            row.collected_at = datetime.combine(day, time(self.chance.randint(12, 16), 15), UTC)
        row.value = row.standard_value = value
        row.unit = row.standard_unit = protocol.current().lab_test(row.test).unit
        row.comparator = self.chance.choice(["", "", "", "<"])
        if self._often(0.8):
            row.low, row.high = Decimal(3), Decimal(9)
        row.visit_code = self.chance.choice(["", "SCR", "W1", "W4"])
        row.recorded_at, row.recorded_by = NOW, self.by
        if self._often(0.1):
            row.voided_at, row.voided_by, row.voided_reason = NOW, self.by, "Wrong tube"
        return row
