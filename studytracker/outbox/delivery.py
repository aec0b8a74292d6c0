"""Sending one mail: commit the claim, look again, send outside any transaction, commit the outcome.

A crash between the mail server's yes and our commit leaves the row claimed; when the lease ends it is sent again
with the same Message-ID. So: one ledger entry, mail at least once.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string

from studytracker.access.grants import Permission

from .models import Mail
from .sweeping import source

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360)]
TRIES = 8


class NoAddress(Exception):
    def __init__(self, user):
        super().__init__(f"{user.username} has no e-mail address. Add one, then try again.")


def deliver(mail_id: int, at: datetime) -> bool:
    """Send the mail if it is ready and still says something. Returns whether it went out now."""
    mail = _claim(mail_id, at)
    if mail is None:
        return False
    # Whatever is wrong with this mail, a template or an address included, must not hold up the next one.
    try:
        lines = _lines_still_due(mail, at)
        if not lines:
            _settle(mail, state=Mail.State.CANCELLED)
            return False
        message = _compose(mail, lines)
        message.send()
    except Exception as error:
        _put_off(mail, error, at)
        return False
    _settle(
        mail,
        state=Mail.State.SENT,
        sent_at=at,
        error="",
        address=mail.recipient.email,
        subject=message.subject,
        body=message.body,
    )
    return True


def _claim(mail_id, at):
    """Take the mail by a conditional UPDATE: whoever changes the row sends it.

    A mail whose senders died as often as it may be tried is given up here: nobody was left to say so.
    """
    Mail.objects.ready(at).filter(pk=mail_id, attempts__gte=TRIES).update(
        state=Mail.State.FAILED, lease_until=None, error="Given up: the sender ended each time before it was sent."
    )
    claimed = (
        Mail.objects.ready(at)
        .filter(pk=mail_id)
        .update(state=Mail.State.CLAIMED, lease_until=at + LEASE, attempts=F("attempts") + 1)
    )
    return Mail.objects.select_related("recipient").get(pk=mail_id) if claimed else None


@transaction.atomic
def _lines_still_due(mail, at):
    """What is still true of each notice, in a fresh read; notices that no longer hold are cancelled."""
    notices = list(mail.notices.filter(cancelled_at=None).order_by("id"))
    lines = {}
    for name in {notice.source for notice in notices}:
        lines |= {
            (name, object_id): line
            for object_id, line in source(name)
            .still_due([notice.object_id for notice in notices if notice.source == name], at)
            .items()
        }
    over = [notice.pk for notice in notices if (notice.source, notice.object_id) not in lines]
    mail.notices.filter(pk__in=over).update(cancelled_at=at)
    if not mail.recipient.can(Permission.SEE, mail.site_id):
        # Free for whoever holds the role later, should it be the same person again.
        mail.notices.filter(cancelled_at=None).update(mail=None)
        Mail.objects.filter(pk=mail.pk).update(key=f"{mail.key}:{mail.pk}")
        return []
    return [lines[key] for key in sorted(lines, key=lambda key: lines[key])]


def _compose(mail, lines):
    if not mail.recipient.email:
        raise NoAddress(mail.recipient)
    context = {"lines": lines, "site": mail.site_id, "demo": settings.DEMO, "home": settings.SITE_URL}
    return EmailMessage(
        subject=render_to_string("outbox/digest-subject.txt", context).strip(),
        body=render_to_string("outbox/digest-body.txt", context),
        to=[mail.recipient.email],
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
    )


def try_again(mail, at):
    """A person asks for another round of tries, after mending what was wrong."""
    return Mail.objects.filter(pk=mail.pk, state=Mail.State.FAILED).update(
        state=Mail.State.DUE, attempts=0, next_try_at=at
    )


def _settle(mail, **outcome):
    """Record the outcome, unless the lease ran out and somebody else took the mail since."""
    Mail.objects.filter(pk=mail.pk, state=Mail.State.CLAIMED, attempts=mail.attempts).update(
        lease_until=None, **outcome
    )


def _put_off(mail, error, at):
    log.warning("Mail %s was not sent: %s", mail.key, error, exc_info=not isinstance(error, (OSError, NoAddress)))
    wait = BACK_OFF[min(mail.attempts, len(BACK_OFF)) - 1]
    _settle(
        mail,
        state=Mail.State.FAILED if mail.attempts >= TRIES else Mail.State.DUE,
        next_try_at=at + wait,
        error=f"{type(error).__name__}: {error}"[:500],
    )
