"""Tags and filters that every template has."""

import json
from datetime import UTC
from urllib.parse import urlencode
from uuid import uuid4

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.module_loading import import_string
from django.utils.text import slugify

from studytracker.dates import PartialDate, day_label, protocol_day
from studytracker.exports.formats import text as as_text
from studytracker.trust import sealing
from studytracker.web import drafts

register = template.Library()
FACT = "<div><dt>{}</dt><dd>{}</dd></div>"


@register.simple_tag
def status_chip(status):
    """Symbol, words and colour together: no status is told by colour alone (WCAG 1.4.1)."""
    code = slugify(status.code).replace("_", "-")
    return format_html(
        '<span class="chip chip-{}"><span class="chip-symbol" aria-hidden="true">{}</span> {}</span>',
        code,
        status.symbol,
        status.words,
    )


@register.simple_tag
def grade_chip(grade, serious=False):
    """A CTCAE grade as its digit in a bar; a serious event has the thick outline."""
    if grade in (None, ""):
        return ""
    return format_html(
        '<span class="grade grade-{}{}"><span class="visually-hidden">Grade </span>{}</span>',
        grade,
        " grade-serious" if serious else "",
        grade,
    )


@register.simple_tag(takes_context=True)
def history_link(context, row):
    """Each record's past, and what a room links beside it, is one click away from where it is shown."""
    links = [("History", reverse("history", args=[row._meta.db_table, row.pk]))]
    links += filter(None, (import_string(path)(context.get("request"), row) for path in settings.RECORD_LINKS))
    words = ((url, label, row) for label, url in links)
    return format_html_join(" ", '<a href="{}">{}<span class="visually-hidden"> of {}</span></a>', words)


@register.simple_tag(takes_context=True)
def value_history(context, row, names):
    """Beside a value that was ever replaced: a link to what it was. `names` are fields of the row, by a space.

    The view gives the page `replaced` (studytracker.trust.replaced) for the rows it shows.
    """
    columns = [row._meta.get_field(name).column for name in names.split()]
    changed = context["replaced"].get((row._meta.db_table, str(row.pk)), ())
    shown = [column for column in columns if column in changed]
    if not shown:
        return ""
    url = f"{reverse('history', args=[row._meta.db_table, row.pk])}?{urlencode({'field': columns}, doseq=True)}"
    what = ", ".join(str(row._meta.get_field(name).verbose_name) for name in names.split())
    return format_html(
        ' <a class="value-history" href="{}"><span aria-hidden="true">↺</span> changed'
        '<span class="visually-hidden">: history of {}</span></a>',
        url,
        what,
    )


@register.inclusion_tag("trust/trail_head.html")
def trail_head():
    """The head of the seals, for whatever is printed and kept: each sheet is then a witness. One query."""
    return {"head": sealing.head()}


@register.simple_tag
def signed_facts(facts):
    """The facts of a snapshot as it was signed: objects as terms, like objects as a table, lists as lists."""
    return facts_as_html(facts)


def facts_as_html(value):
    if isinstance(value, dict) and {"columns", "rows"} <= value.keys():
        notes = facts_as_html(value["footnotes"]) if value.get("footnotes") else ""
        return _as_table(value["columns"], value["rows"]) + notes
    if isinstance(value, dict):
        terms = ((name, facts_as_html(each)) for name, each in value.items())
        return format_html('<dl class="facts">{}</dl>', format_html_join("", FACT, terms))
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return _facts_as_table(value)
    if isinstance(value, list):
        return format_html("<ul>{}</ul>", _each("li", map(facts_as_html, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _facts_as_table(rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _as_table(names, ([row.get(name, "") for name in names] for row in rows))


def _as_table(names, rows):
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in names))
    body = _each("tr", (_each("td", map(facts_as_html, cells)) for cells in rows))
    return format_html(
        '<div class="table-responsive" role="region" tabindex="0" aria-label="What was signed">'
        '<table class="table table-sm"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        head,
        body,
    )


def _each(element, cells):
    return format_html_join("", f"<{element}>{{}}</{element}>", ((cell,) for cell in cells))


@register.filter
def plain(number):
    """A decimal without trailing zeros, and a dash for none."""
    return "–" if number is None else f"{number.normalize():f}"


@register.filter
def answerwords(code):
    """'not met' for the code `not_met`."""
    return str(code).replace("_", " ")


@register.filter
def in_utc(at):
    """'2025-06-18 15:00:00 UTC', whatever zone the page is read in."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


@register.simple_tag(takes_context=True)
def form_key(context):
    """The one-time key of a form, so that sending it twice saves once; and the version it was opened with."""
    key = format_html('<input type="hidden" name="form_key" value="{}">', uuid4().hex)
    opened = getattr(context.get("form"), "opened_version", None)
    if opened is None:
        return key
    return key + format_html('<input type="hidden" name="opened_version" value="{}">', opened)


@register.inclusion_tag("web/draft.html", takes_context=True)
def draft(context):
    """Inside a form: keeps what is typed while it is typed, and brings back what was kept. Nothing else is needed."""
    request = context["request"]
    # A form that came back with what was typed needs nothing brought back.
    kept = drafts.of(request.user, request.path) if request.method == "GET" else None
    typed = kept and {"form": kept.form, "typed": json.loads(kept.typed)}
    return {"form_address": request.path, "kept": kept, "typed": typed}


@register.simple_tag
def querystring_of(**values):
    """term=Anemia&start=2025-06-14, for the address of a form that starts with them."""
    return urlencode(values)


@register.filter
def daylabel(on):
    return day_label(on) if on else ""


@register.filter
def partial(value):
    """A PartialDate, or its ISO text, as listings print it."""
    if not value:
        return ""
    return str(PartialDate.parse(value) if isinstance(value, str) else value)


@register.filter
def thousands(number):
    return f"{number:,}"


@register.simple_tag(name="protocol_day")
def protocol_day_tag(on, infused_on):
    return protocol_day(on, infused_on)


@register.filter
def at(mapping, key):
    """What a mapping holds at a key, or None."""
    return mapping.get(key)


@register.filter
def exported(value):
    """A value as an exported file holds it, apart from the guard against formulas."""
    return as_text(value)
