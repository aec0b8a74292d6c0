from django import forms

from participants.models import Hold
from studytracker import protocol
from studytracker.access.forms import PasswordAgainForm
from studytracker.web.fields import DateField, TextField

MOST = 10**18


class MeetingForm(forms.Form):
    held_on = DateField(label="Held on")
    purpose = TextField(
        label="Purpose",
        max_length=300,
        help_text="Routine, or the gate for the next participant, by code. No names.",
        error_messages={"required": "Say what the meeting was for."},
    )
    cut_off_entry = forms.IntegerField(
        label="Data as of audit entry",
        min_value=1,
        max_value=MOST,
        help_text="The entry that the packet shown to the board was made as of; it stands on each of its pages.",
    )
    document = TextField(
        label="Minutes",
        max_length=200,
        help_text="Title, date and place on file.",
        error_messages={"required": "Name the minutes."},
    )

    def __init__(self, *args, today, entry, **kwargs):
        kwargs.setdefault("initial", {"held_on": today, "cut_off_entry": entry})
        super().__init__(*args, **kwargs)


class RecommendationForm(forms.Form):
    recommendation = forms.ChoiceField(
        label="Recommendation", error_messages={"required": "Choose the recommendation."}
    )
    text = TextField(
        label="In the board's words",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Give the recommendation in the board's words."},
    )
    hold = forms.ModelChoiceField(
        Hold.objects.none(), label="It lifts this hold", required=False, empty_label="No hold is lifted"
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["recommendation"].choices = [("", "Choose…"), *protocol.current().choices("dsmb_decision")]
        self.fields["hold"].queryset = Hold.objects.visible_to(user).open().order_by("pk")


class CarryOutForm(PasswordAgainForm):
    """`cleaned_data` are arguments of `board.carry_out`."""

    displayed_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    what_it_shows = "it is you who carries it out"
