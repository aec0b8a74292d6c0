"""What the trail covers: every table, but those named here with the reason. In code, so that no setting changes it."""

from functools import cache

from django.apps import apps
from django.db.models import DecimalField

TRAIL = "trust_entry"
SEALS = "trust_seal"

EXCUSED = {
    TRAIL: "the trail itself: guarded against change instead",
    SEALS: "what chains the trail: guarded against change instead",
    "django_migrations": "Django's note of the migrations that ran; written before the trail can exist",
    "django_session": "sign-in sessions: secrets that expire, no record of the trial",
    "django_content_type": "derived from the code by migrate",
    "access_attempt": "counters of wrong passwords; each wrong password is an act in the trail",
    "web_formkey": "one-time keys of forms: against a second click, no record of the trial",
    "web_draft": "what somebody typed and has not saved: deleted on save, no record of the trial",
    "auth_permission": "derived from the code by migrate; rights here come from memberships",
}
# What the first seal holds in place of a hash before it.
FIRST = "0" * 64
# The trail says that these changed, never what they were.
MASKED = frozenset({"password"})
HIDDEN = "(hidden)"
# 21 CFR 312.62, ISO 14155 7.8.3(f): a clinical record is voided with a reason, never deleted.
CLINICAL = ("participants_", "visits_", "adverse_events_", "monitoring_verification")
# Rows that are only ever added: 21 CFR 11.70, a signature is never altered or moved; nor is what was asked and said.
FINAL = frozenset({"trust_act", "trust_signature", "monitoring_query", "monitoring_message"})


def is_covered(table: str) -> bool:
    return table not in EXCUSED and not table.startswith("sqlite_")


def is_clinical(table: str) -> bool:
    return table.startswith(CLINICAL)


def is_final(table: str) -> bool:
    return table in FINAL


def covered_models():
    """Every model with a table of its own that is in the trail, the hidden many-to-many ones included."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and is_covered(model._meta.db_table)
    ]


@cache
def _scales() -> dict[tuple[str, str], int]:
    return {
        (model._meta.db_table, field.column): field.decimal_places
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if isinstance(field, DecimalField)
    }


def scale(table: str, column: str) -> int | None:
    """Decimal places of a column: SQLite does not keep them, so 72.40 would be recorded as 72.4."""
    return _scales().get((table, column))
