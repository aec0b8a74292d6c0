"""The chain of reports of a serious event: prepared from the record, edited, signed, followed up."""

from django.db import transaction

from studytracker.access.grants import Permission
from studytracker.dates import day_label
from studytracker.refusal import Refused
from studytracker.trust.models import Signature
from studytracker.trust.signatures import standing
from studytracker.trust.subjects import Kind, Snapshot, UnknownSubject, covered

from .assessing import locked
from .models import SERIOUSNESS, ReportAttachment, SaeReport
from .narrative import compose, lacking
from .wording import facts_in_words, judges_in_words

KIND = "sae_report"


class ReportRefused(Refused):
    """The report cannot be prepared, or not be changed any more."""


@transaction.atomic
def prepare(*, event, by, at):
    """The initial report, or the next follow-up of a chain, composed from the event as it is now; nothing is typed
    again. An event that is no longer serious may close its chain with a follow-up. Raises ReportRefused.
    """
    event = locked(event)
    last = event.reports.order_by("number").last()
    if event.voided_at:
        raise ReportRefused(f"{event} is voided, so nothing is reported of it.")
    if last is None and not event.is_serious:
        raise ReportRefused("The event is not serious: tick the criterion that holds, and then report it.")
    if last and not is_signed(last):
        raise ReportRefused(f"The {last.title} is not signed yet: complete and sign it before the next.")
    return SaeReport.objects.create(
        event=event,
        number=last.number + 1 if last else 1,
        is_serious=event.is_serious,
        facts=frozen_facts(event, event.participant.site.today(at)),
        narrative=compose(event),
        prepared_at=at,
        prepared_by=by,
    )


@transaction.atomic
def edit_narrative(*, report, narrative, by, at):
    """Replace the narrative of a report that nobody signed yet. Raises ReportRefused."""
    report = _open(report)
    report.narrative, report.edited_at, report.edited_by = narrative, at, by
    report.save(update_fields=["narrative", "edited_at", "edited_by"])
    return report


@transaction.atomic
def renew(*, report, by, at):
    """Take the facts of an unsigned report from the event as it is now; the narrative is composed anew."""
    report = _open(report)
    event = locked(report.event)
    report.facts, report.is_serious = frozen_facts(event, event.participant.site.today(at)), event.is_serious
    report.narrative, report.edited_at, report.edited_by = compose(event), at, by
    report.save(update_fields=["facts", "is_serious", "narrative", "edited_at", "edited_by"])
    return report


@transaction.atomic
def attach(*, report, title, place, by, at, dated_on=None):
    """Name a document that goes with the report. Raises ReportRefused once it is signed."""
    report = _open(report)
    ReportAttachment.objects.create(
        report=report, title=title, place=place, dated_on=dated_on, added_at=at, added_by=by
    )
    return report


def _open(report):
    report = SaeReport.objects.select_for_update(of=("self",)).select_related("event__participant").get(pk=report.pk)
    if is_signed(report):
        raise ReportRefused(f"The {report.title} is signed and stays as it is: what is new belongs to a follow-up.")
    return report


def is_signed(report) -> bool:
    return bool(standing(KIND, report.key).signatures)


def frozen_facts(event, today) -> list[list[str]]:
    """[[section, label, value]] in words, as the report prints them."""
    told = [["Event", "Reported term", event.term]]
    told += [["Event", name, value or "–"] for name, value in facts_in_words(event, today)]
    held = {f"sponsor_{name}" for name, _ in SERIOUSNESS} | {name for name, _ in SERIOUSNESS}
    told.append(["Judgement", "Serious", "Yes" if any(getattr(event, name) for name in held) else "No"])
    for row in judges_in_words(event):
        told.append(["Judgement", f"{row.question}: investigator", row.investigator or "–"])
        told.append(["Judgement", f"{row.question}: sponsor", row.sponsor or "–"])
    told.append(["Event", "CTCAE grade", str(event.grade or "–")])
    return told


def with_news(report) -> list[dict]:
    """The facts in sections, each marked as new where the report before said something else. One query."""
    before = report.event.reports.filter(number__lt=report.number).order_by("number").last()
    old = {(section, name): value for section, name, value in before.facts} if before else {}
    return [
        {
            "section": section,
            "label": name,
            "value": value,
            "is_new": bool(before) and old.get((section, name)) != value,
        }
        for section, name, value in sorted(report.facts, key=lambda fact: fact[0])
    ]


def side_by_side(facts) -> list[dict]:
    """The judgements among the facts, a row a question: what each judge said, or `both` where it is one answer."""
    rows = {}
    for fact in facts:
        if fact["section"] == "Judgement":
            question, _, judge = fact["label"].rpartition(": ")
            row = rows.setdefault(question or fact["label"], {"question": question or fact["label"]})
            row[judge if question else "both"] = fact
    return list(rows.values())


# What the frozen facts have to say, in the words of `judges_in_words`, for the report to be signed.
PRINTED = ("Related to the cells: investigator", "Reasonable possibility: investigator", "Known since: investigator")


def refusals(report) -> list[str]:
    """Why the report cannot be signed yet, in sentences; empty when it can."""
    if not report.is_serious:
        return []
    if lacks := lacking(report.event):
        are = "are" if len(lacks) > 1 else "is"
        words = f"{', '.join(lacks)} {are} not on record. Complete the event, and compose the report anew."
    elif blank := [name for _, name, value in report.facts if name in PRINTED and value == "–"]:
        words = f"it was composed before this was answered: {'; '.join(blank)}. Compose it anew."
    else:
        return []
    return [f"It cannot be signed yet: {words}"]


def _snapshot(key) -> Snapshot:
    try:
        identifier, number, which = key.split("/")
        report = SaeReport.objects.select_related("event__participant__infusion", "event__participant__site").get(
            event__participant__identifier=identifier, event__number=number, number=which
        )
    except (ValueError, SaeReport.DoesNotExist):
        raise UnknownSubject(key) from None
    attached = list(report.attachments.all())
    facts = {
        "Facts": [{"Section": section, "Fact": name, "Value": value} for section, name, value in report.facts],
        "Narrative": report.narrative,
        "Attachments": [
            {"Document": each.title, "Dated": each.dated_on and day_label(each.dated_on), "Kept": each.place}
            for each in attached
            if not each.withdrawn_at
        ],
    }
    return Snapshot(
        title=f"Serious adverse event {report}",
        facts=facts,
        rows=[covered(report), *(covered(each) for each in attached)],
        site=report.event.site_id,
        refusals=[] if Signature.objects.of(KIND, key).exists() else refusals(report),
        url=report.get_absolute_url(),
    )


REPORT = Kind(
    "Report of a serious adverse event",
    _snapshot,
    ("I have reviewed this report, and I confirm the seriousness, the grade and the causality in it.",),
    permission=Permission.SIGN,
)
