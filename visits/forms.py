from django import forms

from studytracker import protocol
from studytracker.web.fields import DateField


def reasons(vocabulary):
    """Reasons are stored in the words of the protocol, so that they read the same for ever."""
    return [("", "Choose…"), *((label, label) for code, label in protocol.current().choices(vocabulary))]


class AttendanceForm(forms.Form):
    attended_on = DateField(label="Date of the visit")
    out_of_window_reason = forms.ChoiceField(
        label="Reason, if outside the window",
        required=False,
        help_text="Only needed for a day outside the window.",
    )

    def __init__(self, *args, echo_url, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["out_of_window_reason"].choices = reasons("out_of_window_reason")
        self.fields["attended_on"].widget.attrs |= {
            "hx-get": echo_url,
            "hx-trigger": "change, input changed delay:400ms",
            "hx-include": "closest fieldset",
            "hx-target": "#day-echo",
            # The last day typed wins, whichever answer comes first.
            "hx-swap": "textContent",
            "hx-sync": "closest fieldset:queue last",
        }


class MissedForm(forms.Form):
    reason = forms.ChoiceField(
        label="Why was the visit missed?", error_messages={"required": "Choose why the visit was missed."}
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = reasons("missed_reason")
