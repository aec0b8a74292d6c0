"""The packet for the DSMB: every part in the order of the NIAMS template, as of one entry of the audit trail.

It is not stored: made again as of the same entry it has the same numbers, whatever was recorded since.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO

from django.conf import settings

from participants import decisions
from participants.models import DsmbDecision, Hold, Participant
from studytracker import protocol
from studytracker.dates import day_label
from studytracker.exports.pdf import pdf
from studytracker.exports.tables import as_csv
from studytracker.protocol.models import Adoption, Approval
from studytracker.trust.as_of import Point, standing_at
from studytracker.trust.signatures import standing

from . import review, rule_board
from .clock_tables import chip, due_words
from .models import AdverseEvent, BoardMeeting
from .narrative import compose
from .outputs import event_listings, listings, tables
from .outputs.making import make_all

OPEN, CLOSED = PARTS = ("open", "closed")
FIXED_DATE = (2000, 1, 1, 0, 0, 0)  # the same content gives the same archive
OUTPUTS = (
    *(tables.Disposition, tables.Enrolment, tables.ScreenFailures, tables.DeviationTally, tables.Demographics),
    *(tables.Exposure, tables.VisitCompliance, tables.DataQuality, tables.SafetySummary, tables.EventsByTerm),
    *(tables.EventsByGrade, tables.EventsByRelatedness, tables.PrimaryOutcome, event_listings.SeriousListing),
    *(event_listings.Deaths, event_listings.EventListing, tables.LabSummary, tables.LabShifts),
    listings.LabAbnormalities,
)


@dataclass
class Section:
    """One numbered section: facts as pairs, paragraphs, the tables, then what its own template adds."""

    number: int
    title: str
    part: str = OPEN
    facts: list = field(default_factory=list)
    words: list = field(default_factory=list)
    made: list = field(default_factory=list)
    template: str = ""
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Packet:
    point: Point
    since: BoardMeeting | None
    sections: list[Section]
    made_at: datetime
    made_by: str

    def of(self, part: str) -> list[Section]:
        return [each for each in self.sections if part in ("", each.part)]


def build(point: Point, user, *, made_at) -> Packet:
    """Everything as of `point`, over every site. The last meeting is that of before it."""
    with standing_at(point):
        since = BoardMeeting.objects.filter(cut_off_entry__lt=point.entry).first()
        sites = [rules.code for rules in protocol.current().sites]
        made = make_all(OUTPUTS, sites, at=point.at)
        parts = (_title, _synopsis, _status, _figures, _enrolment, _people, _quality)
        parts += (_events, _outcome, _listings, _laboratory, _recommendation)
        context = {"point": point, "since": since, "sites": sites, "made": made, "user": user}
        sections = [part(number, context) for number, part in enumerate(parts, 1)]
    return Packet(point, since, sections, made_at, user.get_username())


def _title(number, about):
    rules = protocol.current()
    assumed = rules.assumptions()
    facts = [
        ("Study", f"{rules.registry.id}: {rules.registry.title}"),
        ("Data cut-off", f"{about['point']}, {_utc(about['point'].at)}"),
        ("Protocol and criteria", f"version {rules.version}, file hash {rules.sha256[:12]}"),
        ("Last meeting", str(about["since"] or "none before this one")),
    ]
    words = [
        f"Unconfirmed: {len(assumed)} values of the protocol file are assumptions or placeholders that the study team "
        "has not confirmed. They stand on the page Study."
    ]
    return Section(number, "Title page", facts=facts, words=words)


def _design(registry) -> str:
    """The registry's codes as they are read: 'Phase 1, single group, masking: none; 6 participants'."""
    codes = (registry.phase.replace("PHASE", "Phase "), f"{registry.model}, masking: {registry.masking}".lower())
    return f"{', '.join(codes).replace('_', ' ')}; {registry.participants} participants"


def _synopsis(number, about):
    rules, arm = protocol.current(), protocol.current().treatment
    registry = rules.registry
    ready = [each for each in _waiting() if each]
    facts = [
        ("Design", _design(registry)),
        ("Treatment", f"{arm.arm}, one infusion on Day 0"),
        ("Sponsor", registry.sponsor),
        ("Study chair", f"{registry.chair}, {registry.chair_affiliation}"),
        ("Sites", "; ".join(f"{site.code}: {site.name}, {site.city}" for site in rules.sites)),
        ("Planned visits", ", ".join(visit.name for visit in rules.visits)),
        ("Purpose", f"Gate for the next participant: {', '.join(ready)}" if ready else "Routine"),
    ]
    return Section(number, "Synopsis", facts=facts)


def _waiting():
    """Who is enrolled and waits for the infusion, by code."""
    people = Participant.objects.filter(enrollment__isnull=False, infusion=None, withdrawn_at=None)
    return list(people.order_by("enrollment__enrolled_at").values_list("identifier", flat=True))


def _status(number, about):
    meetings = list(BoardMeeting.objects.prefetch_related("recommendations__hold"))
    told = [
        f"{meeting}, {day_label(meeting.held_on)}: {each.words}. {each.text} {each.resolved_words}."
        for meeting in meetings
        for each in meeting.recommendations.all()
    ]
    holds = [f"{hold}, {hold.stage.lower()}: {hold.words}" for hold in Hold.objects.order_by("pk")]
    versions = [f"Protocol {row.version} adopted {_utc(row.adopted_at)}" for row in Adoption.objects.all()]
    versions += [f"{row}" for row in Approval.objects.select_related("adoption")]
    since = about["since"].cut_off_entry if about["since"] else 0
    changed = review.changed_between(about["sites"], since, about["point"].entry)
    return Section(
        number,
        "Status, past recommendations and protocol changes",
        facts=[
            ("Adverse events new since the last meeting", sum(each.what == review.NEW for each in changed)),
            ("Changed", sum(each.what == review.CHANGED for each in changed)),
            ("Voided", sum(each.what == review.VOIDED for each in changed)),
        ],
        template="lists",
        extra={
            "lists": [
                ("Recommendations, and how each was resolved", told),
                ("Holds", holds),
                ("Protocol versions", versions),
            ]
        },
    )


def _figures(number, about):
    people = about["made"]["disposition"].trial.people
    steps = sorted(person.enrolled_on for person in people if person.enrolled_on)
    figure = enrolment_figure(steps, protocol.current().enrollment.cap)
    return Section(
        number, "Overall status", made=[about["made"]["disposition"]], template="figure", extra={"figure": figure}
    )


def enrolment_figure(days, cap) -> dict:
    """Steps of the enrollments against the cap, in units of a drawing of 600 by 160."""
    width, height, left = 600, 160, 40
    first, last = (days[0], days[-1]) if days else (None, None)
    span = max((last - first).days, 1) if days else 1
    level = [height - 20 - round((height - 40) * count / cap) for count in range(cap + 1)]
    at = [left + round((width - left - 10) * (day - first).days / span) for day in days]
    path = f"M {left} {level[0]}" + "".join(f" H {x} V {level[count]}" for count, x in enumerate(at, 1))
    words = "; ".join(f"{count} on {day_label(day)}" for count, day in enumerate(days, 1)) or "nobody yet"
    scale = [(count, level[count]) for count in range(cap + 1)]
    return {"path": f"{path} H {width - 10}", "scale": scale, "words": words, "cap": cap, "right": width - 10}


def _enrolment(number, about):
    made = [about["made"][code] for code in ("enrolment", "screen-failures", "deviations")]
    words = ["Expected enrollment is the cap of the protocol; the record plans no rate."]
    return Section(number, "Enrollment, screen failures and deviations", words=words, made=made)


def _people(number, about):
    made = [about["made"][code] for code in ("demographics", "exposure")]
    return Section(number, "Characteristics, exposure and follow-up", made=made)


def _quality(number, about):
    signed = []
    for site in about["sites"]:
        now = standing(review.KIND, site)
        words = (
            "signed, and it stands"
            if now.is_signed
            else "signed, and changed since"
            if now.signatures
            else "not signed"
        )
        signed.append((f"Safety review, {site}", words))
    made = [about["made"][code] for code in ("visit-compliance", "data-quality")]
    return Section(number, "Data quality", facts=signed, made=made)


def _events(number, about):
    codes = ("overview", "by-term", "by-grade", "by-relatedness")
    return Section(number, "Adverse events", CLOSED, made=[about["made"][code] for code in codes])


def _outcome(number, about):
    rows = rule_board.board(about["point"].at, about["user"])
    rules = [
        f"Rule {row['rule'].id}, {'on' if row['is_on'] else 'switched off'}, "
        f"{'TRIPPED' if row['evaluation'].is_tripped else 'not tripped'}: {row['evaluation'].words}"
        for row in rows
    ]
    lists = [("Stopping rules", rules or ["The protocol has none."]), ("The gate between participants", _gate(about))]
    made = [about["made"]["primary-safety"]]
    extra = {"lists": lists}
    return Section(
        number, "Primary safety outcome, stopping rules and gate", CLOSED, made=made, template="lists", extra=extra
    )


def _gate(about):
    found = []
    people = Participant.objects.for_listing().filter(infusion__isnull=False)
    people = people.select_related("site").prefetch_related("dsmb_decisions").order_by("infusion__started_at")
    for person in people:
        waits = decisions.waits_for(person, person, person.site.today(about["point"].at))
        found.append(f"{person}: {' '.join(waits) or 'open'}")
    told = DsmbDecision.objects.select_related("participant").order_by("pk")
    return found + [f"{row}: {row.decision_words}, {day_label(row.decided_on)}" for row in told] or [
        "Nobody was infused."
    ]


def _listings(number, about):
    codes = ("serious-events", "deaths", "events")
    since = about["since"].cut_off_entry if about["since"] else 0
    changed = review.changed_between(about["sites"], since, about["point"].entry)
    extra = {"serious": _serious(about["point"].at), "changed": changed}
    made = [about["made"][code] for code in codes]
    return Section(number, "Listings", CLOSED, made=made, template="events", extra=extra)


def _serious(at):
    """(event, its clocks in words, its narrative) of every serious event that stands."""
    events = AdverseEvent.objects.serious().for_page().prefetch_related("clocks", "reports")
    return [
        (
            event,
            [f"{clock.rule_id}, {due_words(clock)}: {chip(clock, at).words}" for clock in event.clocks.all()],
            _narrative(event),
        )
        for event in events.order_by("site", "participant__number", "number")
    ]


def _narrative(event):
    last = max(event.reports.all(), key=lambda report: report.number, default=None)
    return last.narrative if last else compose(event)


def _laboratory(number, about):
    codes = ("lab-summary", "lab-shifts", "lab-abnormalities")
    return Section(number, "Laboratory", CLOSED, made=[about["made"][code] for code in codes])


def _recommendation(number, about):
    choices = [label for _, label in protocol.current().choices("dsmb_decision")]
    return Section(number, "Recommendation", template="recommendation", extra={"choices": choices})


def _utc(at):
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def as_pdf(packet: Packet, part: str = "") -> bytes:
    """Tagged PDF of the whole, or of one part. Raises NoPdf."""
    context = {"packet": packet, "sections": packet.of(part), "part": part, "is_demo": settings.DEMO}
    return pdf("adverse_events/board/packet.pdf.html", context | {"protocol": protocol.current()})


def as_zip(packet: Packet) -> bytes:
    """Both parts as PDF, each table as CSV, a manifest and checksums. Raises NoPdf."""
    files = {"packet.pdf": as_pdf(packet)}
    for part in PARTS:
        files[f"{part}/{part}-part.pdf"] = as_pdf(packet, part)
        for section in packet.of(part):
            for made in section.made:
                files[f"{part}/{section.number:02}-{made.code}.csv"] = _csv(made)
    files["manifest.json"] = json.dumps(_manifest(packet, files), indent=2, ensure_ascii=False).encode() + b"\n"
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    files["SHA256SUMS"] = "".join(sums).encode()
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, FIXED_DATE), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _csv(made) -> bytes:
    notes = [("Note", words) for words in made.table.footnotes]
    return b"".join(as_csv(made.table, "table.csv", [("Title", made.title), *made.about, *notes]).streaming_content)


def _manifest(packet, files) -> dict:
    rules = protocol.current()
    return {
        "study": rules.registry.id,
        "protocol": {"version": rules.version, "sha256": rules.sha256},
        "as_of": {"audit_entry": packet.point.entry, "at": _utc(packet.point.at)},
        "since_meeting": packet.since.number if packet.since else None,
        "made_at": _utc(packet.made_at),
        "made_by": packet.made_by,
        "files": [{"name": name, "bytes": len(content)} for name, content in sorted(files.items())],
    }
