"""What a mail says: the identifier and the visit's code, where to go, and nothing else."""

from itertools import groupby

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from studytracker.dates import day_label

from . import timetable
from .failures import NoAddress
from .models import Mail


def compose(mail, lines, at):
    """The message, in plain text and HTML. `lines` are sources.Lines in their order."""
    if not mail.recipient.email:
        raise NoAddress(mail.recipient)
    words = context(mail, lines, at)
    name = "test" if mail.kind == Mail.Kind.TEST else "digest"
    message = EmailMultiAlternatives(
        subject=render_to_string(f"outbox/{name}-subject.txt", words).strip(),
        body=render_to_string(f"outbox/{name}-body.txt", words),
        to=[mail.recipient.email],
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"outbox/{name}.html", words), "text/html")
    return message


def context(mail, lines, at):
    return {
        "groups": grouped(lines),
        "count": len(lines),
        "site": mail.site_id or "several sites",
        "urgent": mail.kind == Mail.Kind.URGENT,
        "day": day_label(timetable.of(mail.recipient).day(at)),
        "recipient": mail.recipient.get_username(),
        "demo": settings.DEMO,
        "home": settings.SITE_URL,
    }


def grouped(lines):
    """[(heading, [(text, link), ...]), ...]"""
    return [
        (heading, [(line.text, settings.SITE_URL + line.path) for line in group])
        for heading, group in groupby(lines, key=lambda line: line.heading)
    ]
