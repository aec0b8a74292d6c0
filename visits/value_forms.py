"""Boxes for what is measured and found at a visit. None is required: what is left out stays to complete."""

import re
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError

from studytracker.protocol.measures import LabTest
from studytracker.web.fields import Box

from .measurements import Measured, Typed, tests_of

NUMBER = re.compile(r"(<=|>=|<|>|≤|≥)?\s*([0-9]{1,9}(?:\.[0-9]{1,3})?)")
SIGNS = {"≤": "<=", "≥": ">="}


class ValueField(forms.Field):
    """A number as a report prints it, with the sign before it where there is one. Gives (sign, Decimal) or None."""

    def __init__(self, **kwargs):
        box = Box({"autocomplete": "off", "size": 8, "inputmode": "decimal", "class": "form-control number-box"})
        super().__init__(required=False, widget=box, **kwargs)

    def to_python(self, value):
        typed = "" if value is None else str(value).strip()
        if not typed:
            return None
        found = NUMBER.fullmatch(typed)
        if not found:
            shown = typed[:20] if typed.isprintable() else "This"
            raise ValidationError(
                f'"{shown}" cannot be read. Write a number with at most 3 decimals after a point, such as 3.4 or <0.5.'
            )
        sign = found[1] or ""
        return SIGNS.get(sign, sign), Decimal(found[2])


class ValuesForm(forms.Form):
    """Values and findings of the procedures of one visit."""

    def __init__(self, *args, visit=None, procedures=(), last=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.visit, self.procedures, self.last, self.warnings = visit, procedures, last or {}, []
        self.tests = {each.code: tests_of(visit.rules, each) for each in procedures} if visit else {}
        for test in (test for tests in self.tests.values() for test in tests):
            self._add_test(test)
        for procedure in procedures if visit else ():
            if procedure.findings:
                self.fields[f"finding-{procedure.code}"] = forms.ChoiceField(
                    label=f"{procedure.name}: what was found",
                    choices=[(words, words) for words in procedure.findings],
                    widget=forms.RadioSelect({"class": "form-check-input"}),
                    required=False,
                )

    def _add_test(self, test):
        self.fields[f"value-{test.code}"] = ValueField(label=test.name)
        units = [(unit, unit) for unit in test.units]
        if len(units) > 1:
            select = forms.Select({"class": "form-select"})
            self.fields[f"unit-{test.code}"] = forms.ChoiceField(
                label=f"{test.name}: unit", choices=units, widget=select, required=False
            )
        if isinstance(test, LabTest) and test.results:
            words = [("", "Result…"), *((word, word.capitalize()) for word in test.results)]
            select = forms.Select({"class": "form-select"})
            self.fields[f"result-{test.code}"] = forms.ChoiceField(
                label=f"{test.name}: result", choices=words, widget=select, required=False
            )

    def values_of(self, procedure):
        """(test, its box, its unit box or None, its result box or None, the last value) for the page."""
        for test in self.tests.get(procedure.code, ()):
            boxes = (
                self[name] if name in self.fields else None for name in (f"unit-{test.code}", f"result-{test.code}")
            )
            yield test, self[f"value-{test.code}"], *boxes, self.last.get(test.code, "")

    def finding_of(self, procedure):
        name = f"finding-{procedure.code}"
        return self[name] if name in self.fields else None

    def pop_measured(self, given) -> Measured:
        """Takes the values and findings out of the cleaned data `given`."""
        values, findings = {}, {}
        for procedure in self.procedures:
            if finding := given.pop(f"finding-{procedure.code}", ""):
                findings[procedure.code] = finding
            for test in self.tests.get(procedure.code, ()):
                number, unit, result = (given.pop(f"{part}-{test.code}", None) for part in ("value", "unit", "result"))
                if number or result:
                    sign, value = number or ("", None)
                    unit = (unit or (test.units or ("",))[0]) if number else ""
                    values[test.code] = Typed(value, unit, sign, result or "")
        confirmed = self.data.getlist("acknowledged") if hasattr(self.data, "getlist") else ()
        return Measured(values, findings, tuple(confirmed))

    def rows(self):
        for procedure in self.procedures:
            yield procedure, list(self.values_of(procedure)), self.finding_of(procedure)

    def clean(self):
        return {"measured": self.pop_measured(self.cleaned_data)}
