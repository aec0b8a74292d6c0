from django import forms
from django.core.exceptions import ValidationError

from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.web.fields import DateField, TextField, TimeField

from .clock_tables import choice_words
from .models import Clock

LONGEST_NUMBER = 18  # digits that every database can look for


class InstantForm(forms.Form):
    """A day and a time at the site, which together become the instant `instant_name`."""

    instant_name = ""

    def __init__(self, *args, site, rules, at, **kwargs):
        super().__init__(*args, **kwargs)
        self.rules, self.at, self.zone = rules, at, site.zone
        self.fields["on"].initial = at.astimezone(self.zone).date()
        self.fields["time"].help_text = f"On the clock at {site.pk}; now it is {at.astimezone(self.zone):%H:%M}."

    def clean(self):
        on, time = self.cleaned_data.pop("on", None), self.cleaned_data.pop("time", None)
        if on and time:
            try:
                self.cleaned_data[self.instant_name] = local_instant(on, time, self.zone)
            except ImpossibleTime as error:
                self.add_error("time", str(error))
        return self.cleaned_data


class ToldForm(InstantForm):
    """Who was told, when, how, and with which proof."""

    instant_name = "sent_at"
    recipient = forms.ChoiceField(
        label="Who was told?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose who was told."},
    )
    on = DateField(label="Told on")
    time = TimeField(label="At")
    method = forms.ChoiceField(label="How?", error_messages={"required": "Choose how it was told."})
    addressee = TextField(label="To whom there (optional)", max_length=200, required=False)
    reference = TextField(
        label="Reference of the proof",
        max_length=200,
        help_text="What an inspector is shown: receipt, submission number, message and its date.",
        error_messages={"required": "Give the reference of the proof: without one nobody can show that it was told."},
    )
    note = TextField(label="Note", required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["recipient"].choices = self.rules.choices("recipient")
        self.fields["method"].choices = [("", "Choose…"), *self.rules.choices("notification_method")]


class RowsField(forms.ModelMultipleChoiceField):
    """Rows by number; one too long for the database is a wrong choice like any other."""

    def clean(self, value):
        for typed in value or ():
            if len(str(typed)) > LONGEST_NUMBER:
                raise ValidationError(self.error_messages["invalid_pk_value"], code="invalid", params={"pk": typed})
        return super().clean(value)


class NotificationForm(ToldForm):
    """And which clocks of the event that answers."""

    clocks = RowsField(
        Clock.objects.none(),
        label="Which clocks does this answer?",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ["recipient", "clocks"]

    def __init__(self, *args, answerable, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["clocks"].queryset = answerable
        self.fields["clocks"].label_from_instance = lambda clock: choice_words(clock, self.at)

    def clean(self):
        super().clean()
        recipient = self.cleaned_data.get("recipient")
        others = [each for each in self.cleaned_data.get("clocks", ()) if recipient not in each.rule.notify]
        if recipient and others:
            told = self.rules.label("recipient", recipient)
            names = ", ".join(each.rule_id for each in others)
            self.add_error("clocks", f"{names}: not answered by telling {told}. Untick, or choose who was told.")
        return self.cleaned_data


class StudyNoticeForm(ToldForm):
    """Only those whom the clock names are offered."""

    def __init__(self, *args, recipients, **kwargs):
        super().__init__(*args, **kwargs)
        offered = [(code, label) for code, label in self.rules.choices("recipient") if code in recipients]
        self.fields["recipient"].choices = offered
        if len(offered) == 1:
            self.fields["recipient"].initial = offered[0][0]


class MilestoneForm(forms.Form):
    kind = forms.ChoiceField(
        label="What was reached?", widget=forms.RadioSelect, error_messages={"required": "Choose one."}
    )
    site = forms.ChoiceField(label="Where?", required=False)
    reached_on = DateField(label="Reached on")
    reference = TextField(
        label="Document",
        max_length=200,
        help_text="What shows the day: a letter, its date and its place on file.",
        error_messages={"required": "Name the document that shows the day: clocks of years run from it."},
    )

    def __init__(self, *args, rules, sites, **kwargs):
        """`sites` are the codes at which the person may record one; all of them: also those of the whole trial."""
        super().__init__(*args, **kwargs)
        whole = {site.code for site in rules.sites} <= set(sites)
        kinds = [term for term in rules.terms("milestone") if term.at_a_site or whole]
        self.fields["kind"].choices = [(term.code, term.label) for term in kinds]
        everywhere = [("", "The whole trial")] if whole else [("", "Choose…")]
        self.fields["site"].choices = everywhere + [(s.code, s.name) for s in rules.sites if s.code in sites]

    def clean_site(self):
        return self.cleaned_data["site"] or None


class DeterminationForm(InstantForm):
    instant_name = "determined_at"
    kind = forms.ChoiceField(
        label="What was determined?", widget=forms.RadioSelect, error_messages={"required": "Choose one."}
    )
    on = DateField(label="Determined on")
    time = TimeField(label="At")
    note = TextField(
        label="On what grounds?",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say on what grounds: a clock starts from this."},
    )

    def __init__(self, *args, kinds, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(code, self.rules.label("determination", code)) for code in kinds]


class CloseForm(forms.Form):
    reason = TextField(
        label="Why does the event not qualify?",
        max_length=400,
        help_text="Your name and the time are kept with it. It opens again when an answer about the event changes.",
        error_messages={"required": "Say why: the reason is shown beside the closed clock."},
    )


class SwitchForm(forms.Form):
    reason = TextField(
        label="Why?",
        max_length=500,
        help_text="Name the decision and its document.",
        error_messages={"required": "Say why, in a few words: the reason stays in the record."},
    )


class AsOfForm(forms.Form):
    as_of = DateField(label="As of the end of", required=False)
    latest = None

    def clean_as_of(self):
        day = self.cleaned_data["as_of"]
        if day and self.latest and day > self.latest:
            raise forms.ValidationError(f"{day_label(day)} is in the future: today is {day_label(self.latest)}.")
        return day
