"""What this person may do next for this participant, most likely first."""

from typing import NamedTuple

from django.urls import reverse

from studytracker.access.grants import Permission


class Action(NamedTuple):
    label: str
    url: str
    style: str  # a Bootstrap button style


def actions(participant, user) -> list[Action]:
    site, offers = participant.site_id, []
    if not participant.is_open and not participant.screen_failed_at:
        return offers

    def offer(permission, label, name, style="outline-secondary"):
        if user.can(permission, site):
            offers.append(Action(label, reverse(name, args=[participant.identifier]), style))

    if participant.screen_failed_at:
        offer(Permission.SEE, "Eligibility worksheet", "worksheet")
        offer(Permission.SCREEN, "Screen again…", "screen_again", "primary")
        return offers
    if not participant.infused:
        offer(Permission.SEE, "Eligibility worksheet", "worksheet")
    if not participant.enrolled:
        offer(Permission.SCREEN, "Answer the criteria", "criteria", "primary")
        offer(Permission.ENROLL, "Confirm eligibility and enroll", "enroll", "primary")
        offer(Permission.WITHDRAW, "Screen failure…", "fail_screening")
    elif not participant.infused:
        offer(Permission.INFUSE, "Work out the dose", "prepare_dose", "primary")
        offer(Permission.INFUSE, "Record the infusion", "infuse", "primary")
    offer(Permission.REPORT_EVENT, "Report adverse event", "report_event")
    if participant.infused:
        offers.append(
            Action("Infusion day", reverse("infusion_day", args=[participant.identifier]), "outline-secondary")
        )
        offer(Permission.REVIEW_SAFETY, "Decision of the DSMB…", "record_decision")
        offer(Permission.INFUSE, "Correct Day 0…", "correct_day0")
    offer(Permission.SEE, "Results, medicines, history", "facts")
    offer(Permission.SCREEN, "Consent to a newer form…", "consent_again")
    offer(Permission.WITHDRAW, "Withdraw…", "withdraw")
    return offers
