from django import forms

from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.web.fields import DateField, TextField, TimeField

from .clock_tables import choice_words
from .models import Clock


class InstantForm(forms.Form):
    """A day and a time at the site, which together become the instant `instant_name`."""

    instant_name = ""

    def __init__(self, *args, event, at, **kwargs):
        super().__init__(*args, **kwargs)
        self.event, self.at, self.zone = event, at, event.site.zone
        self.rules = event.participant.protocol
        self.fields["on"].initial = at.astimezone(self.zone).date()
        self.fields["time"].help_text = f"On the clock at {event.site_id}; now it is {at.astimezone(self.zone):%H:%M}."

    def clean(self):
        on, time = self.cleaned_data.pop("on", None), self.cleaned_data.pop("time", None)
        if on and time:
            try:
                self.cleaned_data[self.instant_name] = local_instant(on, time, self.zone)
            except ImpossibleTime as error:
                self.add_error("time", str(error))
        return self.cleaned_data


class NotificationForm(InstantForm):
    """Who was told, when, how, with which proof, and which clocks that answers."""

    instant_name = "sent_at"
    recipient = forms.ChoiceField(
        label="Who was told?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose who was told."},
    )
    clocks = forms.ModelMultipleChoiceField(
        Clock.objects.none(),
        label="Which clocks does this answer?",
        required=False,
        widget=forms.CheckboxSelectMultiple,
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

    def __init__(self, *args, answerable, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["recipient"].choices = self.rules.choices("recipient")
        self.fields["method"].choices = [("", "Choose…"), *self.rules.choices("notification_method")]
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
