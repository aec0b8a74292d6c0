"""Forms for what is on record of a participant. They clean and warn; the recording functions decide."""

import re
from decimal import Decimal

from django import forms

from studytracker.web.fields import DateField, NumberField, PartialDateField, TextField, TimeField

from .facts import Implausible

TYPED_RESULT = re.compile(r"(<=|>=|<|>|≤|≥)?\s*(1\s*:\s*)?([0-9]{1,9}(?:\.[0-9]{1,6})?)")
SIGNS = {"≤": "<=", "≥": ">="}


class FactForm(forms.Form):
    """Shows what was warned of with a box to confirm it, and hands on the sentences that were confirmed."""

    warnings: tuple[str, ...] = ()

    def add_error(self, field, error):
        if field is not None and field not in self.fields:
            field = None
        super().add_error(field, error)

    def warn(self, warnings):
        self.warnings = tuple(warnings)

    def clean(self):
        self.cleaned_data["acknowledged"] = tuple(self.data.getlist("acknowledged"))
        return self.cleaned_data


def recording(record, form):
    """`record` for submit(): a warning that nobody confirmed comes back with its box."""

    def act(**facts):
        try:
            return record(**facts)
        except Implausible as asked:
            form.warn(asked.warnings)
            raise

    return act


def visit_field(rules):
    choices = [("", "No visit"), *((visit.code, f"{visit.code} {visit.name}") for visit in rules.visits)]
    return forms.ChoiceField(label="Visit", choices=choices, required=False)


def source_field():
    return TextField(label="Source document", max_length=200, required=False, help_text="Such as: lab report 4711.")


class LabPanelForm(FactForm):
    """A whole report in one form: what is left empty was not on it."""

    collected = PartialDateField(label="Collected on")
    collected_time = TimeField(label="Collected at (optional)", required=False, help_text="Site time, such as 08:15.")
    source = source_field()
    laboratory = TextField(label="Laboratory, where it is not the site's own", max_length=100, required=False)

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.rules = rules
        self.fields["visit_code"] = visit_field(rules)
        panels = {}
        for test in rules.lab_tests:
            panels.setdefault(test.procedure, []).append((test, self._fields_of(test)))
        self.panels = [(rules.procedure(code).name, rows) for code, rows in panels.items()]

    def _fields_of(self, test):
        names = []
        if test.kind != "result":
            attrs = {"class": "form-control number-box", "autocomplete": "off", "aria-label": f"{test.name} value"}
            widget = forms.TextInput(attrs=attrs)
            self.fields[f"value-{test.code}"] = TextField(
                label=f"{test.name} value", required=False, max_length=20, widget=widget
            )
            names.append(f"value-{test.code}")
        if len(test.units) > 1:
            self.fields[f"unit-{test.code}"] = forms.ChoiceField(
                label=f"{test.name} unit",
                choices=[(unit, unit) for unit in test.units],
                required=False,
                widget=forms.Select(attrs={"class": "form-select", "aria-label": f"{test.name} unit"}),
            )
            names.append(f"unit-{test.code}")
        if test.results:
            self.fields[f"result-{test.code}"] = forms.ChoiceField(
                label=f"{test.name} result",
                choices=[("", "–"), *((word, word.capitalize()) for word in test.results)],
                required=False,
                widget=forms.Select(attrs={"class": "form-select", "aria-label": f"{test.name} result"}),
            )
            names.append(f"result-{test.code}")
        return [self[name] for name in names]

    def clean(self):
        data = super().clean()
        results = [row for test in self.rules.lab_tests if (row := self._row(test, data))]
        if not results and not self.errors:
            self.add_error(None, "Nothing is filled in. Give at least one result.")
        names = ("collected", "collected_time", "source", "laboratory", "visit_code", "acknowledged")
        self.cleaned_data = {name: data.get(name) for name in names} | {"results": results}
        return self.cleaned_data

    def _row(self, test, data):
        typed, result = data.get(f"value-{test.code}", ""), data.get(f"result-{test.code}", "")
        if not typed and not result:
            return None
        row = {"test": test.code, "result": result}
        if typed:
            found = TYPED_RESULT.fullmatch(typed)
            if found is None or (found[2] and test.kind != "titer"):
                example = "1:160" if test.kind == "titer" else "3.4 or <30"
                self.add_error(f"value-{test.code}", f'"{typed}" cannot be read. Write it such as {example}.')
                return None
            row |= {"comparator": SIGNS.get(found[1], found[1] or ""), "value": Decimal(found[3])}
            row["unit"] = data.get(f"unit-{test.code}") or test.unit or ""
        return row


class MedicineForm(FactForm):
    drug = TextField(
        label="Medicine", max_length=120, widget=forms.TextInput(attrs={"list": "drugs", "autocomplete": "off"})
    )
    drug_class = forms.ChoiceField(label="Class")
    dose = NumberField(label="Dose, each time", at_least=0, at_most=100_000, places=4, example=7.5, required=False)
    dose_unit = forms.ChoiceField(
        label="Unit of the dose",
        choices=[("", "–"), *((unit, unit) for unit in ("mg", "g", "ug", "mL", "IU", "puff"))],
        required=False,
    )
    per_day = NumberField(
        label="Times a day", at_least=0, at_most=24, places=3, example=2, required=False,
        help_text="Every other day is 0.5.",
    )  # fmt: skip
    route = forms.ChoiceField(label="Route")
    started = PartialDateField(label="First dose", required=False, help_text="As far as known; empty where unknown.")
    is_ongoing = forms.BooleanField(label="Ongoing", required=False)
    ended = PartialDateField(label="Last dose", required=False, help_text="As far as known; empty where unknown.")
    indication = TextField(label="Indication", max_length=200, required=False)
    source = source_field()

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.known_drugs = [drug.label for _, drug in rules.drugs.values()]
        self.fields["drug_class"].choices = [
            ("", "Choose…"),
            *((each.code, each.label) for each in rules.drug_classes),
        ]
        self.fields["route"].choices = [("", "Choose…"), *rules.choices("route")]
        self.fields["visit_code"] = visit_field(rules)


class HistoryForm(FactForm):
    category = forms.ChoiceField(label="Category")
    term = TextField(label="Condition or episode", max_length=200)
    started = PartialDateField(label="Start", required=False, help_text="As far as known; empty where unknown.")
    is_ongoing = forms.BooleanField(label="Ongoing", required=False)
    ended = PartialDateField(label="End", required=False, help_text="As far as known; empty where unknown.")
    source = source_field()

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["category"].choices = [
            ("", "Choose…"),
            *((each.code, each.label) for each in rules.history_categories),
        ]

    def clean(self):
        super().clean().pop("acknowledged")
        return self.cleaned_data


class SledaiForm(FactForm):
    """24 descriptors: present, absent, or open. One box answers absent for all that is open."""

    assessed_on = DateField(label="Assessed on")
    rest_absent = forms.BooleanField(label="Everything not marked is absent", required=False)
    source = source_field()

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["visit_code"] = visit_field(rules)
        self.items = rules.sledai.items
        for item in self.items:
            self.fields[f"item-{item.code}"] = forms.ChoiceField(
                label=item.label,
                choices=[("1", "Present"), ("0", "Absent")],
                required=False,
                widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
            )
        self.rows = [(item, self[f"item-{item.code}"]) for item in self.items]

    def clean(self):
        data = super().clean()
        given = {item.code: data.get(f"item-{item.code}") for item in self.items}
        rest = "0" if data.get("rest_absent") else ""
        present = {code: (answer or rest) == "1" for code, answer in given.items() if answer or rest}
        if not present:
            self.add_error(None, "Answer at least one descriptor.")
        self.cleaned_data = {name: data.get(name) for name in ("assessed_on", "source", "visit_code")}
        self.cleaned_data["present"] = present
        return self.cleaned_data


class ListTakenForm(forms.Form):
    complete_on = DateField(label="Asked for in full, and complete up to")


class VoidFactForm(forms.Form):
    reason = TextField(label="Why is it void?", max_length=500)

    def __init__(self, *args, voids=True, **kwargs):
        super().__init__(*args, **kwargs)
        if not voids:
            self.fields["reason"].label = "Why does it stand again?"


class RangeForm(forms.Form):
    test = forms.ChoiceField(label="Test")
    sex = forms.ChoiceField(label="Sex", required=False)
    low = NumberField(label="Lower limit", at_least=0, at_most=1_000_000, places=4, example=3.4, required=False)
    high = NumberField(label="Upper limit", at_least=0, at_most=1_000_000, places=4, example=34, required=False)
    unit = forms.ChoiceField(label="Unit")
    starts_on = DateField(label="In force from")
    ends_on = DateField(label="In force until (optional)", required=False)

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        tests = [test for test in rules.lab_tests if test.kind == "number"]
        units = dict.fromkeys(unit for test in tests for unit in test.units)
        self.fields["test"].choices = [("", "Choose…"), *((test.code, test.name) for test in tests)]
        self.fields["sex"].choices = [("", "Everybody"), *rules.choices("sex")]
        self.fields["unit"].choices = [("", "Choose…"), *((unit, unit) for unit in units)]
