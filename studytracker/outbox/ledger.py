"""Writing into the ledger: one row per matter, stage, turn and recipient, however often it is found."""

from django.db import connection
from django.db.models import BooleanField, CharField, DateTimeField, F, QuerySet, Value
from django.db.models.functions import Cast, Concat

from .models import Notice
from .sources import ROW, Matter

COLUMNS = (
    *("dedupe_key", "source", "object_id", "stage", "turn", "is_urgent", "site_id", "recipient_id"),
    *("created_at", "cancelled_why"),
)


def note(name, found, at):
    """Write what a source found; the unique key drops what is there already."""
    matters = []
    for each in found:
        if isinstance(each, QuerySet):
            _insert_from(name, each, at)
        else:
            matters.append(each)
    Notice.objects.bulk_create((notice(name, matter, at) for matter in matters), ignore_conflicts=True, batch_size=500)


def notice(name, matter: Matter, at):
    """The row that stands for the matter, not saved."""
    return Notice(
        dedupe_key=f"{name}:{matter.object_id}:{matter.stage}.{matter.turn}:{matter.recipient_id}",
        source=name,
        object_id=matter.object_id,
        stage=matter.stage,
        turn=matter.turn,
        is_urgent=matter.is_urgent,
        site_id=matter.site,
        recipient_id=matter.recipient_id,
        created_at=at,
    )


def matters(found):
    """The Matters of what `due` yields, read from the database where it yields querysets."""
    for each in found:
        if isinstance(each, QuerySet):
            for matter, stage, turn, site, recipient, is_urgent in each.values_list(*ROW):
                yield Matter(matter, stage, site, recipient, turn, bool(is_urgent))
        else:
            yield each


def rows(name, queryset, at):
    """The queryset with the columns of the ledger, in their order."""
    key = Concat(
        Value(f"{name}:"),
        *(Cast("matter", CharField()), Value(":"), "stage", Value("."), Cast("turn", CharField())),
        *(Value(":"), Cast("recipient", CharField())),
        output_field=CharField(),
    )
    return queryset.order_by().values_list(
        key,
        Value(name),
        F("matter"),
        F("stage"),
        F("turn"),
        Cast("is_urgent", BooleanField()),
        F("site_code"),
        F("recipient"),
        Value(at, output_field=DateTimeField()),
        Value(""),
    )


def _insert_from(name, queryset, at):
    """One statement, so the rows never come to this process. The unique key makes a second sweep harmless."""
    select, params = rows(name, queryset, at).query.sql_with_params()
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(Notice._meta.db_table)} ({', '.join(map(quote, COLUMNS))})"
    with connection.cursor() as cursor:
        cursor.execute(f"{into} {select} ON CONFLICT DO NOTHING", params)
