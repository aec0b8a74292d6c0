from decimal import Decimal

from django import forms

from studytracker.web.fields import DateField, NumberField, TimeField

SMALLEST, LARGEST = Decimal("0.1"), Decimal(1000)


class VitalsForm(forms.Form):
    """One time point with one box for each vital sign; those that were not taken stay empty."""

    time_point = forms.ChoiceField(label="Time point")
    measured_on = DateField(label="Measured on")
    measured_time = TimeField(label="Measured at", help_text="Site time, such as 10:30.")

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        watch = rules.infusion_observation
        points = [(point.code, point.label) for point in watch.time_points]
        self.fields["time_point"].choices = [*points, ("", "Unscheduled")]
        self.fields["time_point"].required = False
        self.tests = watch.tests
        for code in watch.tests:
            test, limit = rules.vital_sign(code), watch.limit(code)
            usual = f"Limits: {limit.low} to {limit.high} {test.unit}." if limit else ""
            self.fields[code] = NumberField(
                label=f"{test.name} ({test.unit})",
                at_least=SMALLEST,
                at_most=LARGEST,
                places=1,
                example=limit.low if limit else 1,
                required=False,
                help_text=usual,
            )
        self.fields["is_sure"] = forms.BooleanField(
            label="I looked again: what is unlikely was read like this", required=False
        )

    def clean(self):
        values = {code: self.cleaned_data.pop(code, None) for code in self.tests}
        self.cleaned_data["values"] = {code: value for code, value in values.items() if value is not None}
        if not self.errors and not self.cleaned_data["values"]:
            self.add_error(None, "Give at least one vital sign.")
        return self.cleaned_data
