"""What was measured at a visit: vital signs and laboratory values, stored as facts of the participant."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from participants.facts import FactRefused, Implausible
from participants.labs import record_lab
from participants.models import LabResult, SledaiScore, VitalSign
from participants.vitals import record_vital
from studytracker.protocol.grading import Reading, suggest
from studytracker.protocol.measures import LabTest, plain
from studytracker.refusal import Refused

SLEDAI = "sledai"  # the procedure's code in the protocol


@dataclass(frozen=True)
class Typed:
    """One value as it was typed: a number with its unit, or the laboratory's word."""

    value: Decimal | None = None
    unit: str = ""
    comparator: str = ""
    result: str = ""


@dataclass(frozen=True)
class Measured:
    """What was found at a visit beside done and not done."""

    values: dict[str, Typed] = field(default_factory=dict)  # by test code
    findings: dict[str, str] = field(default_factory=dict)  # by procedure code, in the words of the protocol
    acknowledged: tuple[str, ...] = ()  # warnings that the person confirmed


class MeasurementsRefused(Refused):
    """Some values cannot be recorded; `by_field` maps the name of each box to its sentences."""

    def __init__(self, by_field, warnings):
        self.by_field, self.warnings = by_field, warnings
        super().__init__(*(sentence for sentences in by_field.values() for sentence in sentences))

    def add_to(self, form):
        form.warnings = self.warnings
        for name, sentences in self.by_field.items():
            for sentence in sentences:
                form.add_error(name if name in form.fields else None, sentence)


def tests_of(rules, procedure):
    """The vital signs and laboratory tests of one procedure, in the order of the protocol."""
    return [test for test in (*rules.vital_signs, *rules.lab_tests) if test.procedure == procedure.code]


@transaction.atomic
def record(*, visit, values, acknowledged, by, at):
    """Record the values of an attended visit on its day. All of them, or none with every refusal at once."""
    refused, warnings = {}, []
    for code, typed in values.items():
        try:
            _record_one(visit, code, typed, acknowledged, by=by, at=at)
        except Implausible as doubt:
            refused[f"value-{code}"] = [*doubt.sentences]
            warnings += doubt.warnings
        except FactRefused as refusal:
            refused[f"{_box(refusal.field)}-{code}"] = refusal.sentences
    if refused:
        raise MeasurementsRefused(refused, warnings)


def _box(name):
    return name if name in ("unit", "result") else "value"


def _record_one(visit, code, typed, acknowledged, *, by, at):
    facts = {"participant": visit.participant, "visit_code": visit.code, "acknowledged": acknowledged}
    test = find_test(visit.rules, code)
    if isinstance(test, LabTest):
        facts |= {"collected": visit.attended_on, "comparator": typed.comparator, "result": typed.result}
        return record_lab(test=code, value=typed.value, unit=typed.unit, by=by, at=at, **facts)
    if typed.comparator:
        raise FactRefused(f"{test.name} is a number without a sign before it.", field="value")
    return record_vital(
        test=code, measured_on=visit.attended_on, value=typed.value, unit=typed.unit, by=by, at=at, **facts
    )


def find_test(rules, code):
    found = [test for test in (*rules.vital_signs, *rules.lab_tests) if test.code == code]
    if not found:
        raise FactRefused(f'Protocol {rules.version} has no test "{code}".')
    return found[0]


def facts_of(visit):
    """(vital signs, laboratory results) recorded at this visit. Two queries."""
    here = {"visit_code": visit.code}
    vitals = VitalSign.objects.of(visit.participant).filter(**here).order_by("pk")
    return list(vitals), list(LabResult.objects.of(visit.participant).filter(**here).order_by("pk"))


def lines(visit):
    """(name, value with unit, range in words, suggestion) of what was recorded at this visit. Four queries at most."""
    vitals, labs = facts_of(visit)
    before = baselines(visit.participant, {lab.test for lab in labs})
    for sign in vitals:
        planned = find_test(visit.rules, sign.test)
        words = f"{plain(sign.value)} {sign.unit}"
        yield planned.name, words, "", suggest(visit.rules, sign.test, Reading(sign.standard_value))
    for lab in labs:
        lab.participant = visit.participant
        suggestion = None
        if lab.standard_value is not None and not lab.comparator:
            suggestion = suggest(visit.rules, lab.test, _reading(lab), before.get(lab.test))
        yield lab.planned.name, lab.reported, _range(lab), suggestion


def _range(lab):
    low, high = (plain(limit) if limit is not None else "" for limit in (lab.low, lab.high))
    if not low and not high:
        return "no range on file"
    flag = f", {lab.flag.lower()}" if lab.flag in ("LOW", "HIGH") else ""
    return f"{low or 'up'} to {high or 'any'} {lab.standard_unit}{flag}"


def _reading(lab):
    return Reading(lab.standard_value, lab.low, lab.high)


def baselines(participant, tests) -> dict[str, Reading]:
    """The last number of each test on or before Day 0. One query, none before the infusion."""
    if not (participant.infused and tests):
        return {}
    labs = LabResult.objects.of(participant).filter(test__in=tests, standard_value__isnull=False, comparator="")
    known = labs.filter(collected__lte=participant.infused_on.isoformat()).order_by("collected", "pk")
    return {lab.test: _reading(lab) for lab in known}


def last_values(visit) -> dict[str, str]:
    """The value recorded last before this visit, by test: '68 kg, 23 Jun 2025'. Two queries."""
    found = {}
    for sign in VitalSign.objects.of(visit.participant).exclude(visit_code=visit.code).order_by("measured_on", "pk"):
        found[sign.test] = f"{plain(sign.value)} {sign.unit}"
    for lab in LabResult.objects.of(visit.participant).exclude(visit_code=visit.code).order_by("collected", "pk"):
        lab.participant = visit.participant
        found[lab.test] = lab.reported
    return found


def to_complete(visit, recorded) -> list[str]:
    """What the done procedures of a visit still lack: values, a finding, the SLEDAI. At most three queries."""
    done = [visit.rules.procedure(each.code) for each in recorded if each.is_done]
    vitals, labs = facts_of(visit)
    held = {fact.test for fact in (*vitals, *labs)}
    found = {each.code for each in recorded if each.finding}
    lacking = []
    for procedure in done:
        open_tests = [test.name for test in tests_of(visit.rules, procedure) if test.code not in held]
        if open_tests:
            lacking.append(f"{procedure.name}: {', '.join(open_tests)}")
        elif procedure.findings and procedure.code not in found:
            lacking.append(f"{procedure.name}: {' or '.join(procedure.findings).lower()}?")
        elif procedure.code == SLEDAI and not scored(visit):
            lacking.append(f"{procedure.name}: the worksheet")
    return lacking


def scored(visit):
    """The last SLEDAI assessment of this visit, or None."""
    return SledaiScore.objects.of(visit.participant).filter(visit_code=visit.code).last()
