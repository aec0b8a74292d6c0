"""What must agree across the tables of a protocol file.

The checks read the file as it was typed, so they still work, and are told, while other keys are wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from studytracker.business_days import knows_region

from .problems import Problem, table_name
from .safety import NONE_OF_THESE, NONE_OF_THESE_WORDS

SOURCES = re.compile(
    r"record$|placeholder$|(published|regulation|guidance|convention|site policy|borrowed): \S", re.DOTALL
)
VOCABULARIES = (
    "grade",
    "seriousness",
    "causality",
    "related_to",
    "expectedness",
    "event_nature",
    "special_interest",
    "outcome",
    "action_taken",
    "sex",
    "route",
    "inclusion_answer",
    "exclusion_answer",
    "visit_type",
    "missed_reason",
    "procedure_not_done_reason",
    "contact_means",
    "out_of_window_reason",
    "withdrawal_reason",
    "deviation_category",
    "hold_cause",
    "dsmb_decision",
    "donor_test",
    "determination",
    "milestone",
    "recipient",
    "notification_method",
)


@dataclass(frozen=True)
class Place:
    """One table of the file, and where it stands."""

    file: str
    data: dict
    path: tuple

    @property
    def row(self) -> dict:
        here = self.data
        for step in self.path:
            here = here[step]
        return here

    def problem(self, key: str, message: str) -> Problem:
        return Problem(self.file, table_name(self.data, self.path), key, f'key "{key}" {message}')

    def rows(self, key: str) -> list["Place"]:
        """The tables under `[[key]]`; whatever is not a table is left to the schema to refuse."""
        given = self.row.get(key)
        listed = given if isinstance(given, list) else []
        return [
            Place(self.file, self.data, (*self.path, key, i)) for i, row in enumerate(listed) if isinstance(row, dict)
        ]

    def table(self, key: str) -> "Place | None":
        return Place(self.file, self.data, (*self.path, key)) if isinstance(self.row.get(key), dict) else None

    def get(self, key: str, kind: type):
        value = self.row.get(key)
        return value if isinstance(value, kind) and not (kind is int and isinstance(value, bool)) else None

    def texts(self, key: str) -> list[str]:
        value = self.row.get(key)
        return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def cross_problems(file: str, data: dict) -> Iterator[Problem]:
    top = Place(file, data, ())
    for check in (
        _version,
        _unique_names,
        _time_zones,
        _public_holidays,
        _part_ids,
        _anchors,
        _visits,
        _references,
        _reminders,
        _sledai,
        _vocabularies,
    ):
        yield from check(top)
    for place in _every_table(top):
        yield from _marks(place)


def _version(top: Place) -> Iterator[Problem]:
    version = top.get("version", str)
    if version and top.file != f"{version}.toml":
        yield top.problem("version", f'is "{version}", so the file must be named {version}.toml, not {top.file}.')


def _unique(places: list[Place], key: str) -> Iterator[Problem]:
    seen = {}
    for place in places:
        value = place.row.get(key)
        if not isinstance(value, str | int):
            continue
        if value in seen:
            earlier = table_name(place.data, seen[value].path)
            yield place.problem(key, f'is "{value}", which {earlier} has already. Give each its own.')
        seen.setdefault(value, place)


def _unique_names(top: Place) -> Iterator[Problem]:
    for table, key in (
        ("site", "code"),
        ("site", "prefix"),
        ("consent_form", "version"),
        ("criterion", "id"),
        ("lab_test", "code"),
        ("vital_sign", "code"),
        ("drug_class", "code"),
        ("history_category", "code"),
        ("procedure", "code"),
        ("reminder_stage", "code"),
        ("clock", "id"),
        ("stopping_rule", "id"),
        ("vocabulary", "name"),
    ):
        yield from _unique(top.rows(table), key)
    yield from _unique(top.rows("visit") + top.rows("unplanned_visit"), "code")
    yield from _unique([part for each in top.rows("criterion") for part in each.rows("part")], "id")
    for vocabulary in top.rows("vocabulary"):
        yield from _unique(vocabulary.rows("term"), "code")
    yield from _unique([drug for each in top.rows("drug_class") for drug in each.rows("drug")], "code")
    for table, inner in (("sledai", "item"), ("corticosteroids", "drug")):
        if place := top.table(table):
            yield from _unique(place.rows(inner), "code")


def _time_zones(top: Place) -> Iterator[Problem]:
    for site in top.rows("site"):
        zone = site.get("time_zone", str)
        if zone and not _is_zone(zone):
            yield site.problem(
                "time_zone", f'is "{zone}", which is no time zone. Use a name such as America/New_York.'
            )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return False
    return True


def _public_holidays(top: Place) -> Iterator[Problem]:
    for site in top.rows("site"):
        region = site.get("public_holidays", str)
        if region and not knows_region(region):
            yield site.problem(
                "public_holidays", f'is "{region}", which is no known region. Use a country and its part: US-GA.'
            )


def _part_ids(top: Place) -> Iterator[Problem]:
    for criterion in top.rows("criterion"):
        bullet = criterion.get("id", str)
        for part in criterion.rows("part"):
            own = part.get("id", str)
            if bullet and own and not re.fullmatch(re.escape(bullet) + "[a-z]?", own):
                yield part.problem("id", f'is "{own}"; it must be "{bullet}", or "{bullet}" and one small letter.')


def _anchors(top: Place) -> Iterator[Problem]:
    for criterion in top.rows("criterion"):
        for part in criterion.rows("part"):
            look_back = part.get("look_back", dict)
            if look_back and not look_back.get("ever") and "anchor" not in part.row:
                yield part.problem("anchor", 'is missing: a look-back counts from "screening" or from "baseline".')


def _visits(top: Place) -> Iterator[Problem]:
    previous = None
    for visit in top.rows("visit"):
        day = visit.get("day", int)
        if previous is not None and day is not None and day <= previous:
            yield visit.problem("day", f"is {day}, but the visit before it is on day {previous}. List visits by day.")
        previous = previous if day is None else day
        if visit.row.get("kind") == "baseline" and day not in (0, None):
            yield visit.problem("day", f"is {day}; the infusion is Day 0 by definition.")
    for kind in ("screening", "baseline"):
        count = sum(visit.row.get("kind") == kind for visit in top.rows("visit"))
        if count != 1:
            yield top.problem("visit", f'needs exactly one visit with kind = "{kind}", not {count}.')
    ends = sum(visit.row.get("end_of_follow_up") is True for visit in top.rows("visit"))
    if ends != 1:
        yield top.problem("visit", f"needs exactly one visit with end_of_follow_up = true, not {ends}.")


def _known(place: Place | None, key: str, known: list[str], kind: str) -> Iterator[Problem]:
    if place is None:
        return
    for named in [place.row[key]] if place.get(key, str) else place.texts(key):
        if named not in known:
            yield place.problem(
                key, f'names the {kind} "{named}", which is not in this file. It has: {", ".join(known)}.'
            )


def _names(places: list[Place], key: str) -> list[str]:
    return [place.row[key] for place in places if place.get(key, str)]


def _terms(top: Place, vocabulary: str) -> list[str]:
    tables = [each for each in top.rows("vocabulary") if each.row.get("name") == vocabulary]
    return [code for each in tables for code in _names(each.rows("term"), "code")]


def _references(top: Place) -> Iterator[Problem]:
    sites = _names(top.rows("site"), "code")
    visits = _names(top.rows("visit"), "code")
    procedures = _names(top.rows("procedure"), "code")
    criteria = _names(top.rows("criterion"), "id")
    for visit in top.rows("visit") + top.rows("unplanned_visit"):
        yield from _known(visit, "procedures", procedures, "procedure")
    for form in top.rows("consent_form"):
        yield from _known(form, "sites", sites, "site")
    for test in top.rows("lab_test"):
        yield from _known(test, "procedure", procedures, "procedure")
    yield from _clocks(top, sites, visits)
    for procedure in top.rows("procedure"):
        yield from _known(procedure, "implied_by", criteria, "criterion")
    for sign in top.rows("vital_sign"):
        yield from _known(sign, "procedure", procedures, "procedure")
    if ctcae := top.table("ctcae"):
        tests = _names(top.rows("lab_test") + top.rows("vital_sign"), "code")
        for hint in ctcae.rows("hint"):
            yield from _known(hint, "test", tests, "test")
    clocks = _names(top.rows("clock"), "id")
    if reporting := top.table("deviation_reporting"):
        yield from _known(reporting, "clocks", clocks, "clock")
        for always in reporting.rows("always"):
            yield from _known(always, "site", sites, "site")
            yield from _known(always, "categories", _terms(top, "deviation_category"), "deviation category")
    yield from _known(top.table("treatment"), "given_at", visits, "visit")
    yield from _known(top.table("stagger"), "after_visits", visits, "visit")
    yield from _known(top.table("adverse_event_collection"), "ends_visit", visits, "visit")


def _clocks(top: Place, sites: list[str], visits: list[str]) -> Iterator[Problem]:
    """What a clock names exists; what starts it fits how it starts."""
    terms = {
        each.row["name"]: _names(each.rows("term"), "code") for each in top.rows("vocabulary") if each.get("name", str)
    }
    ids = _names(top.rows("clock"), "id")
    named = {
        "determination": (terms.get("determination", []), "determination"),
        "notice": (ids, "clock"),
        "visit": (visits, "visit"),
        **dict.fromkeys(("anniversary", "study"), (terms.get("milestone", []), "milestone")),
    }
    for clock in top.rows("clock"):
        yield from _known(clock, "sites", sites, "site")
        yield from _known(clock, "until", terms.get("milestone", []), "milestone")
        yield from _known(clock, "notify", terms.get("recipient", []), "recipient")
        if clock.get("start", str) in named:
            yield from _known(clock, "start_of", *named[clock.row["start"]])
        for condition in clock.rows("when"):
            yield from _known(condition, "determined", terms.get("determination", []), "determination")
    yield from _known(
        top.table("clock_watch"), "breach_category", terms.get("deviation_category", []), "deviation category"
    )


REMINDER_DAYS = ("opens_on", "target_on", "closes_on")


def _reminders(top: Place) -> Iterator[Problem]:
    """The sweep takes the furthest stage reached, so each stage of a person follows from the one after it."""
    before = {}
    for stage in top.rows("reminder_stage"):
        person, day, after = stage.get("to", str), stage.get("counts_from", str), stage.get("after_days", int)
        if day not in REMINDER_DAYS or after is None:
            continue
        here, last = (REMINDER_DAYS.index(day), after), before.get(person)
        if last and (here <= last[0] or after < last[0][1]):
            yield stage.problem(
                "after_days",
                f"is {after}, but the stage before it for the same person comes after {last[0][1]}. "
                "List them in order.",
            )
        if last and last[1]:
            yield stage.problem("code", "comes after a stage that is repeated. A repeated stage is a person's last.")
        before[person] = (here, stage.get("every_days", int))
    if (times := top.table("reminders")) and _in_quiet_hours(times):
        yield times.problem("digest_time", "lies in the quiet hours, so the daily mail would never go out.")


def _in_quiet_hours(times: Place) -> bool:
    at, start, end = (times.get(key, time) for key in ("digest_time", "quiet_from", "quiet_to"))
    if None in (at, start, end) or start == end:
        return False
    return start <= at < end if start < end else at >= start or at < end


def _sledai(top: Place) -> Iterator[Problem]:
    """SLEDAI-2K has 24 descriptors with a maximum of 105 (64 + 24 + 14 + 3): else it is a slip."""
    sledai = top.table("sledai")
    if sledai is None:
        return
    items = sledai.rows("item")
    total = sum(item.get("weight", int) or 0 for item in items)
    if len(items) != 24:
        yield sledai.problem("item", f"lists {len(items)} descriptors; SLEDAI-2K has 24.")
    if total != 105:
        yield sledai.problem("item", f"has weights that sum to {total}; those of SLEDAI-2K sum to 105.")


def _vocabularies(top: Place) -> Iterator[Problem]:
    given = _names(top.rows("vocabulary"), "name")
    for name in VOCABULARIES:
        if name not in given:
            yield top.problem("vocabulary", f'has no table with name = "{name}". The program needs it: add it.')
    for vocabulary in top.rows("vocabulary"):
        if vocabulary.row.get("name") == "causality":
            for term in vocabulary.rows("term"):
                if "related" not in term.row:
                    yield term.problem("related", "is missing: say true or false for each degree of causality.")
        if vocabulary.row.get("name") == "special_interest":
            for term in vocabulary.rows("term"):
                if term.row.get("code") == NONE_OF_THESE:
                    yield term.problem("code", f'is "{NONE_OF_THESE}", which says "{NONE_OF_THESE_WORDS}" by itself.')


def _every_table(place: Place) -> Iterator[Place]:
    yield place
    for key, value in place.row.items():
        if isinstance(value, dict):
            yield from _every_table(place.table(key))
        for row in place.rows(key):
            yield from _every_table(row)


def _marks(place: Place) -> Iterator[Problem]:
    row = place.row
    if "assumes" in row and not row.get("assumption"):
        yield place.problem("assumption", 'is missing: "assumes" names values, so say why they are assumed.')
    elif isinstance(row.get("assumption"), str) and not row["assumption"].strip():
        yield place.problem("assumption", "is empty: say why the value is assumed.")
    for key in place.texts("assumes"):
        if key not in row or key in ("source", "assumption", "assumes"):
            yield place.problem("assumes", f'names "{key}", which is no key of this table.')
    source = place.get("source", str)
    if source is not None and not SOURCES.match(source):
        yield place.problem(
            "source",
            f'is "{source}"; say "record", "placeholder", or kind and place, such as "guidance: ICH E2A".',
        )
