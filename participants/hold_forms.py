from django import forms

from studytracker import protocol
from studytracker.access.forms import PasswordAgainForm
from studytracker.access.grants import Permission
from studytracker.protocol.models import Site
from studytracker.web.fields import TextField

WHOLE_TRIAL = "every site"


class HoldForm(forms.Form):
    site = forms.ChoiceField(label="Where", widget=forms.RadioSelect, initial="")
    cause = forms.ChoiceField(label="Cause", error_messages={"required": "Choose the cause."})
    text = TextField(
        label="What happened?",
        max_length=500,
        help_text="Shown on every page while the hold is open. No names.",
        error_messages={"required": "Say what happened: it is shown on every page while the hold is open."},
    )
    reference = TextField(
        label="Reference (optional)",
        max_length=100,
        required=False,
        help_text="The letter, rule or event it rests on.",
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        sites = sorted(user.sites_where(Permission.PROPOSE_HOLD) | user.sites_where(Permission.PLACE_HOLD))
        self.fields["site"].choices = [(WHOLE_TRIAL, "Every site"), *((code, code) for code in sites)]
        self.fields["site"].initial = WHOLE_TRIAL
        self.fields["cause"].choices = [("", "Choose…"), *protocol.current().choices("hold_cause")]

    def clean_site(self):
        code = self.cleaned_data["site"]
        return None if code == WHOLE_TRIAL else Site.objects.get(pk=code)


class PlaceForm(forms.Form):
    """Nothing to fill in: the button says it."""


class ReasonForm(forms.Form):
    reason = TextField(
        label="Why?",
        max_length=500,
        help_text="Name the decision and its document. The reason stays in the record beside your name.",
        error_messages={"required": "Say why, in a few words: the reason stays in the record."},
    )


class LiftForm(PasswordAgainForm, ReasonForm):
    """The reason, signed: with the password again. `cleaned_data` are arguments of `lifting.lift_signed`."""

    displayed_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    what_it_shows = "it is you who lifts the hold"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields[
            "password"
        ].help_text = "You sign that you have reviewed what this hold rests on, and lift it for the reason given."
