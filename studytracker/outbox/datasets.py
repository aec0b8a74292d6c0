"""What leaves of the messages: what people were told of, and the mails that told them."""

from django.db.models import Q

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.exports.datasets import Column, Dataset, Kind

from .models import Mail, Notice

LEVELS = frozenset({"coded", "identified"})  # a message is about a moment and a site


def _mails_of(rows, sites):
    """A mail about several sites belongs to an export of all of them."""
    everywhere = set(sites) >= {site.code for site in protocol.current().sites}
    return rows.filter(Q(site__in=sites) | Q(site=None)) if everywhere else rows.filter(site__in=sites)


notices = Dataset(
    "notices",
    "Notices",
    lambda: Notice.objects.order_by("created_at", "pk"),
    (
        Column("notice", "Number of the notice", "pk", Kind.ORDER),
        Column("site", "Site", "site_id", Kind.SITE),
        Column("about", "What kind of matter", "source", Kind.CODE),
        Column("matter", "Number of the matter's record", "object_id", Kind.ORDER),
        Column("stage", "Stage", "stage", Kind.CODE),
        Column("turn", "Which time", "turn", Kind.NUMBER),
        Column("urgent", "Urgent", "is_urgent", Kind.FLAG),
        Column("recipient", "Who is told", "recipient__username", Kind.PERSON),
        Column("created", "Due at", "created_at", Kind.STAMP),
        Column("mail", "Number of the mail", "mail_id", Kind.ORDER),
        Column("cancelled", "Cancelled at", "cancelled_at", Kind.STAMP),
        Column("cancelled_reason", "Why cancelled", "cancelled_why", Kind.TEXT),
    ),
    participant=None,
    levels=LEVELS,
    needs=Permission.OPERATE,
)

mails = Dataset(
    "mails",
    "Mails",
    lambda: Mail.objects.order_by("created_at", "pk"),
    (
        Column("mail", "Number of the mail", "pk", Kind.ORDER),
        Column("site", "Site; empty: about several", "site_id", Kind.SITE),
        Column("kind", "Kind", "kind", Kind.CODE),
        Column("state", "State", "state", Kind.CODE),
        Column("recipient", "Recipient", "recipient__username", Kind.PERSON),
        Column("address", "Address", "address", Kind.PERSON),
        # Letters address their reader and name others.
        Column("subject", "Subject", "subject", Kind.PERSON),
        Column("body", "Text", "body", Kind.PERSON),
        Column("attempts", "Tries", "attempts", Kind.NUMBER),
        Column("created", "Made at", "created_at", Kind.STAMP),
        Column("sent", "Sent at", "sent_at", Kind.STAMP),
        Column("may_have_gone", "A second copy is possible", "may_have_gone", Kind.FLAG),
        Column("error", "What the mail server said", "error", Kind.PERSON),
        Column("cancelled_reason", "Why cancelled", "cancelled_why", Kind.TEXT),
    ),
    participant=None,
    within=_mails_of,
    levels=LEVELS,
    needs=Permission.OPERATE,
)
