from datetime import date, time

import pytest
from django import forms
from django.http import QueryDict
from django.template import engines
from hypothesis import given
from hypothesis import strategies as st

from studytracker.dates import PartialDate
from studytracker.web.fields import DateField, PartialDateField, TimeField


class VisitForm(forms.Form):
    on = DateField(label="Visit date")
    onset = PartialDateField(required=False)
    at = TimeField(required=False)


def form_of(on="14/6/2025", onset="//", at=""):
    data = QueryDict(mutable=True)
    for name, boxes in (("on", on), ("onset", onset)):
        for part, text in zip(("day", "month", "year"), boxes.split("/"), strict=True):
            data[f"{name}_{part}"] = text
    data["at"] = at
    return VisitForm(data)


def page_of(form):
    return engines["django"].from_string("{% load crispy_forms_tags %}{{ form|crispy }}").render({"form": form})


@pytest.mark.parametrize("month", ["3", "03", "Mar", "mar", "MARCH", "March", " Mar ", "Mar."])
def test_a_month_is_read_as_number_or_name(month):
    form = form_of(on=f"4/{month}/2025")
    assert form.is_valid()
    assert form.cleaned_data["on"] == date(2025, 3, 4)


@pytest.mark.parametrize(
    ("typed", "sentences"),
    [
        ("//", ["Give the full date: day, month and year."]),
        ("  / / ", ["Give the full date: day, month and year."]),
        ("4//2025", ["The month is missing: this date must be complete."]),
        ("//2025", ["The day and the month are missing: this date must be complete."]),
        ("31/2/2025", ["31 February 2025 does not exist: February 2025 has 28 days."]),
        ("30/Feb/2024", ["30 February 2024 does not exist: February 2024 has 29 days."]),
        ("32/1/2025", ['The day "32" is not a number from 1 to 31.']),
        ("0/1/2025", ['The day "0" is not a number from 1 to 31.']),
        ("-1/1/2025", ['The day "-1" is not a number from 1 to 31.']),
        ("1_0/1/2025", ['The day "1_0" is not a number from 1 to 31.']),
        ("१/1/2025", ['The day "१" is not a number from 1 to 31.']),
        ("１/1/2025", ['The day "１" is not a number from 1 to 31.']),
        ("1/1/25", ['The year "25" is not a number of four digits, such as 2025.']),
        ("1/1/1899", ["The year 1899 is outside 1900 to 2100."]),
        (
            "1/Marz/2025",
            ['The month "Marz" is not known. Use a number from 1 to 12 or a name, such as Mar or March.'],
        ),
        (
            "1/13/2025",
            ['The month "13" is not known. Use a number from 1 to 12 or a name, such as Mar or March.'],
        ),
        (
            "x/y/z",
            [
                'The day "x" is not a number from 1 to 31.',
                'The month "y" is not known. Use a number from 1 to 12 or a name, such as Mar or March.',
                'The year "z" is not a number of four digits, such as 2025.',
            ],
        ),
        ("UNK/6/2025", ["The day must be known here: this date must be complete."]),
        ("UNK/UNK/2025", ["The day and the month must be known here: this date must be complete."]),
        ("1\0/1/2025", ["The day holds a character that cannot be stored. Type the day again."]),
        ("1/1/2025\ud800", ["The year holds a character that cannot be stored. Type the year again."]),
        (f"{'9' * 5000}/1/2025", ["The day is too long: it has 5000 characters. Type the day again."]),
    ],
)
def test_a_date_that_cannot_be_read_says_why(typed, sentences):
    assert form_of(on=typed).errors["on"] == sentences


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("14/6/2025", PartialDate(2025, 6, 14)),
        ("/6/2025", PartialDate(2025, 6)),
        ("UNK/jun/2025", PartialDate(2025, 6)),
        ("un/6/2025", PartialDate(2025, 6)),
        ("//2025", PartialDate(2025)),
        ("UNK/UNK/2025", PartialDate(2025)),
        ("/unknown/2025", PartialDate(2025)),
        ("//", None),
    ],
)
def test_a_partial_date_keeps_the_precision_known(typed, expected):
    form = form_of(onset=typed)
    assert form.is_valid()
    assert form.cleaned_data["onset"] == expected


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("4/UNK/2025", "The month is unknown, so the day must be unknown too."),
        ("4//2025", "The month is unknown, so the day must be unknown too."),
        ("4/6/", "The year is missing: give at least the year."),
        ("UNK/UNK/UNK", "The year is missing: give at least the year."),
        ("31/6/2025", "31 June 2025 does not exist: June 2025 has 30 days."),
    ],
)
def test_a_partial_date_that_cannot_be_read_says_why(typed, sentence):
    assert form_of(onset=typed).errors["onset"] == [sentence]


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_every_day_typed_comes_back_as_that_day(day):
    form = form_of(on=f"{day.day}/{day.month}/{day.year}")
    assert form.is_valid()
    assert form.cleaned_data["on"] == day


@given(st.text(), st.text(), st.text())
def test_any_text_gives_a_date_or_a_sentence_and_never_an_error(day, month, year):
    field = PartialDateField(required=False)
    try:
        value = field.clean([day, month, year])
    except forms.ValidationError as refusal:
        assert all(message.endswith(".") for message in refusal.messages)
    else:
        assert value is None or PartialDate.parse(value.iso) == value


@pytest.mark.parametrize(("typed", "expected"), [("14:05", time(14, 5)), ("9:05", time(9, 5)), (" 00:00 ", time(0))])
def test_a_time_is_hours_and_minutes(typed, expected):
    form = form_of(at=typed)
    assert form.is_valid()
    assert form.cleaned_data["at"] == expected


@pytest.mark.parametrize("typed", ["24:00", "12:60", "2:05 pm", "1405", "14.05", "14:05:00", "१४:०५", "-1:00"])
def test_a_time_that_cannot_be_read_says_why(typed):
    assert form_of(at=typed).errors["at"] == [
        f'The time "{typed}" cannot be read. Write it from 00:00 to 23:59, such as 14:05.'
    ]


def test_a_time_with_a_nul_or_of_absurd_length_is_refused():
    assert form_of(at="14:0\0").errors["at"] == [
        "The time holds a character that cannot be stored. Type the time again."
    ]
    assert form_of(at="1" * 99).errors["at"] == ["The time is too long: it has 99 characters. Type the time again."]


def test_what_was_typed_comes_back_with_the_errors():
    page = page_of(form_of(on="3x/Foo<b>/20255", onset="4/UNK/2025", at="25:61"))
    assert 'name="on_day" value="3x"' in page
    assert '<option value="Foo&lt;b&gt;" selected>Foo&lt;b&gt;</option>' in page
    assert 'name="on_year" value="20255"' in page
    assert '<option value="UNK" selected>Unknown</option>' in page
    assert 'name="at" value="25:61"' in page


def test_a_month_typed_as_text_comes_back_as_that_month():
    page = page_of(form_of(on="99/mar/2025"))
    assert page.count('<option value="3" selected>March</option>') == 1


def test_a_character_no_page_can_carry_does_not_break_the_page():
    assert page_of(form_of(on="1\ud800/\ud800/2025")).encode()


def test_every_box_has_its_own_label_inside_a_fieldset_that_names_its_error():
    page = page_of(form_of(on="99/1/2025"))
    for number, part in enumerate(("Day", "Month", "Year")):
        assert f'<label class="form-label" for="id_on_{number}">{part}</label>' in page
    assert '<fieldset aria-describedby="id_on_error">' in page
    assert 'id="id_on_error"' in page
    assert page.count("is-invalid") == 3


def test_only_the_month_select_looks_like_a_select():
    page = page_of(form_of())
    assert 'class="form-select monthselect"' in page
    assert "form-select form-control" not in page
    assert "select form-control" not in page


def test_the_browser_insists_only_on_parts_that_must_be_known():
    class Onset(forms.Form):
        onset = PartialDateField()

    class Consent(forms.Form):
        consented_on = DateField()

    assert " required" not in page_of(Onset()).split("</legend>")[1]
    assert page_of(Consent()).split("</legend>")[1].count(" required") == 3


@pytest.mark.parametrize(
    ("initial", "boxes"),
    [
        (date(2025, 3, 4), ["4", "3", "2025"]),
        (PartialDate(2025, 6), ["UNK", "6", "2025"]),
        (PartialDate(2025), ["UNK", "UNK", "2025"]),
        ("2025-06-14", ["14", "6", "2025"]),
        ("2025-06-31", ["", "", ""]),
        (None, ["", "", ""]),
    ],
)
def test_an_initial_date_fills_the_boxes(initial, boxes):
    assert PartialDateField().widget.decompress(initial) == boxes


def test_the_same_date_written_differently_is_no_change():
    field = PartialDateField()
    assert not field.has_changed(PartialDate(2025, 3), ["UNK", "Mar", "2025"])
    assert field.has_changed(PartialDate(2025, 3), ["1", "Mar", "2025"])
    assert field.has_changed(PartialDate(2025, 3), ["1", "Nonsense", "2025"])
    assert not TimeField().has_changed(time(9, 5), "9:05")
    assert TimeField().has_changed(time(9, 5), "9:06")
