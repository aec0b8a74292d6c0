"""From consent to the answered criteria, and the ways out: screen failure and withdrawal."""

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.module_loading import import_string

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.protocol.approving import version_at
from studytracker.protocol.models import Site
from studytracker.refusal import Refused
from studytracker.trust.acting import because
from studytracker.trust.versions import checked_reason

from . import evidence
from .eligibility import answers_for
from .models import Consent, CriterionAnswer, Participant
from .worksheet import judge


class ScreeningRefused(Refused):
    """The participant cannot be screened, answered for, failed or withdrawn like this."""


class Overtaken(ScreeningRefused):
    """Somebody else answered the same parts since the page was opened. Nothing was saved."""

    def __init__(self, answers):
        self.parts = [answer.part for answer in answers]
        super().__init__(
            *(
                f"{answer.part} was answered meanwhile by {answer.answered_by}: {answer.answer.replace('_', ' ')}"
                f"{f' ({answer.evidence})' if answer.evidence else ''}. Yours stands in the form and is not saved; "
                "save again to replace the other."
                for answer in answers
            )
        )

    def add_to(self, form):
        super().add_to(form)
        form.show_what_stands(self.parts)


def announce(hooks, *args, **kwargs):
    """Call what settings name for this step, inside the caller's transaction."""
    for path in hooks:
        import_string(path)(*args, **kwargs)


@transaction.atomic
def screen(
    *,
    site,
    screened_on,
    age,
    sex,
    consent_version,
    consent_on,
    consent_time,
    by,
    at,
    obtained_by="",
    rescreens=None,
):
    """Give the next identifier of the site to a person who consented, and open the screening.

    `screened_on` and `consent_on` are site-local dates, `consent_time` a site-local time. Raises ScreeningRefused.
    Consent comes before any study procedure: criterion I5 of the record, and 21 CFR 50.20.
    """
    # Serialises the numbering of one site on PostgreSQL; SQLite has one writer at a time anyway.
    site = Site.objects.select_for_update(no_key=True).filter(pk=getattr(site, "pk", site)).first()
    if site is None:
        raise ScreeningRefused("This site is not in the protocol. Choose one of the list.", field="site")
    signed_at = consent_instant(site, consent_on, consent_time)
    _check_days(site, screened_on, consent_on, signed_at, at)
    rules = version_at(site.code, consent_on)
    check_form(rules, site, consent_version, consent_on)
    check_term(rules, "sex", sex, field="sex")
    participant = Participant.objects.create(
        **_next_of(site, rules),
        screened_on=screened_on,
        age=age,
        sex=sex,
        screened_at=at,
        screened_by=by,
        rescreens=rescreens,
    )
    signed = {"form_version": consent_version, "signed_on": consent_on, "signed_at": signed_at}
    Consent.objects.create(participant=participant, **signed, obtained_by=obtained_by, recorded_at=at, recorded_by=by)
    announce(settings.ON_SCREENED, participant, by=by, at=at)
    return participant


def _next_of(site, rules) -> dict:
    """The next number of the site and the identifier it makes, under these rules."""
    number = (Participant.objects.filter(site=site).aggregate(last=Max("number"))["last"] or 0) + 1
    identifier = rules.identifier(site.code, number)
    return {"site": site, "number": number, "identifier": identifier, "protocol_version": rules.version}


def consent_instant(site, on, time):
    try:
        return local_instant(on, time, site.zone)
    except ImpossibleTime as error:
        raise ScreeningRefused(str(error), field="consent_time") from None


def _check_days(site, screened_on, consent_on, signed_at, at):
    today = site.today(at)
    if screened_on > today:
        raise ScreeningRefused(
            f"The screening visit cannot be in the future: today is {day_label(today)} at {site}. "
            "Screen the participant on the day.",
            field="screened_on",
        )
    if signed_at > at:
        raise ScreeningRefused(
            "The consent cannot be signed in the future. Check its date and time.", field="consent_on"
        )
    if consent_on > screened_on:
        raise ScreeningRefused(
            f"Consent on {day_label(consent_on)} is after the screening visit on {day_label(screened_on)}. "
            "Consent comes before any study procedure: check both dates.",
            field="consent_on",
        )


def check_form(rules, site, version, on):
    valid = [form.version for form in rules.consent_forms_at(site.code, on)]
    if version not in valid:
        known = ", ".join(valid) or "none"
        raise ScreeningRefused(
            f"Consent form version {version} is not valid at {site} on {day_label(on)}. Valid then: {known}.",
            field="consent_version",
        )


def worksheet(participant, on):
    """The worksheet as it stands: for the infusion that was, else for the earliest Baseline from the day `on` that no
    look-back forbids (for `on` itself where there is none). Six queries.
    """
    return worksheet_of(evidence.of(participant, until=participant.infused_on), participant.infused_on or on)


def worksheets(participants, at):
    """Worksheets by participant key, each on today's date at its site. Six queries, however many there are."""
    participants = list(participants)
    found = evidence.of_many(participants) if participants else {}
    todays = Site.todays(at)
    return {each.pk: worksheet_of(found[each.pk], each.infused_on or todays[each.site_id]) for each in participants}


def worksheet_of(facts, on):
    sheet = judge(facts, baseline=on)
    if sheet.assessment.waiting and sheet.earliest_on:
        return judge(facts, baseline=sheet.earliest_on)
    return sheet


def assessment(participant, on):
    return worksheet(participant, on).assessment


def questions(participant):
    """(criterion, part) for each part that a person answers; the others are computed from the record."""
    return [(row.criterion, row.part) for row in _open_rows(participant).values()]


def _open_rows(participant):
    rows = judge(evidence.of(participant), baseline=participant.infused_on or participant.screened_on).rows
    return {row.part.id: row for row in rows if not row.is_computed}


@transaction.atomic
def answer(*, participant, answers, by, at, was=None, reason=""):
    """Store the answers that are new or differ. `answers` maps part id to (answer code, evidence).

    `was` maps part id to what the person saw before answering; an answer that somebody else changed in the meantime
    is not overwritten unseen. Replacing what was answered needs a `reason`. Only an investigator decides otherwise
    than the record proposes, and says why in `words`.
    """
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    must_be_open(participant)
    if participant.enrolled:
        raise ScreeningRefused("The criteria were confirmed at enrollment and are closed to changes.")
    rows, stored = _open_rows(participant), participant.answers_by_part
    first, overtaken = [], []
    for part, (code, words) in answers.items():
        row, old = rows.get(part), stored.get(part)
        if row is None or code not in dict(answers_for(row.criterion, row.part)):
            raise ScreeningRefused(f'"{code}" is not an answer to {part}. Choose one of those shown.', field=part)
        stands = (old.answer, old.evidence) if old else ("", "")
        seen = stands if was is None else was.get(part, ("", ""))
        if (code, words) in (stands, seen) and not _is_outdated(row):
            continue  # as it stands, or not touched by this person
        if seen != stands:
            overtaken.append(part)
            continue
        overrides = _overridden(row, code, words, participant, by)
        facts = {"answer": code, "evidence": words, "overrides": overrides, "answered_at": at, "answered_by": by}
        if old is None:
            first.append(CriterionAnswer(participant=participant, part=part, **facts))
            continue
        with because(checked_reason(reason or (words if overrides else ""))):
            CriterionAnswer.objects.update_or_create(participant=participant, part=part, defaults=facts)
    CriterionAnswer.objects.bulk_create(first)
    if overtaken:
        raise Overtaken([stored[part] for part in overtaken])
    return participant


def _is_outdated(row):
    """Whether the answer stands on what the record no longer says: the same answer again is then an answer."""
    return bool(row.is_overridden and row.answer.overrides != row.proposal)


def _overridden(row, code, words, participant, by) -> str:
    """What the record proposed, where the answer differs from it; else empty."""
    if not row.proposal or code == row.proposal:
        return ""
    label = dict(answers_for(row.criterion, row.part)).get(row.proposal, row.proposal).lower()
    if not by.can(Permission.ENROLL, participant.site_id):
        raise ScreeningRefused(
            f"The record proposes {label} for {row.part.id}. Only an investigator decides otherwise.",
            field=row.part.id,
        )
    if not words:
        raise ScreeningRefused(
            f"The record proposes {label} for {row.part.id}. Say why you decide otherwise.",
            field=f"{row.part.id}-evidence",
        )
    return row.proposal


def must_be_open(participant):
    if not participant.is_open:
        raise ScreeningRefused(
            f"{participant} is closed: {participant.stage.lower()}. Nothing more can be recorded here."
        )


@transaction.atomic
def fail_screening(*, participant, failed_on, reason, by, at, criteria=()):
    """Close the screening without enrolling. `criteria` are the ids of those that failed; they stay in the record."""
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    must_be_open(participant)
    if participant.enrolled:
        raise ScreeningRefused(f"{participant} is enrolled already. Withdraw the participant instead.")
    _check_leaving(participant, failed_on, at, field="failed_on")
    known = {criterion.id for criterion in participant.protocol.criteria if criterion.answered}
    if unknown := sorted(set(criteria) - known):
        raise ScreeningRefused(f"The protocol has no criterion {', '.join(unknown)}.", field="criteria")
    participant.screen_failed_criteria = " ".join(criteria)
    participant.screen_failed_on, participant.screen_failed_at = failed_on, at
    participant.screen_failed_by, participant.screen_failed_reason = by, reason
    participant.save(
        update_fields=[
            "screen_failed_on",
            "screen_failed_at",
            "screen_failed_by",
            "screen_failed_reason",
            "screen_failed_criteria",
        ]
    )
    return participant


@transaction.atomic
def withdraw(*, participant, withdrawn_on, reason, note, by, at):
    """Record that the participant left the study. `reason` is a code of the protocol's withdrawal reasons."""
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    must_be_open(participant)
    _check_leaving(participant, withdrawn_on, at, field="withdrawn_on")
    if participant.infused_on and withdrawn_on < participant.infused_on:
        raise ScreeningRefused(
            f"The infusion was on {day_label(participant.infused_on)}: the withdrawal cannot be before it.",
            field="withdrawn_on",
        )
    _check_reason(participant, reason, note)
    reasons = [import_string(path)(participant, withdrawn_on) for path in settings.BEFORE_WITHDRAWAL]
    if any(reasons):
        raise ScreeningRefused(*filter(None, reasons), field="withdrawn_on")
    participant.withdrawn_on, participant.withdrawn_at, participant.withdrawn_by = withdrawn_on, at, by
    participant.withdrawn_reason, participant.withdrawn_note = reason, note
    participant.save(
        update_fields=["withdrawn_on", "withdrawn_at", "withdrawn_by", "withdrawn_reason", "withdrawn_note"]
    )
    return participant


def check_term(rules, vocabulary, code, *, field):
    try:
        return rules.term(vocabulary, code)
    except protocol.UnknownCode as unknown:
        raise ScreeningRefused(str(unknown), field=field) from None


def _check_reason(participant, reason, note):
    term = check_term(participant.protocol, "withdrawal_reason", reason, field="reason")
    if term.needs_text and not note:
        raise ScreeningRefused(f'The reason "{term.label}" needs a note that says what it was.', field="note")


def _check_leaving(participant, on, at, *, field):
    today = participant.site.today(at)
    if on > today:
        raise ScreeningRefused(
            f"{day_label(on)} is in the future: today is {day_label(today)} at {participant.site_id}.",
            field=field,
        )
    if on < participant.screened_on:
        raise ScreeningRefused(
            f"{day_label(on)} is before the screening visit on {day_label(participant.screened_on)}.",
            field=field,
        )
