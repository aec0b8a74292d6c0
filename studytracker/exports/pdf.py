"""A listing or a report as PDF, through WeasyPrint. It needs Pango: where that is missing, a page says so."""

from django.conf import settings
from django.contrib import messages
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import content_disposition_header

from studytracker import protocol
from studytracker.refusal import Refused

from .tables import rows

MISSING = (
    "PDF files need the library Pango, which this machine lacks (Debian, Ubuntu: apt-get install libpango-1.0-0 "
    "libpangoft2-1.0-0 libharfbuzz-subset0). Everything else works without it: print the page instead."
)
MOST_ROWS = 5_000


class NoPdf(Refused):
    """The PDF cannot be made here."""


def pdf(template: str, context: dict) -> bytes:
    """The template as a tagged PDF. Raises NoPdf. Nothing is fetched but our own style sheet."""
    try:
        from weasyprint import CSS, HTML
    except OSError as error:  # the library is there, Pango is not
        raise NoPdf(MISSING) from error
    html = render_to_string(template, context)
    sheet = CSS(filename=finders.find("paper.css"))
    return HTML(string=html, url_fetcher=_nothing).write_pdf(stylesheets=[sheet], pdf_variant="pdf/ua-1")


def _nothing(url, *args, **kwargs):
    raise ValueError(f"A PDF fetches nothing, so not {url[:80]} either.")


def as_pdf(request, table, filename: str, title: str, filters: str) -> HttpResponse:
    """The rows of a table class with its footnotes; back to the page, with the reason, where it cannot be made."""
    try:
        found = list(rows(table)) if _fits(table) else _refuse_long()
        return as_download(pdf("web/listing.pdf.html", _about(request, table, found, title, filters)), filename)
    except NoPdf as refused:
        messages.warning(request, str(refused))
        kept = request.GET.copy()
        del kept["format"]
        return redirect(f"{request.path}?{kept.urlencode()}")


def as_download(content: bytes, filename: str) -> HttpResponse:
    response = HttpResponse(content, "application/pdf")
    response["Content-Disposition"] = content_disposition_header(True, filename)
    response["Cache-Control"] = "private, no-store"
    return response


def _fits(table):
    return len(table.data.data[: MOST_ROWS + 1]) <= MOST_ROWS


def _refuse_long():
    raise NoPdf(f"A PDF holds at most {MOST_ROWS:,} rows: filter, or take the CSV or XLSX file.")


def _about(request, table, found, title, filters):
    width = getattr(table, "paper_columns", None) or len(found[0])
    return {
        "title": title,
        "header": found[0][:width],
        "rows": [row[:width] for row in found[1:]],
        "footnotes": getattr(table, "footnotes", ()),
        "empty_text": table.empty_text,
        "filters": filters,
        "made_at": timezone.now(),
        "made_by": request.user.get_username(),
        "protocol": protocol.current(),
        "is_demo": settings.DEMO,
    }
