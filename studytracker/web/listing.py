"""A listing: one queryset, filtered, sorted and paged, as a page, as CSV or as XLSX."""

import re
from datetime import UTC, date, datetime

from django.db.models import QuerySet
from django.http import QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.dates import day_label
from studytracker.exports.pdf import as_pdf
from studytracker.exports.tables import as_csv, as_xlsx
from studytracker.trust import as_of
from studytracker.trust.acts import Kind, note_by

from .paging import UncountedPaginator

ROWS_PER_PAGE = 25
LONGEST_VALUE = 200
# Numbers that no column holds: SQLite fails beyond 64 bits, and an exponent writes them in a few characters.
_HUGE_NUMBER = re.compile(r".*\d{19}.*|\s*[+-]?[\d._]+[eE][+-]?\d+\s*")


def listing(request, *, table_class, filterset_class, queryset, template, extra=None, site_field="site", counted=True):
    """`queryset` holds what the person may see; a file of it holds what they may export, by `site_field`.

    What may be long is not `counted`: a page reads its own rows, and says that more follow.

    Anything may stand in the query string: what cannot be used is named beside its field, an unknown sort key is
    ignored, a page that does not exist is the nearest one.
    """
    if "format" in request.GET:
        require(request.user, Permission.EXPORT)
        if site_field:
            queryset = queryset.filter(**{f"{site_field}__in": request.user.sites_where(Permission.EXPORT)})
    filterset = filtered(request.GET, filterset_class, queryset)
    table = table_class(filterset.qs)
    _sort(table, request)
    title = str(getattr(table, "caption", "") or queryset.model._meta.verbose_name_plural)
    words = _filters_in_words(filterset)
    name = slugify(title.replace(".", "-"))
    if point := as_of.current():
        name = f"{name}-as-of-{point.entry}"
    _note(request, title, words)
    match request.GET.get("format"):
        case "csv":
            return as_csv(table, f"{name}.csv")
        case "xlsx":
            about = _about(request, words, at=timezone.now())
            return as_xlsx(table, f"{name}.xlsx", title, about)
        case "pdf":
            return as_pdf(request, table, f"{name}.pdf", title, words)
    _show_page(table, request.GET.get(table.prefixed_page_field, ""), counted)
    context = {
        "heading": title,
        "table": table,
        "filter": filterset,
        "filters_set": bool(words or filterset.form.errors),
        "filters_words": words,
        "may_export": request.user.can_somewhere(Permission.EXPORT),
        "row_count": table.paginator.count,
        "rows_words": _rows_in_words(table.page),
        "has_pdf": hasattr(table, "footnotes"),
        "made_at": timezone.now(),
        "protocol_version": protocol.current().version,
    }
    return render(request, template, {**context, **(extra or {})})


def _note(request, title, filters):
    """Who looked at which listing, or took it away as a file, stands in the trail (ICH E6(R3) 4.2.2)."""
    taken = request.GET.get("format", "")[:10]
    words = f"{title}{f' as {taken.upper()}' if taken else ''}. {filters or 'No filter'}."
    if point := as_of.current():
        words = f"{words} As it stood at {point}."
    note_by(request.user, Kind.EXPORT if taken else Kind.VIEW, at=datetime.now(UTC), words=words)


def filtered(given: QueryDict, filterset_class, queryset):
    """The filters over what can be used, with the rest named beside its field and shown as it was typed."""
    usable, refused = _split(given)
    filterset = filterset_class(usable, queryset)
    form = filterset.form
    form.full_clean()
    for name in form.fields:
        if any(key == name or key.startswith(f"{name}_") for key in refused):
            form.add_error(name, "This cannot be looked for. The list is shown without this filter.")
    form.data = given
    return filterset


def _split(given: QueryDict) -> tuple[QueryDict, set[str]]:
    usable, refused = QueryDict(mutable=True), set()
    for key, values in given.lists():
        if all(map(_is_usable, [key, *values])):
            usable.setlist(key, values)
        else:
            refused.add(key)
    return usable, refused


def _is_usable(text: str) -> bool:
    """PostgreSQL refuses NUL and lone surrogates with an error, SQLite numbers beyond 64 bits."""
    return len(text) <= LONGEST_VALUE and text.isprintable() and not _HUGE_NUMBER.fullmatch(text)


def _sort(table, request):
    """Rows that sort alike keep their order, or one of them could be on two pages and another on none."""
    table.request = request
    wanted = request.GET.getlist(table.prefixed_order_by_field)
    known = [key for key in wanted if key.removeprefix("-") in table.columns.names()]
    if known:
        table.order_by = known
    rows = table.data.data
    order = rows.query.order_by
    if order and "pk" not in order:
        # In the direction of the last key, or no index could serve both.
        backward = isinstance(order[-1], str) and order[-1].startswith("-")
        table.data.data = rows.order_by(*order, "-pk" if backward else "pk")


def _show_page(table, wanted: str, counted: bool):
    number = int(wanted) if re.fullmatch(r"[0-9]{1,9}", wanted) else 1
    if counted:
        table.paginate(per_page=ROWS_PER_PAGE)
        table.page = table.paginator.page(min(max(number, 1), table.paginator.num_pages))
    else:
        table.paginator = UncountedPaginator(table.rows, ROWS_PER_PAGE)
        table.page = table.paginator.page(number)


def _rows_in_words(page) -> str:
    """'7 rows', 'Rows 26 to 50 of 61', 'Rows 1 to 25, more follow'."""
    count, shown = page.paginator.count, len(page.object_list)
    if not shown:
        return "No rows"
    if count == shown:
        return f"{count} row{'' if count == 1 else 's'}"
    span = f"Rows {page.start_index()} to {page.start_index() + shown - 1}"
    if count is not None:
        return f"{span} of {count}"
    if page.paginator.reached_the_most:
        return f"{span}, more follow that no page shows: filter, or take the file"
    return f"{span}, more follow"


def _filters_in_words(filterset) -> str:
    """'Site: MUSC; Status: Overdue', empty where nothing is filtered."""
    cleaned = getattr(filterset.form, "cleaned_data", {})
    words = []
    for name, field in filterset.form.fields.items():
        value = cleaned.get(name)
        if value not in (None, "", [], ()) and not (isinstance(value, QuerySet) and not value):
            words.append(f"{field.label or name}: {_value_in_words(field, value)}")
    return "; ".join(words)


def _value_in_words(field, value) -> str:
    if isinstance(value, slice):
        ends = (end and _value_in_words(field, end) for end in (value.start, value.stop))
        return " to ".join(end or "any" for end in ends)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return day_label(value)
    if isinstance(value, list | tuple | QuerySet):
        return ", ".join(_value_in_words(field, one) for one in value)
    labels = {str(code): label for code, label in _flat(getattr(field, "choices", ()))}
    return str(labels.get(str(value), value))


def _flat(choices):
    for code, label in choices:
        if isinstance(label, list | tuple):
            yield from label
        else:
            yield code, label


def _about(request, words: str, *, at) -> list[tuple[str, str]]:
    rules = protocol.current()
    return [
        ("Filters", words or "none: all rows this person may see"),
        ("The record as of", str(as_of.current() or "now")),
        ("Made at (UTC)", f"{at:%Y-%m-%d %H:%M:%S}"),
        ("Made by", request.user.get_username()),
        ("Protocol", f"{rules.registry.id}, version {rules.version}, file hash {rules.sha256[:12]}"),
        ("Times", "Instants are in UTC. Dates are those of the site."),
        ("Text", "An apostrophe before =, +, - or @ keeps a spreadsheet from running the text as a formula."),
    ]
