from contextlib import suppress

from django import forms
from django.core.exceptions import ValidationError

from studytracker.dates import ImpossibleDate, ImpossibleTime, PartialDate, local_instant
from studytracker.protocol.safety import NONE_OF_THESE, NONE_OF_THESE_WORDS
from studytracker.web.fields import DateField, PartialDateField, TextField, TimeField

from .models import RELATED_TO, SERIOUSNESS, SPONSOR_SERIOUSNESS

YES_NO = (("", "Not yet answered"), ("yes", "Yes"), ("no", "No"))
ANSWERS = {"yes": True, "no": False}
LONGEST_PREFILL = 200


def choices(rules, vocabulary, empty):
    return [("", empty), *rules.choices(vocabulary)]


def answer_field(label, **kwargs):
    """Yes, no, or not answered: None."""
    return forms.TypedChoiceField(
        label=label, required=False, choices=YES_NO, coerce=ANSWERS.get, empty_value=None, **kwargs
    )


class TermInput(forms.TextInput):
    """A box with suggestions from the dictionary as one types; without JavaScript the name is typed."""

    template_name = "widgets/term.html"


class ReasonField(TextField):
    def __init__(self, **kwargs):
        super().__init__(
            label="Why?",
            max_length=500,
            help_text="The reason stays in the record beside your name.",
            error_messages={"required": "Say why, in a few words: the reason stays in the record."},
            **kwargs,
        )


class InstantMixin:
    """Boxes for a day and a time at the site, `name_on` and `name_time`, that give one instant, `name_at`."""

    zone = None

    def join_instant(self, name, cleaned):
        on, clock = cleaned.pop(f"{name}_on", None), cleaned.pop(f"{name}_time", None)
        if f"{name}_on" not in self.fields:
            return
        cleaned[f"{name}_at"] = None
        if (on is None) != (clock is None):
            if not self.errors.keys() & {f"{name}_on", f"{name}_time"}:
                self.add_error(f"{name}_time", "Give the day and the time, or neither.")
        elif on is not None:
            try:
                cleaned[f"{name}_at"] = local_instant(on, clock, self.zone)
            except ImpossibleTime as impossible:
                self.add_error(f"{name}_time", str(impossible))


class EventForm(InstantMixin, forms.Form):
    """Required are the term and some start; everything else may stay open and shows as open."""

    term = TextField(
        label="Reported term",
        error_messages={"required": "Give the reported term: the diagnosis, or what was observed."},
        max_length=200,
        help_text="The diagnosis if known, in the words reported. One event per form.",
    )
    dictionary_term = TextField(label="Dictionary term (CTCAE)", required=False, max_length=100, widget=TermInput)
    started = PartialDateField(label="Onset", help_text="What is known: leave the day, or day and month, unknown.")
    started_time = TimeField(label="Time of onset, at the site", required=False)
    is_ongoing = forms.BooleanField(label="Ongoing", required=False, initial=True)
    ended = PartialDateField(label="End", required=False, help_text="Only when it has ended. As far as known.")
    ended_time = TimeField(label="Time of the end, at the site", required=False)
    grade = forms.TypedChoiceField(
        label="CTCAE grade", required=False, coerce=int, empty_value=None, widget=forms.RadioSelect
    )
    is_fatal = forms.BooleanField(label=SERIOUSNESS[0][1], required=False)
    is_life_threatening = forms.BooleanField(label=SERIOUSNESS[1][1], required=False)
    is_hospitalization = forms.BooleanField(label=SERIOUSNESS[2][1], required=False)
    is_incapacity = forms.BooleanField(label=SERIOUSNESS[3][1], required=False)
    is_congenital_anomaly = forms.BooleanField(label=SERIOUSNESS[4][1], required=False)
    is_important_medical_event = forms.BooleanField(label=SERIOUSNESS[5][1], required=False)
    aware_on = DateField(
        label="Site aware since",
        required=False,
        help_text="When anybody at the site first knew of it, however late it is entered: clocks start there.",
    )
    aware_time = TimeField(label="Time, at the site", required=False)
    causality = forms.ChoiceField(label="Related to the cells (investigator)", required=False)
    is_suspected = answer_field(
        "Reasonable possibility that the cells caused it?",
        help_text="An answer of its own (21 CFR 312.64(b)); needed for every serious event.",
    )
    is_related_to_infusion = answer_field("")
    is_related_to_disease = answer_field("")
    is_related_to_medicine = answer_field("")
    is_related_to_other = answer_field("")
    related_to_text = TextField(label="What else is it related to?", required=False, max_length=200)
    nature = forms.ChoiceField(label="Disease activity or adverse event?", required=False)
    special_interest = forms.ChoiceField(label="Event of special interest", required=False)
    action_taken = forms.ChoiceField(label="Action taken with the infusion", required=False)
    is_treated = answer_field("Treatment given for it?")
    medication = forms.ModelChoiceField(
        label="Medicine given for it", queryset=None, required=False, empty_label="None, or not listed yet"
    )
    treatment = TextField(label="Other treatment", required=False, max_length=300)
    outcome = forms.ChoiceField(required=False)
    visit = forms.ModelChoiceField(
        label="Found at the visit", queryset=None, to_field_name="code", required=False, empty_label="At no visit"
    )
    note = TextField(label="Note", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    confirmed = forms.BooleanField(label="Yes, it is so. Keep it as it stands.", required=False)

    def __init__(self, *args, participant, **kwargs):
        """The protocol version the participant is under gives the terms that are offered, and no others."""
        super().__init__(*args, **kwargs)
        rules, self.zone = participant.protocol, participant.site.zone
        self.fields["grade"].choices = [(code, f"{code} {label}") for code, label in rules.choices("grade")]
        for name in ("causality", "action_taken", "outcome"):
            self.fields[name].choices = choices(rules, name, "Not yet answered")
        self.fields["nature"].choices = choices(rules, "event_nature", "Not yet answered")
        of_interest = choices(rules, "special_interest", "Not yet answered")
        self.fields["special_interest"].choices = [*of_interest, (NONE_OF_THESE, NONE_OF_THESE_WORDS)]
        self._ask_what_else(rules)
        self.fields["visit"].queryset = participant.visits.order_by("order", "code")
        self.fields["medication"].queryset = participant.medications.filter(voided_at=None)
        self.fields["medication"].label_from_instance = _medicine_in_words
        self.fields["visit"].label_from_instance = lambda visit: visit.code

    def _ask_what_else(self, rules):
        """Everything that the protocol says an event may be related to, each in its words."""
        labels = dict(rules.choices("related_to"))
        for name, code in RELATED_TO:
            if code in labels:
                self.fields[name].label = labels[code]
            else:
                del self.fields[name]

    def clean(self):
        cleaned = super().clean()
        self.join_instant("aware", cleaned)
        return cleaned

    def keep_only(self, names):
        """Offer only these fields, none of them required."""
        parts = {"aware_at": ("aware_on", "aware_time")}
        kept = {"confirmed", *(part for name in names for part in parts.get(name, (name,)))}
        for name in set(self.fields) - kept:
            del self.fields[name]
        for field in self.fields.values():
            field.required = False

    @property
    def asks(self):
        """Whether something was asked that has to be confirmed."""
        return "confirmed" in self.errors or (self.is_bound and self["confirmed"].value())

    def fields_of(self, *names):
        return [self[name] for name in names if name in self.fields]

    @property
    def what_and_when(self):
        when = ("started", "started_time", "is_ongoing", "ended", "ended_time", "visit")
        return self.fields_of("term", "dictionary_term", *when)

    @property
    def seriousness(self):
        return self.fields_of(*(field for field, label in SERIOUSNESS))

    @property
    def awareness(self):
        return self.fields_of("aware_on", "aware_time")

    @property
    def causes(self):
        return self.fields_of("causality", "is_suspected")

    @property
    def other_causes(self):
        return self.fields_of(*(field for field, _ in RELATED_TO), "related_to_text")

    @property
    def judgement(self):
        treated = ("action_taken", "is_treated", "medication", "treatment")
        return self.fields_of("nature", "special_interest", *treated, "outcome", "note")


class CorrectionForm(EventForm):
    """The whole event as it stands, with a reason for what is replaced."""

    reason = ReasonField(required=False)


class CourseForm(forms.Form):
    grade = forms.TypedChoiceField(
        label="CTCAE grade",
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the grade."},
    )
    since = PartialDateField(label="Since", help_text="From when it had this grade, as far as known.")
    reason = TextField(label="Remark", required=False, max_length=500)

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["grade"].choices = [(code, f"{code} {label}") for code, label in rules.choices("grade")]


class SponsorForm(InstantMixin, forms.Form):
    """What the sponsor answers, beside the investigator and overwriting nothing (21 CFR 312.32)."""

    sponsor_received_on = DateField(label="Received by the sponsor", required=False)
    sponsor_received_time = TimeField(label="Time, at the site", required=False)
    sponsor_causality = forms.ChoiceField(label="Related to the cells (sponsor)", required=False)
    sponsor_is_suspected = answer_field("Reasonable possibility that the cells caused it?")
    expectedness = forms.ChoiceField(label="Expected?", required=False)
    expectedness_reference = TextField(
        label="By what",
        required=False,
        max_length=200,
        help_text="Such as the Investigator's Brochure and its version.",
    )
    reason = ReasonField(required=False)

    def __init__(self, *args, participant, **kwargs):
        super().__init__(*args, **kwargs)
        rules, self.zone = participant.protocol, participant.site.zone
        self.fields["sponsor_causality"].choices = choices(rules, "causality", "Not yet answered")
        self.fields["expectedness"].choices = choices(rules, "expectedness", "Not yet answered")
        for name, label in SPONSOR_SERIOUSNESS:
            self.fields[name] = forms.BooleanField(label=label, required=False)

    def clean(self):
        cleaned = super().clean()
        self.join_instant("sponsor_received", cleaned)
        return cleaned

    @property
    def seriousness(self):
        return [self[name] for name, label in SPONSOR_SERIOUSNESS]

    @property
    def receipt(self):
        return [self["sponsor_received_on"], self["sponsor_received_time"]]

    @property
    def judgement(self):
        names = ("sponsor_causality", "sponsor_is_suspected", "expectedness", "expectedness_reference", "reason")
        return [self[name] for name in names]


class VoidForm(forms.Form):
    reason = ReasonField()


def _medicine_in_words(medicine):
    return f"{medicine.drug}, from {medicine.started}" if medicine.started else medicine.drug


def in_boxes(event, names):
    """What the form shows of an event: instants as the day and the time at the site, answers as their codes."""
    shown = {}
    for name in names:
        value = getattr(event, name)
        if name.endswith("_at"):
            local = value and value.astimezone(event.participant.site.zone)
            stem = name.removesuffix("_at")
            shown |= {f"{stem}_on": local and local.date(), f"{stem}_time": local and local.time()}
        elif name in ("is_suspected", "is_treated", "sponsor_is_suspected", *dict(RELATED_TO)):
            shown[name] = {True: "yes", False: "no"}.get(value, "")
        elif name == "visit":
            shown[name] = value and value.code
        else:
            shown[name] = value
    return shown


def prefill(given):
    """What an address may bring along, as `?term=Chills&start=2025-06-14&time=10:31&visit=D0`; the rest is ignored.

    A time is taken with a whole day only: without one the form would refuse it.
    """
    usable = {key: text for key, text in given.items() if text.isprintable() and len(text) <= LONGEST_PREFILL}
    initial = {name: usable[name] for name in ("term", "visit") if name in usable}
    with suppress(KeyError, ImpossibleDate):
        initial["started"] = PartialDate.parse(usable["start"])
    if "started" in initial and initial["started"].is_full:
        with suppress(ValidationError):
            initial["started_time"] = TimeField(required=False).clean(usable.get("time"))
    return initial
