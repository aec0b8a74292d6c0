"""What waits on the way to the infusion."""

from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.web.worklist import Item

from .models import Participant
from .screening import worksheets


def items(user, at):
    """Screenings to finish, participants to enroll and infusions to record, for those who may. Seven queries."""
    mine = Participant.objects.visible_to(user).for_listing().filter(infusion=None)
    waiting = list(mine.filter(screen_failed_at=None, withdrawn_at=None).order_by("identifier"))
    sheets = worksheets([each for each in waiting if not each.enrolled], at)
    for participant in waiting:
        sheet = sheets.get(participant.pk)
        item = _screening(participant, user, sheet) if sheet else _infusion(participant, user)
        if item:
            yield item


def _item(participant, group, detail, label, name):
    return Item(
        group=group,
        identifier=participant.identifier,
        url=reverse("participant", args=[participant.identifier]),
        text=participant.stage,
        detail=detail,
        actions=((label, reverse(name, args=[participant.identifier])),),
    )


def _infusion(participant, user):
    if user.can(Permission.INFUSE, participant.site_id):
        detail = f"Slot {participant.enrolled.slot_id}, enrolled {participant.enrolled.enrolled_on:%-d %b %Y}"
        return _item(participant, "Awaiting infusion", detail, "Record infusion", "infuse")


def _screening(participant, user, sheet):
    state = sheet.assessment
    if state.is_eligible and user.can(Permission.ENROLL, participant.site_id):
        detail = "Every criterion answered and met"
        return _item(participant, "Ready to enroll", detail, "Sign and enroll", "confirm_eligibility")
    if not user.can(Permission.SCREEN, participant.site_id):
        return None
    detail = f"{state.answered} of {len(state.verdicts)} criteria answered"
    if state.is_eligible:
        detail += ", every one met: waits for the investigator"
    if state.failed:
        detail += f"; not eligible by {', '.join(state.failed)}"
    return _item(participant, "In screening", detail, "Criteria", "criteria")
