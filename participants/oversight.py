"""What waits for a second person: holds that somebody proposed, and decisions of the DSMB to confirm."""

from studytracker.access.grants import Permission
from studytracker.dates import day_label
from studytracker.web.worklist import Item

from .holds import may, steps
from .models import DsmbDecision, Hold


def items(user, at):
    """For those who may take the step. One query for the holds, one for the decisions."""
    if user.can_somewhere(Permission.PLACE_HOLD):
        for hold in Hold.objects.visible_to(user).proposed().select_related("proposed_by").order_by("pk"):
            if may(user, Permission.PLACE_HOLD, hold):
                yield _proposed(hold, user)
    if sites := user.sites_where(Permission.REVIEW_SAFETY):
        waiting = DsmbDecision.objects.filter(site__in=sites, confirmed_at=None).exclude(recorded_by=user)
        for decision in waiting.select_related("participant", "recorded_by").order_by("pk"):
            yield _unconfirmed(decision)


def _proposed(hold, user):
    return Item(
        group="Holds proposed",
        identifier=f"Hold {hold.pk}",
        url=hold.get_absolute_url(),
        text=f"Proposed at {hold.scope_words}",
        detail=f"{hold.words} (by {hold.proposed_by.get_username()}). It stops nothing yet",
        actions=(("Look", hold.get_absolute_url()), *steps(hold, user)),
    )


def _unconfirmed(decision):
    return Item(
        group="Decisions of the DSMB to confirm",
        identifier=decision.participant.identifier,
        url=decision.get_absolute_url(),
        text=f"DSMB: {decision.decision_words}",
        detail=f"Decided {day_label(decision.decided_on)}, recorded by {decision.recorded_by.get_username()}. "
        "It counts once a second person confirms it",
        actions=(("Read and confirm", decision.get_absolute_url()),),
    )
