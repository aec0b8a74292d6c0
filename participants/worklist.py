"""What waits on the way to the infusion."""

from urllib.parse import urlencode

from django.db.models import Count, F, OuterRef, Q, Subquery, Window
from django.db.models.functions import Coalesce
from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.web.worklist import Item

from .models import CriterionAnswer, Participant
from .screening import worksheets

SHOWN = 20  # those enrolled, then those in screening with the most answers; the listing holds them all


def items(user, at):
    """Screenings to finish, participants to enroll and infusions to record, for those who may. One query; six more
    for those who enroll, as only the worksheet says who is ready.
    """
    waiting = _waiting(user)
    screening = [each for each in waiting if not each.enrolled]
    sheets = worksheets([each for each in screening if user.can(Permission.ENROLL, each.site_id)], at)
    ready = {pk for pk, sheet in sheets.items() if sheet.assessment.is_eligible}
    for participant in waiting:
        if participant.enrolled:
            found = _infusion(participant, user)
        elif participant.pk in ready:
            found = _item(participant, "Ready to enroll", READY, "Sign and enroll", "confirm_eligibility", PLAN)
        else:
            found = _screening(participant, user, sheets.get(participant.pk), len(ready))
        if found:
            yield found


PLAN = ("Plan Day 0", "plan_day0")
READY = "Every criterion answered and met"
LISTING = urlencode({"stage": "screening"})


def _waiting(user):
    """The first SHOWN before their infusion, each with `given`, its answers, and `of`, how many are in screening."""
    sites = user.sites_where(Permission.SCREEN) | user.sites_where(Permission.INFUSE)
    if not sites:
        return []
    answers = CriterionAnswer.objects.filter(participant=OuterRef("pk")).order_by().values("participant")
    given = Coalesce(Subquery(answers.annotate(count=Count("pk")).values("count")), 0)
    mine = Participant.objects.visible_to(user).for_listing().filter(site__in=sites, infusion=None)
    mine = mine.filter(screen_failed_at=None, withdrawn_at=None)
    mine = mine.annotate(given=given, of=Window(Count("pk", filter=Q(enrollment=None))))
    enrolled_first = F("enrollment__pk").asc(nulls_last=True)
    return list(mine.order_by(enrolled_first, "-given", "site", "number")[:SHOWN])


def _item(participant, group, detail, label, name, *others, **more):
    """`label` and `name` are those of the address to go to; so are the pairs of `others`."""
    return Item(
        group=group,
        identifier=participant.identifier,
        url=reverse("participant", args=[participant.identifier]),
        text=participant.stage,
        detail=detail,
        actions=tuple(
            (words, reverse(page, args=[participant.identifier])) for words, page in ((label, name), *others)
        ),
        **more,
    )


def _infusion(participant, user):
    if user.can(Permission.INFUSE, participant.site_id):
        detail = f"Slot {participant.enrolled.slot_id}, enrolled {participant.enrolled.enrolled_on:%-d %b %Y}"
        return _item(participant, "Awaiting infusion", detail, "Record infusion", "infuse", PLAN)


def _screening(participant, user, sheet, ready):
    """Who is ready stands in a group of its own, so that this one is then less than its listing."""
    if not user.can(Permission.SCREEN, participant.site_id):
        return None
    listing = "" if ready else f"{reverse('participants')}?{LISTING}"
    detail = _progress(sheet) if sheet else _given(participant)
    more = {"of": participant.of - ready, "listing": listing}
    return _item(participant, "In screening", detail, "Criteria", "criteria", **more)


def _progress(sheet):
    state = sheet.assessment
    failed = f"; not eligible by {', '.join(state.failed)}" if state.failed else ""
    return f"{state.answered} of {len(state.verdicts)} criteria answered{failed}"


def _given(participant):
    parts = "1 part" if participant.given == 1 else f"{participant.given or 'no'} parts"
    return f"Screened {participant.screened_on:%-d %b %Y}, {parts} of the criteria answered"
