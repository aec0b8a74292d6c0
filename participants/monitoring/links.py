"""What stands beside the link to a record's history, on whatever page the record is shown."""

from django.db.models import Count
from django.urls import reverse

from .models import Query
from .records import by_table


def queries(request, row):
    """'Queries', with the number that are not closed; None for what is of no participant.

    One query for a whole page, however many records it shows.
    """
    table = row._meta.db_table
    if request is None or table not in by_table() or getattr(row, "participant_id", row) is None:
        return None
    if not hasattr(request, "open_queries"):
        found = Query.objects.visible_to(request.user).not_closed().order_by().values("table", "row_id")
        request.open_queries = {(each["table"], each["row_id"]): each["n"] for each in found.annotate(n=Count("pk"))}
    count = request.open_queries.get((table, str(row.pk)), 0)
    label = f"Queries ({count} open)" if count else "Queries"
    return label, reverse("record", args=[table, row.pk])
