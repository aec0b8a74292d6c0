from django import forms

from studytracker import protocol
from studytracker.web.editing import ReasonField
from studytracker.web.fields import DateField

from .models import Severity


def text(label, **kwargs):
    return forms.CharField(label=label, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}), **kwargs)


class DeviationForm(forms.Form):
    category = forms.ChoiceField()
    happened_on = DateField(label="Date it happened")
    description = text("What happened?", help_text="No names: the identifier is in the heading.")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["category"].choices = [("", "Choose…"), *protocol.current().choices("deviation_category")]


class StepForm(forms.Form):
    """A step of one deviation, with what is stored already filled in."""

    def __init__(self, *args, deviation, today, **kwargs):
        stored = {name: getattr(deviation, name) for name in self.base_fields if getattr(deviation, name, None)}
        kwargs["initial"] = self.defaults(today) | stored
        super().__init__(*args, **kwargs)
        if self.again and getattr(deviation, self.again):
            self.fields["reason"] = ReasonField()

    again = ""  # the field that is filled once the step was taken: taking it anew needs a reason

    def defaults(self, today):
        return {}


class CompleteForm(StepForm):
    again = "completed_at"
    impact = text("Impact on the participant and the data")
    action = text("Corrective action")

    def __init__(self, *args, deviation, **kwargs):
        super().__init__(*args, deviation=deviation, **kwargs)
        if not deviation.participant:
            self.fields["impact"].label = "Impact on the trial and the data"


class ClassifyForm(StepForm):
    again = "classified_at"
    severity = forms.ChoiceField(label="Minor or major", choices=Severity, widget=forms.RadioSelect)
    is_reportable = forms.TypedChoiceField(
        label="To be reported to the IRB?",
        choices=[("yes", "Yes"), ("no", "No")],
        coerce=lambda answer: answer == "yes",
        widget=forms.RadioSelect,
    )

    def __init__(self, *args, deviation, **kwargs):
        super().__init__(*args, deviation=deviation, **kwargs)
        if deviation.is_reportable is not None:
            self.initial["is_reportable"] = "yes" if deviation.is_reportable else "no"


class CloseForm(StepForm):
    closed_on = DateField(label="Closed on")
    reported_on = DateField(
        label="Reported to the IRB on", required=False, help_text="Only for a reportable deviation."
    )

    def defaults(self, today):
        return {"closed_on": today}


class VoidForm(StepForm):
    reason = ReasonField(label="Why was it no deviation?")


class RestoreForm(StepForm):
    reason = ReasonField(label="Why is it a deviation after all?")
