from decimal import Decimal

from django import forms

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.web.editing import Conflict, Field, ReasonField
from studytracker.web.fields import DateField, NumberField, TextField, TimeField

from .eligibility import answers_for


def choices(vocabulary):
    return [("", "Choose…"), *vocabulary]


class ScreenForm(forms.Form):
    site = forms.ChoiceField()
    consent_version = forms.ChoiceField(label="Consent form version")
    consent_on = DateField(label="Consent signed on")
    consent_time = TimeField(label="Consent signed at", help_text="Site time, such as 09:30.")
    obtained_by = TextField(label="Consent obtained by (optional)", max_length=100, required=False)
    screened_on = DateField(label="Date of the screening visit")
    age = NumberField(
        label="Age in completed years at screening",
        at_least=0,
        at_most=120,
        example=41,
        error_messages={"required": "Give the age in completed years."},
    )
    sex = forms.ChoiceField(error_messages={"required": "Choose the sex."})

    def __init__(self, *args, user, today, **kwargs):
        kwargs.setdefault("initial", {"screened_on": today, "consent_on": today})
        super().__init__(*args, **kwargs)
        rules = protocol.current()
        sites = sorted(user.sites_where(Permission.SCREEN))
        self.fields["site"].choices = [(code, rules.site(code).name) for code in sites]
        versions = {form.version for form in rules.consent_forms if set(form.sites) & set(sites)}
        self.fields["consent_version"].choices = [(version, version) for version in sorted(versions, reverse=True)]
        self.fields["sex"].choices = choices(rules.choices("sex"))


class CriteriaForm(forms.Form):
    """One answer and its evidence for each part of each criterion. Unanswered parts may stay open."""

    def __init__(self, *args, sheet, **kwargs):
        super().__init__(*args, **kwargs)
        self.sheet, self.assessment = sheet, sheet.assessment
        self.stored = {row.part.id: row.answer for row in sheet.rows if row.answer}
        if self.stored:
            self.fields["reason"] = ReasonField(label="Why are saved answers changed?", required=False)
        rows = {}
        for row in sheet.rows:
            rows.setdefault(row.criterion.id, []).append((row, *self._fields_of(row)))
        self.rows = [(verdict, rows[verdict.criterion.id]) for verdict in sheet.assessment.verdicts]

    def _fields_of(self, row):
        """(label of the computed answer or None, answer field, evidence field)."""
        if row.is_computed:
            return dict(answers_for(row.criterion, row.part)).get(row.finding.result, ""), None, None
        return None, *self._add(row.criterion, row.part, row.answer, row.proposal)

    def _add(self, criterion, part, stored, proposal):
        choices = answers_for(criterion, part)
        self.fields[part.id] = forms.ChoiceField(
            choices=[(code, f"{label} (proposed)" if code == proposal else label) for code, label in choices],
            widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
            required=False,
            initial=stored.answer if stored else "",
            label=f"{part.id} answer",
            show_hidden_initial=True,
        )
        label = f"{part.id} evidence and its source"
        self.fields[f"{part.id}-evidence"] = TextField(
            max_length=500,
            required=False,
            initial=stored.evidence if stored else "",
            show_hidden_initial=True,
            label=label,
            widget=forms.Textarea(attrs={"class": "form-control", "rows": 1, "aria-label": label}),
        )
        answer = self[part.id]
        answer.seen = answer.as_hidden(only_initial=True)
        return answer, self[f"{part.id}-evidence"]

    def clean(self):
        answers, reason = {}, self.cleaned_data.pop("reason", "")
        for name, value in list(self.cleaned_data.items()):
            if name.endswith("-evidence"):
                continue
            evidence = self.cleaned_data.get(f"{name}-evidence", "")
            if value:
                answers[name] = (value, evidence)
            elif evidence:
                self.add_error(name, f"{name} has evidence but no answer. Choose an answer.")
        self.cleaned_data = {"answers": answers, "was": {part: self._seen(part) for part in answers}}
        self.cleaned_data["reason"] = reason
        return self.cleaned_data

    def _seen(self, part):
        """What the page showed for this part when it was opened: it comes back in hidden boxes."""
        names = (part, f"{part}-evidence")
        return tuple(self.data.get(self[name].html_initial_name, self[name].initial) for name in names)

    def show_what_stands(self, parts):
        """From now on the person has seen the answers that stand, beside what they were and what was typed."""
        self.overtaken = Conflict([self._conflict(part) for part in parts], [])
        self.data = self.data.copy()
        for part in parts:
            for name in (part, f"{part}-evidence"):
                self.data[self[name].html_initial_name] = self[name].initial
            self[part].seen = self[part].as_hidden(only_initial=True)

    def _conflict(self, part):
        stands = self.stored[part]
        typed = (self.data.get(part, ""), self.data.get(f"{part}-evidence", ""))
        words = dict(self.fields[part].choices)
        sides = (self._seen(part), (stands.answer, stands.evidence), typed)
        told = [f"{words.get(answer, answer)}{f' ({evidence})' if evidence else ''}" for answer, evidence in sides]
        return Field(f"{part}, saved by {stands.answered_by}", *told)


class EnrollmentForm(forms.Form):
    enrolled_on = DateField(label="Eligibility confirmed on", required=False, help_text="Left empty: today.")


class InfusionForm(forms.Form):
    infused_on = DateField(label="Date of the infusion (Day 0)")
    start_time = TimeField(label="Start of the infusion", help_text="Site time, such as 10:15.")
    stop_time = TimeField(
        label="End of the infusion, if it has ended", required=False, help_text="With the volume infused; or later."
    )
    volume_ml = NumberField(
        label="Volume infused (mL), if it has ended",
        at_least=Decimal("0.1"),
        at_most=Decimal(2000),
        places=1,
        example=80,
        required=False,
    )

    def __init__(self, *args, today, **kwargs):
        kwargs.setdefault("initial", {"infused_on": today})
        super().__init__(*args, **kwargs)


class InfusionDespiteForm(InfusionForm):
    reason = ReasonField(label="Why was it given although a gate was closed?", help_text="Name the source.")
    impact = TextField(
        label="Impact on the participant and the data",
        max_length=1000,
        error_messages={"required": "Say what it means for the participant and the data, even if nothing."},
    )
    action = TextField(
        label="Corrective action", max_length=1000, error_messages={"required": "Say what was or will be done."}
    )


class Day0Form(forms.Form):
    infused_on = DateField(label="Corrected date of the infusion (Day 0)")
    start_time = TimeField(label="Corrected start of the infusion", help_text="Site time, such as 10:15.")
    reason = ReasonField(label="Why is it corrected?", help_text="Name the source, such as the infusion record.")

    def __init__(self, *args, infusion, zone, **kwargs):
        started = infusion.started_at.astimezone(zone)
        kwargs.setdefault("initial", {"infused_on": infusion.infused_on, "start_time": started.time()})
        super().__init__(*args, **kwargs)


class ScreenFailureForm(forms.Form):
    failed_on = DateField(label="Date of the screen failure")
    criteria = forms.MultipleChoiceField(
        label="Criteria that failed",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text="None where it failed for another reason, such as consent taken back.",
    )
    reason = TextField(
        label="Reason",
        max_length=500,
        help_text="Name the criteria, such as E2a.",
        error_messages={"required": "Give the reason of the screen failure."},
    )

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["criteria"].choices = [
            (each.id, f"{each.id} {each.parts[0].label if len(each.parts) == 1 else each.text}")
            for each in rules.criteria
            if each.answered
        ]


class ConsentForm(forms.Form):
    consent_version = forms.ChoiceField(label="Consent form version")
    consent_on = DateField(label="Consent signed on")
    consent_time = TimeField(label="Consent signed at", help_text="Site time, such as 09:30.")
    obtained_by = TextField(label="Consent obtained by (optional)", max_length=100, required=False)

    def __init__(self, *args, rules, site, **kwargs):
        super().__init__(*args, **kwargs)
        versions = sorted((form.version for form in rules.consent_forms if site in form.sites), reverse=True)
        self.fields["consent_version"].choices = [(version, version) for version in versions]


class ScreenAgainForm(ConsentForm):
    screened_on = DateField(label="Date of the new screening visit")
    age = NumberField(label="Age in completed years at that screening", at_least=0, at_most=120, example=41)


class WithdrawalForm(forms.Form):
    withdrawn_on = DateField(label="Left the study on")
    reason = forms.ChoiceField(label="Reason", error_messages={"required": "Choose the reason."})
    note = TextField(label="Note (optional)", max_length=500, required=False)

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = choices(rules.choices("withdrawal_reason"))
