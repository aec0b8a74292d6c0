"""What waits: queries for the site to answer, and answers for whoever asked to look at."""

from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.web.worklist import Item

from .models import Query
from .models.query import ANSWERED, TO_ANSWER


def items(user, at):
    """One query, for those who may answer or ask."""
    if not (user.can_somewhere(Permission.ANSWER) or user.can_somewhere(Permission.ASK)):
        return
    for query in Query.objects.visible_to(user).not_closed().select_related("participant", "asked_by"):
        days = (at - query.asked_at).days
        age = f"asked {days} day{'' if days == 1 else 's'} ago by {query.asked_by.get_username()}"
        is_mine = query.asked_by_id == user.pk
        if query.state == TO_ANSWER and not is_mine and user.can(Permission.ANSWER, query.site_id):
            yield _item(
                query, "Queries to answer", TO_ANSWER, age, ("Answer", reverse("answer_query", args=[query.pk]))
            )
        elif query.state == ANSWERED and is_mine and user.can(Permission.ASK, query.site_id):
            yield _item(query, "Queries answered", ANSWERED, age, ("Look", query.get_absolute_url()))


def _item(query, group, state, detail, action):
    return Item(
        group=group,
        identifier=query.participant.identifier,
        url=query.get_absolute_url(),
        text=f"{query.field} of {query.record}",
        detail=detail,
        actions=(action,),
        order=(query.asked_at,),
        listing=f"{reverse('queries')}?state={state}",
    )
