from django import forms

from studytracker.web.fields import PartialDateField, TextField

from .models import SERIOUSNESS


def choices(rules, vocabulary, empty):
    return [("", empty), *rules.choices(vocabulary)]


class EventForm(forms.Form):
    """Required are the term and some start; everything else may stay open and shows as open."""

    term = TextField(
        label="Reported term",
        error_messages={"required": "Give the reported term: the diagnosis, or what was observed."},
        max_length=200,
        help_text="The diagnosis if known, in the words reported. One event per form.",
    )
    started = PartialDateField(label="Onset", help_text="What is known: leave the day, or day and month, unknown.")
    is_ongoing = forms.BooleanField(label="Ongoing", required=False, initial=True)
    ended = PartialDateField(label="End", required=False, help_text="Only when it has ended. As far as known.")
    grade = forms.TypedChoiceField(
        label="CTCAE grade", required=False, coerce=int, empty_value=None, widget=forms.RadioSelect
    )
    is_fatal = forms.BooleanField(label=SERIOUSNESS[0][1], required=False)
    is_life_threatening = forms.BooleanField(label=SERIOUSNESS[1][1], required=False)
    is_hospitalization = forms.BooleanField(label=SERIOUSNESS[2][1], required=False)
    is_incapacity = forms.BooleanField(label=SERIOUSNESS[3][1], required=False)
    is_congenital_anomaly = forms.BooleanField(label=SERIOUSNESS[4][1], required=False)
    is_important_medical_event = forms.BooleanField(label=SERIOUSNESS[5][1], required=False)
    causality = forms.ChoiceField(label="Related to the cells (investigator)", required=False)
    action_taken = forms.ChoiceField(label="Action taken with the infusion", required=False)
    outcome = forms.ChoiceField(required=False)
    note = TextField(label="Note", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args, rules, **kwargs):
        """`rules` is the protocol version the participant is under: its terms are offered, and no others."""
        super().__init__(*args, **kwargs)
        self.fields["grade"].choices = [(code, f"{code} {label}") for code, label in rules.choices("grade")]
        for name in ("causality", "action_taken", "outcome"):
            self.fields[name].choices = choices(rules, name, "Not yet answered")

    def keep_only(self, names):
        """Offer only these fields, none of them required."""
        for name in set(self.fields) - set(names):
            del self.fields[name]
        for field in self.fields.values():
            field.required = False

    def fields_of(self, *names):
        return [self[name] for name in names]

    @property
    def what_and_when(self):
        return self.fields_of("term", "started", "is_ongoing", "ended")

    @property
    def seriousness(self):
        return self.fields_of(*(field for field, label in SERIOUSNESS))

    @property
    def judgement(self):
        return self.fields_of("causality", "action_taken", "outcome", "note")


class VoidForm(forms.Form):
    reason = TextField(
        label="Why?",
        max_length=500,
        help_text="The reason stays in the record beside your name.",
        error_messages={"required": "Say why, in a few words: the reason stays in the record."},
    )
