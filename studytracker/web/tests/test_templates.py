import re
from html.parser import HTMLParser

import pytest
from django.conf import settings

FOLDER = settings.BASE_DIR / "templates"
# A mail carries its style within it: it has no style sheet, and no policy of ours reaches it.
MAILS = {"outbox/digest.html", "outbox/test.html"}
PAGES = sorted({path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html")} - MAILS)
ADDRESSES = {"src", "href", "action", "formaction", "data", "poster", "srcset"}


class Forbidden(HTMLParser):
    """What the content security policy would refuse, and what would leave the server."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.in_script = False

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if tag == "style":
            self.found.append("<style>")
        if tag == "script":
            self.in_script = True
            if "src" not in names:
                self.found.append("<script> without src")
        for name, value in attrs:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.found.append(f"{tag} {name}")
            if name in ADDRESSES and re.match(r"\s*(https?:|//|javascript:|data:)", value or "", re.IGNORECASE):
                self.found.append(f"{tag} {name}={value}")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        if tag == "script":
            self.in_script = False

    def handle_data(self, data):
        if self.in_script and data.strip():
            self.found.append("script text")


def forbidden_in(text):
    parser = Forbidden()
    parser.feed(text)
    parser.close()
    return parser.found


@pytest.mark.parametrize("page", PAGES)
def test_a_template_holds_no_inline_code_and_calls_no_other_host(page):
    # Tags of the template language inside an HTML tag would end it early for the parser.
    text = re.sub(r"{%.*?%}|{#.*?#}", " ", (FOLDER / page).read_text())
    assert forbidden_in(re.sub(r"{{.*?}}", "x", text)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<style>a{}</style>", ["<style>"]),
        ("<script>alert(1)</script>", ["<script> without src", "script text"]),
        ('<p style="color:red">', ["p style"]),
        ('<p onclick="x()">', ["p onclick"]),
        ('<p hx-on:click="x()">', ["p hx-on:click"]),
        ('<img src="https://example.org/a.png"/>', ["img src=https://example.org/a.png"]),
        ('<link href="//cdn.example.org/a.css">', ["link href=//cdn.example.org/a.css"]),
        ('<a href="javascript:x()">', ["a href=javascript:x()"]),
        ('<script src="/static/a.js"></script><a href="/visits/">', []),
    ],
)
def test_the_check_finds_what_it_looks_for(text, found):
    assert forbidden_in(text) == found


def test_there_are_templates_to_look_at():
    assert {"base.html", "404.html", "500.html", "tables/table.html", "widgets/date_boxes.html"} <= set(PAGES)
