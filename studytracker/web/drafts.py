"""What somebody typed and has not saved, kept per person and form, so that a timeout or a closed tab loses nothing.

Never a record: no listing, status or export reads it, and saving the form deletes it.
"""

import json
from datetime import timedelta

from django.db import transaction

from studytracker.refusal import Refused

from .models import Draft, FormKey

KEPT_DAYS = 7
LONGEST = 50_000  # characters
# Never kept: what is secret, and what belongs to one showing of the form.
LEFT_OUT = {"csrfmiddlewaretoken", "form_key", "draft_of"}


class DraftRefused(Refused):
    """This cannot be kept."""


@transaction.atomic
def keep(user, form, typed, *, at):
    """Keep what is typed in the form at the address `form` (a QueryDict), in place of what was kept before.

    Returns the Draft, or None for a form that was saved meanwhile. Raises DraftRefused.
    """
    if FormKey.objects.filter(user=user, key=typed.get("form_key", "")[:32].replace("\0", "")).exists():
        return None
    boxes = {name: values for name, values in typed.lists() if name not in LEFT_OUT and "password" not in name}
    text = json.dumps(boxes)
    if len(text) > LONGEST:
        raise DraftRefused("This is too long to be kept as a draft. Save it soon.")
    Draft.objects.filter(user=user, saved_at__lt=at - timedelta(days=KEPT_DAYS)).delete()
    return Draft.objects.update_or_create(user=user, form=form, defaults={"typed": text, "saved_at": at})[0]


def of(user, form):
    return Draft.objects.filter(user=user, form=form).first()


def discard(user, form):
    Draft.objects.filter(user=user, form=form).delete()
