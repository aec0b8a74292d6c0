"""The tables counted a second time, by pandas, from the stored rows and nothing else of the outputs.

Every function gives {(labels): [text of each column]}. Nothing is imported from `adverse_events.outputs`.
"""

from calendar import monthrange
from datetime import date
from zoneinfo import ZoneInfo

import numpy
import pandas

from adverse_events.models import AdverseEvent, GradeEpisode
from participants.models import Interruption, LabResult, Participant
from studytracker import protocol
from visits.models import Deviation, Visit

SITES = ["MUSC", "EMORY"]
NEW_YORK = ZoneInfo("America/New_York")
RELATED = {"possible", "probable", "definite"}
MODIFIED = {"dose_reduced", "dose_rate_reduced", "dose_increased", "drug_interrupted"}


def frame(rows, columns):
    return pandas.DataFrame(list(rows.values_list(*columns)), columns=list(columns), dtype=object)


def first_and_last(iso):
    """('2025-02-01', '2025-02-28') of '2025-02', as dates."""
    parts = [int(part) for part in iso.split("-")]
    year, month, day = [*parts, None, None][:3]
    if month is None:
        return date(year, 1, 1), date(year, 12, 31)
    return date(year, month, day or 1), date(year, month, day or monthrange(year, month)[1])


class Frames:
    def __init__(self):
        self.people = self._people()
        self.infused = self.people[self.people.infused_on.notna()]
        self.N = self._sizes(self.infused)
        self.all = self._sizes(self.people)
        self.events = self._events()
        self.counted = self.events[self.events.counted.astype(bool)]

    def _people(self):
        found = frame(
            Participant.objects.order_by("pk"),
            (
                *("id", "identifier", "site_id", "age", "sex", "screened_on", "screen_failed_on"),
                *("screen_failed_criteria", "withdrawn_on", "withdrawn_reason", "enrollment__enrolled_on"),
                *("infusion__infused_on", "infusion__started_at", "infusion__stopped_at", "infusion__weight_kg"),
                *("infusion__planned_cells", "infusion__delivered_cells", "infusion__volume_ml", "infusion"),
            ),
        )
        found.columns = [name.rpartition("__")[2] for name in found.columns]
        return found

    def _sizes(self, people):
        return [int((people.site_id == site).sum()) for site in SITES] + [len(people)]

    def _events(self):
        names = ["id", "participant_id", "site_id", "term", "dictionary_term", "body_system", "grade", "causality"]
        names += ["sponsor_causality", "action_taken", "started", "started_time"]
        kinds = ["fatal", "life_threatening", "hospitalization", "incapacity", "congenital_anomaly"]
        kinds += ["important_medical_event"]
        flags = [f"{who}is_{kind}" for who in ("", "sponsor_") for kind in kinds]
        found = frame(AdverseEvent.objects.filter(voided_at=None).order_by("pk"), (*names, *flags))
        found["serious"] = found[flags].any(axis=1) if len(found) else []
        found["fatal"] = (found.is_fatal.astype(bool)) | (found.sponsor_is_fatal.astype(bool))
        found["related"] = found.causality.isin(RELATED) | found.sponsor_causality.isin(RELATED)
        joined = found.merge(
            self.people[["id", "infused_on", "started_at"]], left_on="participant_id", right_on="id", how="left"
        )
        course = frame(
            GradeEpisode.objects.filter(withdrawn_at=None).order_by("event", "since", "pk"),
            ("event", "grade", "since"),
        )
        found["counted"] = [self._began(row, course[course.event == row.id_x]) for row in joined.itertuples()]
        coded = found.dictionary_term != ""
        found["soc"] = found.body_system.where(found.body_system != "", "Not coded")
        found["soc"] = found.soc.where((found.body_system != "") | ~coded, "System organ class not loaded")
        verbatim = found.term.str.upper().str.split().str.join(" ") if len(found) else found.term
        found["name"] = found.dictionary_term.where(found.dictionary_term != "", verbatim)
        return found

    def _began(self, row, course):
        """False only where it is certain that all of it was before the infusion, or nobody was infused."""
        if pandas.isna(row.infused_on):
            return False
        if self._not_before(row.started.iso, row.started_time, row):
            return True
        highest = course.grade.cummax()
        rose = course[(highest > highest.shift()).fillna(False)] if len(course) else course
        return any(self._not_before(each.iso, None, row) for each in rose.since)

    @staticmethod
    def _not_before(iso, at, row):
        first, last = first_and_last(iso)
        if len(iso) == 10 and first == row.infused_on and at is not None:
            return at >= row.started_at.astimezone(NEW_YORK).time()
        return last >= row.infused_on

    # --- cells ---

    def _columns(self, rows):
        return [rows[rows.site_id == site] for site in SITES] + [rows]

    def share(self, rows, of, by="participant_id"):
        return [_share(part[by].nunique(), size) for part, size in zip(self._columns(rows), of, strict=True)]

    def number(self, rows):
        return [str(len(part)) for part in self._columns(rows)]

    def spread(self, rows, values):
        parts = self._columns(rows.assign(value=values))
        return [_spread(part.value.dropna()) for part in parts]

    # --- tables ---

    def overview(self):
        events, people = self.counted, self.infused
        dead = set(self.events[self.events.fatal].participant_id) | set(people[people.withdrawn_reason == "death"].id)
        left = people[people.withdrawn_reason == "adverse_event"]
        withdrawn, modified = events.action_taken == "drug_withdrawn", events.action_taken.isin(MODIFIED)
        severe = pandas.to_numeric(events.grade).fillna(0) >= 3
        found = {
            "Total number of participants with at least one AE": self.share(events, self.N),
            "Total number of AEs": self.number(events),
            "Total number of deaths": self.share(people[people.id.isin(dead)], self.N, "id"),
            "Total number of participants withdrawn from study due to an AE": self.share(left, self.N, "id"),
            "Total number of participants with at least one": ["", "", ""],
        }
        for words, mask in {
            "AE with fatal outcome": events.fatal,
            "Serious AE": events.serious,
            "Serious AE leading to withdrawal from treatment": events.serious & withdrawn,
            "Serious AE leading to dose modification/interruption": events.serious & modified,
            "Related serious AE": events.serious & events.related,
            "AE leading to withdrawal from treatment": withdrawn,
            "AE leading to dose modification/interruption": modified,
            "Related AE": events.related,
            "Related AE leading to withdrawal from treatment": events.related & withdrawn,
            "Related AE leading to dose modification/interruption": events.related & modified,
            "Grade 3–5 AE": severe,
        }.items():
            found[f"  {words}"] = self.share(events[mask.astype(bool)], self.N)
        return {(words,): cells for words, cells in found.items()}

    def by_term(self):
        """In order: [(label, cells)], since labels repeat from class to class."""
        first = "Total number of participants with at least one adverse event"
        found = [(first, self.share(self.counted, self.N))]
        found.append(("Overall total number of events", self.number(self.counted)))
        for soc, its in self._ranked(self.counted, "soc"):
            found.append((soc, ["", "", ""]))
            found.append((f"  {first}", self.share(its, self.N)))
            found.append(("  Total number of events", self.number(its)))
            found += [(f"    {name}", self.share(those, self.N)) for name, those in self._ranked(its, "name")]
        return found

    @staticmethod
    def _ranked(rows, by):
        sizes = rows.groupby(by).participant_id.nunique().reset_index()
        order = sizes.sort_values(["participant_id", by], ascending=[False, True])[by]
        return [(name, rows[rows[by] == name]) for name in order]

    def by_grade(self):
        events = self.counted[self.counted.grade.notna()]
        found = self._graded(events, "- Any adverse events -", "- Overall -")
        for soc, its in self._ranked(events, "soc"):
            found |= self._graded(its, soc, "- Overall -")
            for name, those in self._ranked(its, "name"):
                found |= self._graded(those, soc, name)
        return found

    def _graded(self, events, soc, name):
        best = events.assign(grade=pandas.to_numeric(events.grade))
        best = best.groupby(["participant_id", "site_id"], as_index=False).grade.max()
        bands = {"- Any Grade -": [1, 2, 3, 4, 5], "Grade 1-2": [1, 2], "1": [1], "2": [2]}
        bands |= {"Grade 3-4": [3, 4], "3": [3], "4": [4], "Grade 5": [5]}
        return {
            (soc, name, words): self.share(rows, self.N)
            for words, grades in bands.items()
            if len(rows := best[best.grade.isin(grades)])
        }

    def by_relatedness(self):
        found, labels = {}, dict(protocol.current().choices("causality")) | {"": "Not answered"}
        for code in self.counted.causality.unique():
            its = self.counted[self.counted.causality == code]
            found[labels[code], "participants"] = self.share(its, self.N)
            found[labels[code], "events"] = self.number(its)
        related = self.counted[self.counted.related]
        found["Counted as related, by either judge", "participants"] = self.share(related, self.N)
        found["Counted as related, by either judge", "events"] = self.number(related)
        return found

    def disposition(self):
        people, infused = self.people, self.infused
        done = self._completed()
        gone, ended = infused.withdrawn_on.notna(), infused.id.isin(done)
        rows = {
            "Screened": people,
            "Screen failures": people[people.screen_failed_on.notna()],
            "Enrolled": people[people.enrolled_on.notna()],
            "Infused": infused,
            "Follow-up completed": infused[ended & ~gone],
            "In follow-up": infused[~ended & ~gone],
            "Withdrawn": people[people.withdrawn_on.notna()],
            "Withdrawn before the infusion": people[people.withdrawn_on.notna() & people.infused_on.isna()],
        }
        labels = dict(protocol.current().choices("withdrawal_reason"))
        for code in people[people.withdrawn_on.notna()].withdrawn_reason.unique():
            rows[f"  {labels[code]}"] = people[people.withdrawn_on.notna() & (people.withdrawn_reason == code)]
        return {(words,): self.share(found, self.all, "id") for words, found in rows.items()}

    def _completed(self):
        last = max(protocol.current().visits, key=lambda visit: visit.day).code
        visits = self._visits()
        return set(visits[(visits.code == last) & visits.attended_on.notna()].participant_id)

    def _visits(self):
        return frame(
            Visit.objects.order_by("pk"),
            (
                *("participant_id", "site_id", "code", "opens_on", "closes_on", "attended_on", "missed_at"),
                *("dropped_in", "participant__withdrawn_on"),
            ),
        )

    def screen_failures(self):
        failed = self.people[self.people.screen_failed_on.notna()]
        found = {("Screen failures",): self.share(failed, self.all, "id")}
        each = failed.assign(criterion=failed.screen_failed_criteria.str.split()).explode("criterion")
        for criterion in each.criterion.dropna().unique():
            found[f"  {criterion}",] = self.share(each[each.criterion == criterion], self.all, "id")
        unnamed = each[each.criterion.isna()]
        if len(unnamed):
            found["  No criterion named",] = self.share(unnamed, self.all, "id")
        return found

    def enrolment(self):
        steps = {"screened": "screened_on", "enrolled": "enrolled_on", "infused": "infused_on"}
        long = pandas.concat(
            self.people[["site_id", name]].dropna().rename(columns={name: "on"}).assign(step=words)
            for words, name in steps.items()
        )
        months = sorted({f"{on:%Y-%m}" for on in long.on})
        long["month"] = [f"{on:%Y-%m}" for on in long.on]
        return {
            (month, step): self.number(long[(long.month == month) & (long.step == step)])
            for month in months
            for step in steps
        }

    def demographics(self):
        people = self.infused
        found = {("Age in years, median (least; most)",): self.spread(people, people.age)}
        for sex in people.sex.unique():
            found[f"Sex: {sex}",] = self.share(people[people.sex == sex], self.N, "id")
        found["Weight on Day 0 in kg, median (least; most)",] = self.spread(people, people.weight_kg)
        return found

    def exposure(self):
        people = self.infused
        visits = self._visits()
        seen = visits[visits.attended_on.notna()].groupby("participant_id").attended_on.max()
        days = [
            max((seen[row.id] - row.infused_on).days, 0) if row.id in seen.index else None
            for row in people.itertuples()
        ]
        broken = set(Interruption.objects.values_list("infusion", flat=True))
        share = [
            None if row.delivered_cells is None else 100 * row.delivered_cells / row.planned_cells
            for row in people.itertuples()
        ]
        millions = {name: pandas.to_numeric(people[name]) / 1e6 for name in ("planned_cells", "delivered_cells")}
        return {
            ("Infusion started",): self.share(people, self.N, "id"),
            ("Infusion ended, with the volume on record",): self.share(
                people[people.stopped_at.notna()], self.N, "id"
            ),
            ("Infusion interrupted",): self.share(people[people.infusion.isin(broken)], self.N, "id"),
            ("Cells planned (10^6), median (least; most)",): self.spread(people, millions["planned_cells"]),
            ("Cells given (10^6), median (least; most)",): self.spread(people, millions["delivered_cells"]),
            ("Given of planned in percent, median (least; most)",): self.spread(people, share),
            ("Volume in mL, median (least; most)",): self.spread(people, people.volume_ml),
            ("Days from the infusion to the last visit, median (least; most)",): self.spread(people, days),
        }

    def compliance(self):
        visits = self._visits()
        visits = visits[visits.participant_id.isin(self.infused.id)]
        found = {}
        for planned in protocol.current().visits:
            its = visits[visits.code == planned.code]
            if not len(its):
                continue
            done = its.attended_on.notna()
            inside = done & (its.attended_on >= its.opens_on) & (its.attended_on <= its.closes_on)
            missed = ~done & its.missed_at.notna()
            left = its.participant__withdrawn_on.notna() & (its.participant__withdrawn_on <= its.closes_on)
            off = (its.dropped_in != "") | left
            rest = ~done & ~missed
            for words, mask in {
                "done in window": inside,
                "done out of window": done & ~inside,
                "missed": missed,
                "not recorded": rest & ~off,
                "not applicable": rest & off,
            }.items():
                found[planned.name, words] = self.share(its[mask.astype(bool)], self.N)
        return found

    def departures(self):
        rows = frame(
            Deviation.objects.filter(voided_at=None).order_by("pk"),
            ("participant_id", "site_id", "category", "severity"),
        )
        labels = dict(protocol.current().choices("deviation_category"))
        groups = {"Any deviation": rows, "Classified as major": rows[rows.severity == "major"]}
        groups |= {labels[code]: rows[rows.category == code] for code in rows.category.unique()}
        found = {}
        for words, its in groups.items():
            found[words, "participants"] = self.share(its, self.all)
            found[words, "deviations"] = self.number(its)
        return found

    def _labs(self):
        names = ("id", "participant_id", "site_id", "test", "collected", "collected_at", "comparator")
        rows = frame(
            LabResult.objects.filter(voided_at=None).order_by("pk"),
            (*names, "standard_value", "standard_unit", "low", "high", "visit_code"),
        )
        rows["name"] = [
            f"{protocol.current().lab_test(row.test).name} ({row.standard_unit})" for row in rows.itertuples()
        ]
        return rows

    def shifts(self):
        rows = self._labs()
        rows["flag"] = [_flag(row) for row in rows.itertuples()]
        rows = rows.merge(self.infused[["id", "infused_on", "started_at"]], left_on="participant_id", right_on="id")
        rows["when"] = [_when(row) for row in rows.itertuples()]
        each = []
        for (name, person, site), its in rows.groupby(["name", "participant_id", "site_id"]):
            known = its[its.flag != ""]
            before = known[known.when == "before"]
            order = [
                (first_and_last(row.collected.iso)[1], str(row.collected_at or ""), row.id_x)
                for row in before.itertuples()
            ]
            base = before.flag.iloc[order.index(max(order))] if order else "Not known"
            each.append((name, base, _worst(set(known[known.when == "after"].flag)), person, site))
        table = pandas.DataFrame(each, columns=["name", "base", "worst", "participant_id", "site_id"])
        return {key: self.share(its, self.N) for key, its in table.groupby(["name", "base", "worst"])}

    def lab_summary(self):
        rows = self._labs()
        rows = rows[rows.comparator == ""]
        found = {}
        for (name, visit), its in rows.groupby(["name", "visit_code"]):
            found[name, visit or "no visit named"] = [
                f"n={len(part)}: {_spread(part.standard_value)}" if len(part) else "–" for part in self._columns(its)
            ]
        return found


def _flag(row):
    value, low, high = row.standard_value, row.low, row.high
    if low is not None and value < low:
        return "Low"
    if high is not None and value > high:
        return "High"
    return "" if low is None and high is None else "Normal"


def _worst(flags):
    if {"Low", "High"} <= flags:
        return "Low and high"
    return next((flag for flag in ("Low", "High", "Normal") if flag in flags), "Not known")


def _when(row):
    if row.collected_at is not None and not pandas.isna(row.collected_at):
        return "before" if row.collected_at < row.started_at else "after"
    first, last = first_and_last(row.collected.iso)
    if last <= row.infused_on:
        return "before"
    return "after" if first > row.infused_on else "unclear"


def _tenth(value):
    """Half up, as on paper: 6.25 is 6.3."""
    return numpy.floor(float(value) * 10 + 0.5 + 1e-9) / 10


def _share(count, size):
    return f"{count} ({_tenth(100 * count / size):.1f}%)" if count and size else str(count)


def _spread(values):
    numbers = pandas.to_numeric(pandas.Series(values, dtype=object)).astype(float)
    if not len(numbers):
        return "–"
    return "{} ({}; {})".format(
        *(f"{_tenth(each):.1f}".removesuffix(".0") for each in (numbers.median(), numbers.min(), numbers.max()))
    )
