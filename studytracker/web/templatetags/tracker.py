"""Tags and filters that every template has."""

from uuid import uuid4

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import slugify

from studytracker.dates import PartialDate, day_label, protocol_day
from studytracker.exports.formats import text as as_text

register = template.Library()


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


@register.simple_tag
def history_link(row):
    """Each record's past is one click away from where it is shown."""
    url = reverse("history", args=[row._meta.db_table, row.pk])
    return format_html('<a href="{}">History<span class="visually-hidden"> of {}</span></a>', url, row)


@register.simple_tag
def form_key():
    """The one-time key of a form, so that sending it twice saves once."""
    return format_html('<input type="hidden" name="form_key" value="{}">', uuid4().hex)


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
def exported(value):
    """A value as an exported file holds it, apart from the guard against formulas."""
    return as_text(value)
