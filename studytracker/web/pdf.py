"""A page as PDF. The maker of PDF needs a library of the system, so where that is missing everything else works."""

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string

from studytracker.refusal import Refused

STYLE = Path(settings.BASE_DIR) / "static" / "printed.css"


class NoPdf(Refused):
    """PDF cannot be made on this machine."""


def as_pdf(template, context, name) -> HttpResponse:
    """The template as a PDF of letter pages. It fetches nothing from anywhere. Raises NoPdf."""
    try:
        from weasyprint import CSS, HTML
    except (ImportError, OSError):
        raise NoPdf(
            "This server cannot make PDF files: its library (WeasyPrint with Pango) is missing. "
            "Print the page instead, or ask the administrator to install it."
        ) from None
    html = HTML(string=render_to_string(template, context), url_fetcher=_fetch_nothing)
    answer = HttpResponse(html.write_pdf(stylesheets=[CSS(filename=STYLE)]), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _fetch_nothing(url, *args, **kwargs):
    raise ValueError(f"A printed page refers to {url}; it must hold all it shows.")
