from django import forms

from studytracker import protocol
from studytracker.web.fields import DateField, TimeField

from . import muting


class AcknowledgeForm(forms.Form):
    until_on = DateField(label="Nobody is told until the end of")
    reason = forms.CharField(
        label="Why can it wait?", max_length=500, help_text="For example: booked for Friday. Kept with your name."
    )


class PreferenceForm(forms.Form):
    digest_time = TimeField(label="Daily mail at", required=False)
    quiet_from = TimeField(label="Nothing from", required=False)
    quiet_to = TimeField(label="to", required=False)
    stages = forms.MultipleChoiceField(
        label="Tell me too, when",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="What is overdue, and what is urgent, is always told.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rules = protocol.current().reminders
        self.fields["digest_time"].help_text = f"Empty: {rules.digest_time:%H:%M}, as the protocol has it."
        usual = f"{rules.quiet_from:%H:%M} to {rules.quiet_to:%H:%M}"
        self.fields["quiet_to"].help_text = f"Both empty: {usual}. Twice the same time: no quiet hours."
        self.fields["stages"].choices = [
            (stage.code, f"{stage.label}: {stage.when_words}") for stage in muting.optional_stages()
        ]
