"""What an error of the mail server means for the next try."""

import smtplib

from .models import Mail

Failure = Mail.Failure


class NoAddress(Exception):
    """Nobody can be reached without one."""

    def __init__(self, user):
        super().__init__(f"{user.username} has no e-mail address. Add one, then try again.")


class ServerUnusable(Exception):
    """No connection, no greeting, no TLS, wrong credentials: nothing was handed over, whatever the mail."""


def classify(error: Exception) -> str | None:
    """One of Mail.Failure; None for an error that is no mail server's, such as a template's.

    A refusal with 4xx may pass, one with 5xx will not (RFC 5321, 4.2.1). No answer means not knowing.
    """
    if isinstance(error, NoAddress | UnicodeError):
        return Failure.PERMANENT
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return Failure.PERMANENT if codes and min(codes) >= 500 else Failure.REFUSED
    if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError):
        return Failure.PERMANENT if error.smtp_code >= 500 else Failure.REFUSED
    if isinstance(error, smtplib.SMTPServerDisconnected | TimeoutError | ConnectionResetError | BrokenPipeError):
        return Failure.UNCERTAIN
    return Failure.SERVER if isinstance(error, ServerUnusable | OSError | smtplib.SMTPException) else None


def in_words(error: Exception) -> str:
    """The class and what it says, on one line."""
    error = error.__cause__ if isinstance(error, ServerUnusable) else error
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
