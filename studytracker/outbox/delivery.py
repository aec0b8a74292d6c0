"""Sending one mail: commit the claim, look again, send outside any transaction, commit the outcome.

A crash between the mail server's yes and our commit leaves the row claimed; when the lease ends it is sent again
with the same Message-ID. So: one ledger entry, mail at least once.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from studytracker.access.grants import Permission
from studytracker.trust.acting import because

from . import timetable
from .failures import classify, in_words
from .letters import compose
from .models import LEASE, Mail
from .post_office import PostOffice
from .sources import lines_of

log = logging.getLogger(__name__)

BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360)]
TRIES = 8
# A task is short: what is left when this is over waits for the next sweep.
DRAIN_SECONDS = 60


def drain(clock: Callable[[], datetime], *, seconds: float = DRAIN_SECONDS) -> int:
    """Send what is ready, one mail after the other over one connection. Returns how many went out.

    Ends early when the mail server cannot be used at all: the next mail would only wait for the same.
    """
    sent, ends = 0, time.monotonic() + seconds
    with PostOffice() as post_office:
        while time.monotonic() < ends and (mail := _claim_next(clock())):
            with because(f"Delivery of mail {mail.pk}"):
                if _send(mail, clock(), post_office):
                    sent += 1
                    _server_is_back(clock())
                elif post_office.is_unusable:
                    break
    return sent


def deliver(mail_id: int, at: datetime) -> bool:
    """Send this mail if it is ready and still says something. Returns whether it went out now."""
    with because(f"Delivery of mail {mail_id}"), PostOffice() as post_office:
        mail = _claim(mail_id, at)
        return bool(mail) and _send(mail, at, post_office)


def _send(mail, at, post_office):
    # Whatever is wrong with this mail, a template or an address included, must not hold up the next one.
    try:
        lines = _lines_still_due(mail, at)
        if not lines and mail.kind != Mail.Kind.TEST:
            _cancel(mail)
            return False
        message = compose(mail, lines, at)
        post_office.send(message)
    except Exception as error:
        _put_off(mail, error, at)
        return False
    _settle(
        mail,
        state=Mail.State.SENT,
        sent_at=at,
        error="",
        failure="",
        address=mail.recipient.email,
        subject=message.subject,
        body=message.body,
    )
    return True


def _server_is_back(at):
    """Mails that were put off only because the server could not be used need not wait for their time."""
    waiting = Mail.objects.filter(state=Mail.State.DUE, failure=Mail.Failure.SERVER, next_try_at__gt=at)
    if waiting.exists():
        waiting.update(next_try_at=at)


def _claim_next(at):
    """The next mail that nobody else is at. On PostgreSQL those others are passed by without waiting for them.

    That is for speed only: what makes the mail ours is the conditional UPDATE.
    """
    # Urgent, test, digest: the order of haste is the alphabet's, backwards.
    ready = Mail.objects.ready(at).order_by("-kind", "next_try_at", "id")
    if connection.features.has_select_for_update_skip_locked:
        ready = ready.select_for_update(skip_locked=True)
    with transaction.atomic():
        while mail_id := ready.values_list("pk", flat=True).first():
            if mail := _claim(mail_id, at):
                return mail
    return None


def _claim(mail_id, at):
    """Take the mail by a conditional UPDATE: whoever changes the row sends it.

    A mail whose senders died as often as it may be tried is given up here: nobody was left to say so.
    """
    ready = Mail.objects.ready(at).filter(pk=mail_id)
    ready.filter(attempts__gte=TRIES).update(
        state=Mail.State.FAILED,
        lease_until=None,
        error="Given up: the sender ended each time before it was sent.",
        failure=Mail.Failure.UNCERTAIN,
        may_have_gone=True,
    )
    ready.filter(state=Mail.State.CLAIMED).update(may_have_gone=True)
    claimed = ready.update(state=Mail.State.CLAIMED, lease_until=at + LEASE, attempts=F("attempts") + 1)
    return Mail.objects.select_related("recipient").get(pk=mail_id) if claimed else None


@transaction.atomic
def _lines_still_due(mail, at):
    """One line for each matter that still holds, in a fresh read; notices that no longer do are cancelled."""
    _release_other_sites(mail)
    notices = list(mail.notices.live().order_by("id"))
    lines = lines_of(notices, at)
    over = [notice.pk for notice in notices if (notice.source, notice.object_id, notice.stage) not in lines]
    mail.notices.filter(pk__in=over).cancel("No longer due when the mail was sent", at)
    return sorted({(name, object_id): line for (name, object_id, _), line in lines.items()}.values())


def _release_other_sites(mail):
    """Where the recipient holds no role any more. The notices are free, should the role be given back."""
    sites = mail.recipient.sites_where(Permission.SEE)
    mail.notices.live().exclude(site__in=sites).update(mail=None)


def _cancel(mail):
    """Nothing is left to say. The key is freed: the day may still bring something."""
    gone = not mail.notices.exists()
    _settle(
        mail,
        state=Mail.State.CANCELLED,
        key=f"{mail.key}:{mail.pk}",
        cancelled_why="The recipient no longer holds a role there" if gone else "Nothing is left to say",
    )


def try_again(mail, at):
    """A person asks for another round of tries, after mending what was wrong."""
    return Mail.objects.filter(pk=mail.pk, state=Mail.State.FAILED).update(
        state=Mail.State.DUE, attempts=0, next_try_at=at
    )


def _settle(mail, **outcome):
    """Record the outcome, unless the lease ran out and somebody else took the mail since."""
    return Mail.objects.filter(pk=mail.pk, state=Mail.State.CLAIMED, attempts=mail.attempts).update(
        lease_until=None, **outcome
    )


def _put_off(mail, error, at):
    """Later and later, then a person is needed; at once where the server says that it will never take it."""
    failure = classify(error)
    log.warning("Mail %s was not sent: %s", mail.key, error, exc_info=failure is None)
    is_over = failure == Mail.Failure.PERMANENT or mail.attempts >= TRIES
    _settle(
        mail,
        state=Mail.State.FAILED if is_over else Mail.State.DUE,
        next_try_at=_next_try(mail, at),
        failure=failure or Mail.Failure.REFUSED,
        may_have_gone=mail.may_have_gone or failure == Mail.Failure.UNCERTAIN,
        error=in_words(error),
    )


def _next_try(mail, at):
    wait = BACK_OFF[min(mail.attempts, len(BACK_OFF)) - 1]
    return at + wait if mail.kind != Mail.Kind.DIGEST else timetable.of(mail.recipient).after_quiet(at + wait)
