from functools import partial

from django import forms
from django.forms.utils import ErrorDict

from studytracker import protocol
from studytracker.web.fields import DateField, TextField, TimeField

from .value_forms import ValuesForm

DONE, NOT_DONE = "done", "not_done"


def reasons(vocabulary):
    """Reasons are stored in the words of the protocol, so that they read the same for ever."""
    return [("", "Choose…"), *((label, label) for code, label in protocol.current().choices(vocabulary))]


def text_box(what="reason"):
    return TextField(
        label=f"If another {what}: which?", required=False, max_length=200, help_text="Needed where “Other” is chosen."
    )


def in_full(form, vocabulary, name, text_name):
    """The chosen words, with the text that words such as “Other” need; an error on the form where it is missing."""
    chosen, text = form.cleaned_data.get(name, ""), form.cleaned_data.get(text_name, "")
    needing = {term.label for term in protocol.current().terms(vocabulary) if term.needs_text}
    if chosen in needing and not text:
        form.add_error(text_name, f"“{chosen}” needs a few words: say what it was.")
    return f"{chosen}: {text}" if chosen in needing and text else chosen


class ProceduresForm(ValuesForm):
    """Each procedure done, or not done with its reason. Nothing is ticked until a person ticks it."""

    rest_reason = forms.ChoiceField(
        label="All not marked above were not done, because",
        required=False,
        help_text="For a visit by phone or at the laboratory. Leave it empty when each is marked.",
    )

    other_reason = text_box()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        procedures = self.procedures
        why = reasons("procedure_not_done_reason")
        self.fields["rest_reason"].choices = why
        for procedure in procedures:
            self.fields[f"procedure-{procedure.code}"] = forms.ChoiceField(
                label=procedure.name,
                choices=[(DONE, "Done"), (NOT_DONE, "Not done")],
                widget=forms.RadioSelect({"class": "form-check-input"}),
                required=False,
            )
            self.fields[f"reason-{procedure.code}"] = forms.ChoiceField(
                label=f"{procedure.name}: reason not done",
                choices=why,
                widget=forms.Select({"class": "form-select"}),
                required=False,
            )

    @property
    def rows(self):
        """(procedure, its answer, its reason, whether the answer is still wanted, its values, its finding)."""
        for procedure in self.procedures:
            answer = self[f"procedure-{procedure.code}"]
            wanted = self.is_bound and bool(self.errors) and not answer.value()
            values, finding = list(self.values_of(procedure)), self.finding_of(procedure)
            yield procedure, answer, self[f"reason-{procedure.code}"], wanted, values, finding

    def clean(self):
        given = self.cleaned_data
        measured = self.pop_measured(given)
        words = partial(in_full, self, "procedure_not_done_reason", text_name="other_reason")
        rest, answers = words("rest_reason"), {}
        for procedure in self.procedures:
            reason = words(f"reason-{procedure.code}")
            answer, _ = (given.pop(f"{part}-{procedure.code}", "") for part in ("procedure", "reason"))
            if answer == NOT_DONE and not (reason or rest):
                self.add_error(f"reason-{procedure.code}", f"{procedure.name}: choose why it was not done.")
            elif answer == DONE and reason:
                self.add_error(f"reason-{procedure.code}", f"{procedure.name}: is it done, or is there a reason?")
            elif answer or reason or rest:
                answers[procedure.code] = "" if answer == DONE else reason or rest
        for name in ("rest_reason", "other_reason"):
            given.pop(name, None)
        given["procedures"], given["measured"] = answers, measured
        return given

    @staticmethod
    def with_all_done(data, procedures):
        """What was typed, with every unanswered procedure marked done: the button's work without JavaScript."""
        data = data.copy()
        for procedure in procedures:
            data.setdefault(f"procedure-{procedure.code}", DONE)
        return data

    def unjudged(self):
        """Show what was typed, and say nothing about it yet."""
        self._errors = ErrorDict()
        return self


class DayForm(ProceduresForm):
    """The day of a visit, how it took place, and what was done."""

    attended_on = DateField(label="Date of the visit")
    late_entry_reason = forms.CharField(label="Reason, if logged late", required=False, max_length=500)
    visit_type = forms.ChoiceField(label="How it took place", widget=forms.RadioSelect)
    note = forms.CharField(
        label="Note (optional)", required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rules = protocol.current()
        types = rules.choices("visit_type")
        self.fields["visit_type"].choices = types
        self.fields["visit_type"].initial = types[0][0]
        self.fields[
            "late_entry_reason"
        ].help_text = (
            f"Only needed more than {rules.visit_log.late_entry_business_days} business days after the visit."
        )


class AttendanceForm(DayForm):
    out_of_window_reason = forms.ChoiceField(
        label="Reason, if outside the window",
        required=False,
        help_text="Only needed for a day outside the window.",
    )
    out_of_window_other = text_box()

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

    def clean(self):
        given = super().clean()
        given["out_of_window_reason"] = in_full(
            self, "out_of_window_reason", "out_of_window_reason", "out_of_window_other"
        )
        given.pop("out_of_window_other", None)
        return given


class UnplannedForm(DayForm):
    note = forms.CharField(
        label="Why did the visit take place?", max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


class MissedForm(forms.Form):
    reason = forms.ChoiceField(
        label="Why was the visit missed?", error_messages={"required": "Choose why the visit was missed."}
    )
    other = text_box()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = reasons("missed_reason")

    def clean(self):
        return {"reason": in_full(self, "missed_reason", "reason", "other")}


class ContactForm(forms.Form):
    tried_on = DateField(label="Date of the attempt")
    means = forms.ChoiceField(label="How", error_messages={"required": "Choose how it was tried."})
    other = text_box("way")
    outcome = TextField(label="What came of it", max_length=500)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["means"].choices = reasons("contact_means")

    def clean(self):
        given = self.cleaned_data
        given["means"] = in_full(self, "contact_means", "means", "other")
        given.pop("other", None)
        return given


class SeenBookingForm(forms.Form):
    """Carries the booking that was in force when the form was opened, so that no other is moved or cancelled."""

    instead_of = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=10**15)


class BookingForm(SeenBookingForm):
    on = DateField(label="Date of the appointment")
    start_time = TimeField(label="Time", help_text="Site time, such as 09:30.")


class CancelForm(SeenBookingForm):
    reason = forms.CharField(label="Why is the appointment cancelled?", max_length=500)
