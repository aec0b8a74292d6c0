"""Form fields for dates and times that are typed, not picked: day, month, year in three boxes; HH:MM."""

import datetime
import re
import unicodedata
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError

from studytracker.dates import MONTHS, ImpossibleDate, PartialDate

UNKNOWN = "UNK"
_UNKNOWN_WORDS = {"UN", "UNK", "UNKNOWN"}
# Longer than any sensible entry, short enough to be quoted back in a sentence.
LONGEST_ENTRY = 20


def month_number(text: str) -> int | None:
    """3, 03, Mar and March are the third month."""
    if re.fullmatch(r"[0-9]{1,2}", text):
        return int(text) if 1 <= int(text) <= 12 else None
    wanted = text.casefold().removesuffix(".")
    names = [name.casefold() for name in MONTHS]
    return next((n for n, name in enumerate(names, 1) if wanted in (name, name[:3])), None)


def _is_unknown(text: str) -> bool:
    return text.upper() in _UNKNOWN_WORDS


def _unreadable(name: str, text: str) -> str | None:
    if not text.isprintable():
        return f"The {name} holds a character that cannot be stored. Type the {name} again."
    if len(text) > LONGEST_ENTRY:
        return f"The {name} is too long: it has {len(text)} characters. Type the {name} again."
    return None


def _number(text: str) -> int | None:
    """ASCII digits only: int() would also take other scripts, spaces and underscores."""
    return int(text) if re.fullmatch(r"[0-9]+", text) else None


def _read_day(text: str) -> int:
    day = _number(text)
    if day is None or not 1 <= day <= 31:
        raise ImpossibleDate(f'The day "{text}" is not a number from 1 to 31.')
    return day


def _read_month(text: str) -> int:
    month = month_number(text)
    if month is None:
        raise ImpossibleDate(
            f'The month "{text}" is not known. Use a number from 1 to 12 or a name, such as Mar or March.'
        )
    return month


def _read_year(text: str) -> int:
    year = _number(text)
    if year is None or len(text) != 4:
        raise ImpossibleDate(f'The year "{text}" is not a number of four digits, such as 2025.')
    return year


_READERS = {"day": _read_day, "month": _read_month, "year": _read_year}


def read_boxes(boxes: dict[str, str], *, may_be_partial: bool) -> PartialDate | None:
    """The date in the boxes, None where all are empty. Raises ValidationError with every sentence at once."""
    if not any(boxes.values()):
        return None
    problems = [problem for name, text in boxes.items() if (problem := _unreadable(name, text))]
    if problems:
        raise ValidationError(problems, code="unreadable")
    problems = _missing_parts(boxes, may_be_partial)
    parts = {}
    for name, text in boxes.items():
        if text and not _is_unknown(text):
            try:
                parts[name] = _READERS[name](text)
            except ImpossibleDate as impossible:
                problems.append(str(impossible))
    if problems:
        raise ValidationError(problems, code="invalid")
    try:
        return PartialDate(parts["year"], parts.get("month"), parts.get("day"))
    except ImpossibleDate as impossible:
        raise ValidationError(str(impossible), code="impossible") from impossible


def _missing_parts(boxes: dict[str, str], may_be_partial: bool) -> list[str]:
    unknown = [name for name, text in boxes.items() if _is_unknown(text)]
    if may_be_partial:
        no_year = not boxes["year"] or "year" in unknown
        return ["The year is missing: give at least the year."] if no_year else []
    if unknown:
        return [f"The {' and the '.join(unknown)} must be known here: this date must be complete."]
    missing = [name for name, text in boxes.items() if not text]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        return [f"The {' and the '.join(missing)} {verb} missing: this date must be complete."]
    return []


def _shown(text: str | None) -> str | None:
    """What was typed, with what no page can carry replaced."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


class Box(forms.TextInput):
    def format_value(self, value):
        return _shown(super().format_value(value))


class MonthSelect(forms.Select):
    """Month names. Other text that was sent (3, mar, or what is no month) comes back and is not lost."""

    def __init__(self, *, may_be_unknown):
        months = [(str(number), name) for number, name in enumerate(MONTHS, 1)]
        unknown = [(UNKNOWN, "Unknown")] if may_be_unknown else []
        super().__init__(choices=[("", "Month"), *months, *unknown])

    def format_value(self, value):
        text = (_shown(value) or "").strip()
        number = month_number(text)
        return [UNKNOWN if _is_unknown(text) else str(number or text)]

    def optgroups(self, name, value, attrs=None):
        groups = super().optgroups(name, value, attrs)
        typed = value[0]
        if typed and not any(option["selected"] for _, options, _ in groups for option in options):
            option = self.create_option(name, typed, typed, True, len(groups), attrs=attrs)
            groups.append((None, [option], len(groups)))
        return groups


class DateBoxes(forms.MultiWidget):
    """Three boxes, each with its own label: nobody has to know whether 4/3 is in March or in April."""

    template_name = "widgets/date_boxes.html"
    use_fieldset = True
    labels = ("Day", "Month", "Year")

    def __init__(self, attrs=None, *, may_be_partial=False):
        self.may_be_partial = may_be_partial
        number = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(
            {
                "day": Box({**number, "size": 3}),
                "month": MonthSelect(may_be_unknown=may_be_partial),
                "year": Box({**number, "size": 4}),
            },
            attrs,
        )

    def use_required_attribute(self, initial):
        return not self.may_be_partial  # the browser would insist on the day

    def decompress(self, value):
        """Blank boxes for no date. What is unknown in a partial date is shown as unknown."""
        if not value:
            return ["", "", ""]
        if isinstance(value, str):
            try:
                value = PartialDate.parse(value)
            except ImpossibleDate:
                return ["", "", ""]
        return [str(part) if part else UNKNOWN for part in (value.day, value.month, value.year)]

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        for label, box in zip(self.labels, context["widget"]["subwidgets"], strict=True):
            box["label"] = label
            # The form pack gives every box the class of a text input.
            wanted = "form-select" if label == "Month" else "form-control"
            others = set(box["attrs"].get("class", "").split()) - {"form-control", "form-select", "select"}
            box["attrs"]["class"] = " ".join([wanted, *sorted(others)])
        return context


class _BoxesField(forms.Field):
    may_be_partial: bool
    usual_help = ""

    def __init__(self, **kwargs):
        kwargs["help_text"] = kwargs.get("help_text") or self.usual_help
        kwargs.setdefault("widget", DateBoxes(may_be_partial=self.may_be_partial))
        super().__init__(**kwargs)

    def to_python(self, value):
        if not isinstance(value, list | tuple):
            value = self.widget.decompress(value)
        day, month, year = (str(text or "").strip() for text in value)
        boxes = {"day": day, "month": month, "year": year}
        return self.from_partial(read_boxes(boxes, may_be_partial=self.may_be_partial))

    def has_changed(self, initial, data):
        """By meaning: 3 and March are the same month."""
        try:
            return not self.disabled and self.to_python(initial) != self.to_python(data)
        except (ValidationError, ImpossibleDate):
            return True


class DateField(_BoxesField):
    """A complete date (`datetime.date`), as every date of the trial's own procedures must be."""

    may_be_partial = False
    default_error_messages = {"required": "Give the full date: day, month and year."}

    def from_partial(self, partial):
        return partial and partial.earliest


class PartialDateField(_BoxesField):
    """A `PartialDate`: the day, or the day and the month, may be left empty or be UNK."""

    may_be_partial = True
    usual_help = "Where the day, or the day and the month, are unknown: leave them empty or write UNK."
    default_error_messages = {
        "required": "Give the date as far as it is known: at least the year. Write UNK for an unknown day."
    }

    def from_partial(self, partial):
        return partial


class NumberField(forms.Field):
    """A number typed as text, so that nothing is dropped or changed on the way: a number box of a browser turns
    24,5 into 245 and moves with the mouse wheel. Gives a Decimal, or an int where `places` is 0.
    """

    def __init__(self, *, at_least, at_most, places=0, example, **kwargs):
        self.at_least, self.at_most, self.places, self.example = at_least, at_most, places, example
        mode = "decimal" if places else "numeric"
        kwargs.setdefault("widget", Box({"autocomplete": "off", "size": 8, "inputmode": mode, "class": "number-box"}))
        super().__init__(**kwargs)

    def to_python(self, value):
        typed = "" if value is None else str(value).strip()
        if not typed:
            return None
        problem = _unreadable("number", typed) or self._misread(typed)
        if problem:
            raise ValidationError(problem, code="unreadable")
        number = Decimal(typed)
        if not self.at_least <= number <= self.at_most:
            raise ValidationError(
                f"{typed} is outside {self.at_least} to {self.at_most}. Check what was typed.", code="outside"
            )
        return number if self.places else int(number)

    def _misread(self, typed):
        decimals = rf"(\.[0-9]{{1,{self.places}}})?" if self.places else ""
        if re.fullmatch(rf"[0-9]{{1,9}}{decimals}", typed):
            return None
        kind = f"a number with at most {self.places} decimals after a point" if self.places else "a whole number"
        return f'"{typed}" cannot be read. Write {kind}, such as {self.example}.'


# Unicode's embeddings, overrides and isolates of direction: one in a term would turn a listing's whole row.
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _is_visible(letter) -> bool:
    return unicodedata.category(letter)[0] not in "CZ"


class TextField(forms.CharField):
    """Text that comes back whole when it is too long, where a browser would cut a paste without a word."""

    def widget_attrs(self, widget):
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}

    def to_python(self, value):
        """On one line every run of blanks, tabs and line ends is one blank. What nobody can see is no text, and what
        turns the direction of all that follows is refused.
        """
        text = super().to_python(value)
        if set(text) & TURNS:
            raise ValidationError("This holds an invisible sign that turns the direction of text. Type it again.")
        if not any(map(_is_visible, text)):
            return ""
        return text if isinstance(self.widget, forms.Textarea) else " ".join(text.split())

    def run_validators(self, value):
        if self.max_length and len(value) > self.max_length:
            raise ValidationError(f"This has {len(value):,} characters and {self.max_length:,} fit. Shorten it.")
        super().run_validators(value)


class TimeField(forms.Field):
    """Hours and minutes on the 24-hour clock, as a `datetime.time`."""

    default_error_messages = {
        "required": "Give the time as hours and minutes on the 24-hour clock, such as 14:05.",
        "invalid": 'The time "%(typed)s" cannot be read. Write it from 00:00 to 23:59, such as 14:05.',
    }

    def __init__(self, **kwargs):
        kwargs.setdefault("widget", Box({"autocomplete": "off", "size": 5, "class": "time-box"}))
        super().__init__(**kwargs)

    def to_python(self, value):
        if value in self.empty_values or isinstance(value, datetime.time):
            return value or None
        typed = str(value).strip()
        if not typed:
            return None
        problem = _unreadable("time", typed)
        if problem:
            raise ValidationError(problem, code="unreadable")
        found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", typed)
        if not found or int(found[1]) > 23 or int(found[2]) > 59:
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"typed": typed})
        return datetime.time(int(found[1]), int(found[2]))

    def prepare_value(self, value):
        return f"{value:%H:%M}" if isinstance(value, datetime.time) else value

    def has_changed(self, initial, data):
        try:
            return not self.disabled and self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True
