"""Editing what is saved: nobody overwrites what somebody else saved meanwhile, and a replaced value has its reason.

* A view passes the row it edits to `submit(request, form, act, row=row)`. The form then carries the version that was
  opened; `act` runs only if the row still is at it. The loser gets the page again with status 409: field by field
  what it was, what the others saved and what was typed. What was typed stays in the form, what only the others
  changed is taken over, and saving again applies the form on top.
* A form that replaces saved values inherits CorrectionForm: it starts with the row's values, asks for the reason, and
  gives `act` only what differs. The model itself refuses a replaced value without a reason (Versioned).
"""

from copy import copy
from datetime import UTC, datetime
from typing import NamedTuple

from django import forms
from django.utils.text import capfirst

from studytracker.trust.past import Past
from studytracker.trust.versions import SHORTEST_REASON
from studytracker.trust.wording import words_of

from .fields import TextField


class ReasonField(TextField):
    def __init__(self, **kwargs):
        kwargs = {"label": "Why is it changed?", "max_length": 500} | kwargs
        kwargs.setdefault("help_text", "The reason stays in the record beside your name.")
        says = "Say why it is changed, in a few words: the reason stays in the record."
        super().__init__(min_length=SHORTEST_REASON, error_messages={"required": says, "min_length": says}, **kwargs)


class CorrectionForm(forms.Form):
    """The fields are those of the row, by name, and start with its values. `cleaned_data` holds what differs.

    A box that shows a field of the row in another way, such as the time of an instant at the site, stands in SHOWS
    with the field's name; `value_of` then gives its value.
    """

    SHOWS: dict[str, str] = {}

    def __init__(self, *args, row, **kwargs):
        self.row = row
        super().__init__(*args, **kwargs)
        for name in self.base_fields:
            self.initial.setdefault(name, self.value_of(row, name))
        self.fields["reason"] = ReasonField()

    def value_of(self, row, name):
        return getattr(row, name)

    def clean(self):
        given = super().clean()
        if self.errors:
            return given
        differing = {
            name: value for name, value in given.items() if name == "reason" or value != self.value_of(self.row, name)
        }
        if len(differing) == 1:
            raise forms.ValidationError("Nothing was changed, so nothing was saved.")
        return differing


class Field(NamedTuple):
    label: str
    was: str
    theirs: str
    yours: str  # empty for what the form does not ask

    @property
    def is_contested(self):
        return self.yours != "" and self.yours not in (self.was, self.theirs) and self.was != self.theirs


class Conflict(NamedTuple):
    """What others saved since the form was opened, beside what was typed."""

    fields: list[Field]
    changes: list[str]  # who, when and why


def opened_version(request, row) -> int:
    """The version the form was opened with; that of the row for a form that says none."""
    typed = request.POST.get("opened_version", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else row.version


def set_conflict(form, overtaken, opened: int) -> None:
    """Show `form` what happened to the row since `opened`, and take over what only the others changed."""
    row = overtaken.row
    if overtaken.fields:
        form.overtaken = Conflict([Field(*field) for field in overtaken.fields], [])
        form.data = form.data.copy()
        for name, value in overtaken.seen.items():
            form.data[name] = value
        return
    now = type(row)._base_manager.get(pk=row.pk)
    past = Past.of(row)
    was, theirs = past.at_version(opened), past.latest
    changed = [column for column in theirs if column != "version" and was.get(column) != theirs[column]]
    fields = [_field(form, now, column, was, theirs) for column in changed]
    form.overtaken = Conflict([field for field in fields if field], [str(each) for each in past.changes_after(opened)])
    form.opened_version = now.version
    _take_over(form, now, was, changed)


def _field(form, row, column, was, theirs):
    field = _model_field(row, column)
    if field is None:
        return None
    boxes = [box for box, shown in getattr(form, "SHOWS", {}).items() if shown == field.name]
    yours = _typed(form, field) if field.name in form.fields else " ".join(str(form[box].data) for box in boxes)
    return Field(
        capfirst(str(field.verbose_name)), words_of(field, was.get(column)), words_of(field, theirs[column]), yours
    )


def _model_field(row, column):
    return next((field for field in row._meta.concrete_fields if field.column == column), None)


def _typed(form, field) -> str:
    """What was typed, in the words of the field; as it was sent where it cannot be read."""
    bound = form[field.name]
    cleaned = form.fields[field.name]
    try:
        value = cleaned.clean(bound.data)
    except forms.ValidationError:
        return str(bound.data)
    return words_of(field, value)


def _take_over(form, row, was, changed):
    """A field that this person left as it was gets what the others saved: saving again must not take it back."""
    form.data = form.data.copy()
    for column in changed:
        field = _model_field(row, column)
        if field is None or field.name not in form.fields or field.name == "reason":
            continue
        if _typed(form, field) == words_of(field, was.get(column)):
            _put(form, field.name, getattr(row, field.name))
    for box, name in getattr(form, "SHOWS", {}).items():
        column = row._meta.get_field(name).column
        if column in changed and was.get(column) and form[box].data == _shown(form, box, _before(row, name, was)):
            _put(form, box, form.value_of(row, box))


def _before(row, name, was):
    """The row with the instant that it had."""
    before = copy(row)
    at = datetime.fromisoformat(was[row._meta.get_field(name).column])
    setattr(before, name, at if at.tzinfo else at.replace(tzinfo=UTC))
    return before


def _shown(form, box, row) -> str:
    return str(form.fields[box].prepare_value(form.value_of(row, box)))


def _put(form, name, value):
    bound, widget = form[name], form.fields[name].widget
    value = form.fields[name].prepare_value(value)
    if isinstance(widget, forms.MultiWidget):
        for suffix, part in zip(widget.widgets_names, widget.decompress(value), strict=True):
            form.data[f"{bound.html_name}{suffix}"] = part
    elif isinstance(value, bool) and isinstance(widget, forms.CheckboxInput):
        form.data.pop(bound.html_name, None)
        if value:
            form.data[bound.html_name] = "on"
    else:
        form.data[bound.html_name] = "" if value is None else str(value)
