"""Whether a password is right, counted so that guessing gets slow: at sign-in, and again at each signature."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Sum

from studytracker.refusal import Refused
from studytracker.trust.acts import Kind, note

from .models import Attempt, User

FREE_TRIES = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=1)
# Guessing from many addresses: then only addresses from which this person signed in before are heard.
TRIES_FROM_ANYWHERE, KNOWN_FOR = 50, timedelta(days=30)
# The same words for wrong, unknown, disabled and waiting: nobody learns which accounts exist.
WRONG = (
    "The username or the password is not right, or too many wrong ones were tried. After five, wait one minute; "
    "each further wrong one doubles the wait, up to an hour."
)


class WrongPassword(Refused):
    """The person could not show again who they are."""


@dataclass(frozen=True)
class Reauthenticated:
    """Proof that a person gave the password just now."""

    user_id: int
    at: datetime


def reauthenticate(user, password, *, address="", at) -> Reauthenticated:
    """Raises WrongPassword, which is recorded and counted like a failed sign-in.

    Call it outside a transaction that the refusal would roll back, or the record of it goes too.
    """
    failed = Kind.SIGNING_FAILED
    if not user.is_active or not checked(user.username, password, address=address, at=at, failed=failed):
        raise WrongPassword(WRONG.replace("The username or the", "The"), field="password")
    return Reauthenticated(user.pk, at)


def checked(username, password, *, address, at, failed=Kind.SIGN_IN_FAILED, request=None) -> User | None:
    """The active person with this username and password, or None, which is recorded as the act `failed`."""
    username = username.replace("\0", "")[:150]
    attempt = _take_a_try(username, address, at)
    if attempt is None:
        make_password(password)  # as long as a wrong one takes
        note(failed, at=at, username=username, address=address, words="Not tried: waiting after wrong passwords")
        return None
    user = authenticate(request, username=username, password=password)
    if user is None:
        note(failed, at=at, username=username, address=address)
        if attempt.blocked_until:
            words = f"Until {attempt.blocked_until:%Y-%m-%d %H:%M:%S} UTC, after {attempt.failures} wrong passwords"
            note(Kind.LOCKED, at=at, username=username, address=address, words=words)
        return None
    Attempt.objects.filter(pk=attempt.pk).update(failures=0, blocked_until=None, succeeded_at=at)
    return user


@transaction.atomic
def _take_a_try(username, address, at) -> Attempt | None:
    """Counts a failure before the password is looked at, so that many at once are no way round. None: wait."""
    attempt, _ = Attempt.objects.select_for_update().get_or_create(
        username=username, address=address, defaults={"last_at": at}
    )
    if attempt.blocked_until and at < attempt.blocked_until:
        return None
    if not attempt.is_known(at - KNOWN_FOR) and _tries_from_anywhere(username, at) >= TRIES_FROM_ANYWHERE:
        return None
    attempt.failures = 1 if attempt.last_at < at - FORGOTTEN_AFTER else attempt.failures + 1
    attempt.last_at = at
    attempt.blocked_until = at + wait(attempt.failures) if attempt.failures >= FREE_TRIES else None
    attempt.save()
    return attempt


def wait(failures: int) -> timedelta:
    """One minute after the fifth wrong password, then twice as long after each, an hour at most."""
    return min(FIRST_WAIT * 2 ** min(failures - FREE_TRIES, 10), LONGEST_WAIT)


def _tries_from_anywhere(username, at) -> int:
    recent = Attempt.objects.filter(username=username, last_at__gt=at - LONGEST_WAIT)
    return recent.aggregate(tries=Sum("failures"))["tries"] or 0


def client_address(request) -> str:
    """Where the request comes from: the connection, or what the last of our own proxies wrote. An IPv6 /64 is one."""
    text = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        text = told[-settings.TRUSTED_PROXIES] if len(told) >= settings.TRUSTED_PROXIES else text
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
