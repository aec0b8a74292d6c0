"""What must hold before Day 0: each gate is open, or says in sentences what opens it and where."""

from typing import NamedTuple

from django.urls import reverse

from studytracker.dates import day_label

from . import confirmation, decisions, holds

DOSING = "dosing_or_storage"


class Gate(NamedTuple):
    name: str
    reasons: list[str]  # empty: open
    words: str  # what an open gate rests on
    link: tuple[str, str]  # (label, address) of the place where it is opened
    category: str  # of the deviation that an infusion is while it is closed: a code of the protocol

    @property
    def is_open(self):
        return not self.reasons


def gates(participant, started_at) -> list[Gate]:
    """Every gate of this participant for an infusion that starts at the instant `started_at`."""
    on = participant.site.today(started_at)
    dose = participant.doses.standing().select_related("lot__site", "checked_by", "prepared_by").first()
    found = [
        _consent(participant, started_at),
        _eligibility(participant, on),
        _holds(participant),
        between(decisions.reasons_against(participant, on)),
        _lot(participant, dose, started_at),
    ]
    if participant.protocol.product.second_person:
        found.append(_second_person(participant, dose))
    return found


def _here(participant, label, name):
    return label, reverse(name, args=[participant.identifier])


def _consent(participant, started_at):
    """21 CFR 50.20: before any study procedure."""
    signed = [consent for consent in participant.consents.all() if consent.signed_at <= started_at]
    words = f"Form {signed[-1].form_version}, signed {day_label(signed[-1].signed_on)}" if signed else ""
    reasons = [] if signed else ["No consent was signed before this time. Check the date, or record the consent."]
    return Gate("Consent", reasons, words, _here(participant, "Participant", "participant"), "consent")


def _eligibility(participant, on):
    link = _here(participant, "Eligibility worksheet", "worksheet")
    enrolled, words = participant.enrolled, ""
    if not enrolled:
        reasons = ["An investigator confirms eligibility and enrolls first."]
    elif on < enrolled.enrolled_on:
        reasons = [f"Enrolled on {day_label(enrolled.enrolled_on)}, which is later."]
    else:
        reasons = confirmation.against_infusion(participant, on)  # signed, not stale, judged again for that very day
        words = f"Confirmed {day_label(enrolled.enrolled_on)} by {enrolled.enrolled_by}"
    return Gate("Eligibility", reasons, words, link, "eligibility")


def _holds(participant):
    reasons = holds.reasons_against(participant.site_id)
    return Gate("No open hold", reasons, "None is open", _plain("Holds", "holds"), "other")


def between(reasons):
    words = "The safety data of whoever was infused before are reviewed"
    return Gate("Between participants", reasons, words, _plain("Slots and reviews", "slots"), "stagger_gate")


def _lot(participant, dose, started_at):
    link = _here(participant, "Dose bench", "prepare_dose")
    if dose is None:
        return Gate("Dose and lot", ["No dose is worked out yet from a released lot."], "", link, DOSING)
    lot, reasons = dose.lot, []
    if not lot.released_at or lot.released_at > started_at:
        reasons.append(f"Lot {lot} was not released at this time. An investigator releases it on its page.")
    if lot.expires_at <= started_at:
        reasons.append(f"Lot {lot} expired on {day_label(participant.site.today(lot.expires_at))}. Use another lot.")
    if dose.thawed_at > started_at:
        reasons.append("The cells were thawed later than this time. Check the start, or work the dose out again.")
    words = f"{dose.volume_ml} mL of lot {lot}, {dose.target_cells:,} cells"
    return Gate("Dose and lot", reasons, words, link, DOSING)


def _second_person(participant, dose):
    link = _here(participant, "Second check", "check_dose")
    if dose is None or not dose.checked_at:
        who = f"another person than {dose.prepared_by}" if dose else "a second person"
        reasons = [f"The dose is not checked: {who} confirms it with their password."]
        return Gate("Second person", reasons, "", link, DOSING)
    return Gate("Second person", [], f"Checked by {dose.checked_by}", link, DOSING)


def _plain(label, name):
    return label, reverse(name)


def closed(participant, started_at) -> list[Gate]:
    return [gate for gate in gates(participant, started_at) if not gate.is_open]


def reasons_against(participant, started_at) -> list[str]:
    return [sentence for gate in closed(participant, started_at) for sentence in gate.reasons]


def in_words(gates) -> str:
    """Each with what it waits for, one a line."""
    return "\n".join(f"{gate.name}: {' '.join(gate.reasons)}" for gate in gates)
