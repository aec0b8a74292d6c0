from django import forms

from studytracker.web.editing import CorrectionForm
from studytracker.web.fields import DateField, TextField

from .correcting import has_own_day
from .forms import in_full, reasons, text_box


class VisitCorrectionForm(CorrectionForm):
    """A logged visit as it stands. The day of the screening and of the infusion is corrected elsewhere."""

    attended_on = DateField(label="Date of the visit")
    visit_type = forms.ChoiceField(label="How it took place", widget=forms.RadioSelect)
    out_of_window_reason = TextField(
        label="Reason, if outside the window",
        required=False,
        max_length=500,
        help_text="Left out where the day is in the window.",
    )
    late_entry_reason = TextField(
        label="Reason, if logged late", required=False, max_length=500, help_text="Left out where it was not late."
    )
    note = TextField(label="Note", required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, row, **kwargs):
        super().__init__(*args, row=row, **kwargs)
        types = row.rules.choices("visit_type")
        self.fields["visit_type"].choices = types if row.visit_type else [("", "Not said"), *types]
        self.fields["visit_type"].required = bool(row.visit_type)
        gone = () if row.opens_on else ("out_of_window_reason",)
        if not has_own_day(row):
            gone = ("attended_on", "out_of_window_reason", "late_entry_reason")
        for name in gone:
            del self.fields[name]
        if row.unplanned:
            self.fields["note"].label, self.fields["note"].required = "Why did the visit take place?", True


class ProcedureCorrectionForm(CorrectionForm):
    is_done = forms.TypedChoiceField(
        label="Done?",
        choices=[("True", "Done"), ("False", "Not done")],
        coerce=lambda answer: answer == "True",
        widget=forms.RadioSelect,
    )
    not_done_reason = forms.ChoiceField(label="Reason, if not done", required=False)
    other_reason = text_box()
    finding = forms.ChoiceField(label="What was found, if done", required=False)

    def __init__(self, *args, row, **kwargs):
        super().__init__(*args, row=row, **kwargs)
        self.fields["not_done_reason"].choices = with_stored(reasons("procedure_not_done_reason"), row.not_done_reason)
        found = row.visit.rules.procedure(row.code).findings
        self.fields["finding"].choices = with_stored(
            [("", "Not said"), *((each, each) for each in found)], row.finding
        )
        if not found:
            del self.fields["finding"]

    def value_of(self, row, name):
        return "" if name == "other_reason" else super().value_of(row, name)

    def clean(self):
        given = self.cleaned_data
        if "not_done_reason" in given:
            words = in_full(self, "procedure_not_done_reason", "not_done_reason", "other_reason")
            given["not_done_reason"] = words
        given.pop("other_reason", None)
        return super().clean()


def with_stored(choices, stored):
    """The list as it is now, and what was stored where that is no longer on it."""
    return choices if stored in dict(choices) else [*choices, (stored, stored)]
