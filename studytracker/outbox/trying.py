"""A test mail: through the ledger and the mail server as any other, with the answer at once."""

from studytracker.access.grants import Permission
from studytracker.refusal import Refused

from . import delivery
from .models import Mail


class TestMailRefused(Refused):
    """There is nowhere to send it to, or one went a moment ago."""

    __test__ = False


def send_test_mail(*, by, at) -> Mail:
    """Send one to the person who asks. Returns the mail as it stands afterwards, sent or with its error."""
    if not by.email:
        raise TestMailRefused("Your account has no e-mail address. An administrator adds one.")
    key = f"test:{by.pk}:{at:%Y-%m-%d.%H%M}"
    site = min(by.sites_where(Permission.OPERATE))
    facts = {"kind": Mail.Kind.TEST, "recipient": by, "site_id": site, "created_at": at, "next_try_at": at}
    mail, made = Mail.objects.get_or_create(key=key, defaults=facts)
    if not made:
        raise TestMailRefused("A test mail was asked for in this very minute. Its row is in the list below.")
    delivery.deliver(mail.pk, at)
    mail.refresh_from_db()
    return mail
