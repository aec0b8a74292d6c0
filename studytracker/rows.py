"""Database constraints that several rooms write the same way."""

from django.db.models import CheckConstraint, Q


def both_or_neither(*fields, name):
    """An act is a pair: all of `fields` are filled or none is."""
    words = " and ".join(field.removesuffix("_id").replace("_", " ") for field in fields)
    return CheckConstraint(
        condition=Q(**{f"{field}__isnull": True for field in fields})
        | Q(**{f"{field}__isnull": False for field in fields}),
        name=name,
        violation_error_message=f"{words.capitalize()} belong together: give all of them or none.",
    )


def text_when(field, act, *, name):
    """The text `field` is filled exactly when the act happened (`act` is a nullable field)."""
    return CheckConstraint(
        condition=Q(**{f"{act}__isnull": True, field: ""}) | (Q(**{f"{act}__isnull": False}) & ~Q(**{field: ""})),
        name=name,
        violation_error_message=f"{field.replace('_', ' ').capitalize()} is needed when this is recorded.",
    )
