"""Which of the values on a page were ever replaced, so that the past of each is one click away where it stands."""

import json
from collections import defaultdict

from django.db.models import Q

from .models import Entry
from .versions import UNANSWERED


def replaced(rows) -> dict[tuple[str, str], set[str]]:
    """The columns of each row, by (table, key), in which what was answered was replaced. One query for the page."""
    keys = defaultdict(list)
    for row in rows:
        if row is not None:
            keys[row._meta.db_table].append(str(row.pk))
    wanted = Q(pk__in=[])
    for table, row_ids in keys.items():
        wanted |= Q(table=table, row_id__in=row_ids)
    found = defaultdict(set)
    for table, row_id, old in Entry.objects.filter(wanted, op=Entry.Op.UPDATE).values_list("table", "row_id", "old"):
        was = json.loads(old)
        found[table, row_id] |= {name for name, value in was.items() if name != "version" and value not in UNANSWERED}
    return found
