import re
from datetime import date
from types import SimpleNamespace

import pytest
from django import forms
from django.template import engines
from django.template.loader import render_to_string
from django.urls import reverse

from studytracker.dates import PartialDate
from studytracker.web.fields import DateField


def rendered(text, **context):
    return engines["django"].from_string(text).render(context)


def test_a_status_chip_shows_symbol_words_and_colour():
    status = SimpleNamespace(code="done_out", symbol="✓!", words="Done, +3 d <b>")
    assert rendered("{% status_chip status %}", status=status) == (
        '<span class="chip chip-done-out"><span class="chip-symbol" aria-hidden="true">✓!</span> '
        "Done, +3 d &lt;b&gt;</span>"
    )
    status.code = "n/a"
    assert 'class="chip chip-na"' in rendered("{% status_chip status %}", status=status)


def test_a_grade_is_a_digit_and_a_word_for_screen_readers():
    assert rendered("{% grade_chip 3 %}") == (
        '<span class="grade grade-3"><span class="visually-hidden">Grade </span>3</span>'
    )
    assert 'class="grade grade-4 grade-serious"' in rendered("{% grade_chip 4 serious=True %}")
    assert rendered("{% grade_chip none %}", none=None) == ""


def test_dates_are_shown_by_the_filters():
    assert rendered("{{ on|daylabel }}", on=date(2025, 3, 4)) == "Tue 4 Mar 2025"
    assert rendered("{{ on|partial }}", on=PartialDate(2025, 6)) == "UN-JUN-2025"
    assert rendered("{{ on|partial }}", on="2025-06-14") == "14-JUN-2025"
    assert rendered("[{{ on|partial }}{{ on|daylabel }}]", on=None) == "[]"
    assert rendered("{{ on }}", on=date(2025, 3, 4)) == "4 Mar 2025"


def test_the_sign_in_page_helps_password_managers(client, db):
    page = client.get(reverse("sign_in")).content.decode()
    assert re.search(r'<input[^>]*name="username"[^>]*autocomplete="username"', page)
    assert re.search(r'<input[^>]*name="password"[^>]*type="password"[^>]*autocomplete="current-password"', page)
    assert "Sign out" not in page
    assert 'aria-label="Main"' not in page


def test_demonstration_accounts_are_shown_only_in_the_demonstration(client, db, settings):
    settings.DEMO = False
    page = client.get(reverse("sign_in")).content.decode()
    assert ("crc.musc" in page, "SYNTHETIC DATA" in page) == (False, False)
    settings.DEMO = True
    page = client.get(reverse("sign_in"), {"next": "/visits/"}).content.decode()
    assert "SYNTHETIC DATA: demonstration, not for real participants" in page
    assert '<a href="?next=%2Fvisits%2F&amp;username=crc.musc">Use' in page


def test_use_fills_in_the_username_and_keeps_where_the_person_was_going(client, db):
    page = client.get(reverse("sign_in"), {"next": "/visits/", "username": "crc.musc"}).content.decode()
    assert re.search(r'<input[^>]*name="username"[^>]*value="crc.musc"', page)
    assert '<input type="hidden" name="next" value="/visits/">' in page


def test_a_wrong_password_says_so_and_keeps_the_username(client, db):
    page = client.post(reverse("sign_in"), {"username": "crc.musc", "password": "wrong"}).content.decode()
    assert 'class="alert alert-danger error-summary" role="alert"' in page
    assert re.search(r'<input[^>]*name="username"[^>]*value="crc.musc"', page)


@pytest.mark.parametrize("page", ["400", "403", "404", "500", "403_csrf"])
def test_an_error_page_needs_neither_request_nor_database(page):
    text = render_to_string(f"{page}.html")
    assert text.count("<h1>") == 1
    assert 'href="/"' in text


CLINICAL = (
    *("Today", "Participants", "Visits", "Calendar", "Planner", "Deviations", "Adverse events", "Clocks"),
    *("Stopping rules", "Safety review", "Safety outputs", "DSMB", "Slots", "Product", "Queries"),
)


@pytest.mark.parametrize(
    ("who", "labels"),
    [
        ("coordinator", [*CLINICAL, "Reminders", "Exports", "Audit trail", "Study"]),
        ("monitor", [*CLINICAL, "Audit trail", "Study"]),
        ("outsider", ["Today", "Study"]),
    ],
)
def test_a_signed_in_person_sees_the_way_to_what_they_may_open(client, request, who, labels):
    client.force_login(request.getfixturevalue(who))
    page = client.get(reverse("study")).content.decode()
    links = re.search(r'<nav class="tracker-nav".*?</nav>', page, re.DOTALL)[0]
    assert re.findall(r">([^<]+)</a>", links) == labels
    assert re.findall(r'<a href="([^"]+)" aria-current="page">', links) == [reverse("study")]
    assert re.search(r"<span>\w{3} \d{1,2} \w{3} \d{4} \([\w/]+\)</span>", page)
    assert f'<form method="post" action="{reverse("sign_out")}">' in page


def test_errors_of_a_form_are_listed_first_and_link_to_their_boxes():
    class Visit(forms.Form):
        on = DateField(label="Visit date")
        note = forms.CharField(label="Note")

        def clean(self):
            raise forms.ValidationError("The visit is locked.")

    page = rendered("{% load crispy_forms_tags %}{{ form|crispy }}", form=Visit({}))
    summary = re.search(r'<div class="alert alert-danger error-summary".*?</div>', page, re.DOTALL)[0]
    assert re.findall(r"<li>(.*?)</li>", summary) == [
        "The visit is locked.",
        '<a href="#id_on_0">Visit date</a>: Give the full date: day, month and year.',
        '<a href="#id_note">Note</a>: This field is required.',
    ]
    assert 'id="id_on_0"' in page
    assert 'id="id_note"' in page


def test_every_part_of_a_page_comes_from_this_server(client, db):
    response = client.get(reverse("sign_in"))
    addresses = re.findall(r'(?:src|href)="([^"]+)"', response.content.decode())
    assert [address for address in addresses if not address.startswith(("/", "#", "?"))] == []
    for address in addresses:
        if address.startswith("/static/"):
            assert client.get(address).status_code == 200, address
