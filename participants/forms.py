from decimal import Decimal

from django import forms
from django.urls import reverse_lazy

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.web.fields import DateField, TimeField

from .eligibility import answers_for


def choices(vocabulary):
    return [("", "Choose…"), *vocabulary]


class ScreenForm(forms.Form):
    site = forms.ChoiceField()
    consent_version = forms.ChoiceField(label="Consent form version")
    consent_on = DateField(label="Consent signed on")
    consent_time = TimeField(label="Consent signed at", help_text="Site time, such as 09:30.")
    screened_on = DateField(label="Date of the screening visit")
    age = forms.IntegerField(label="Age in completed years at screening", min_value=0, max_value=120)
    sex = forms.ChoiceField()

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

    def __init__(self, *args, participant, assessment, **kwargs):
        super().__init__(*args, **kwargs)
        stored = participant.answers_by_part
        self.assessment = assessment
        self.rows = [
            (
                verdict,
                [(part, *self._add(verdict.criterion, part, stored.get(part.id))) for part in verdict.criterion.parts],
            )
            for verdict in assessment.verdicts
        ]

    def _add(self, criterion, part, stored):
        self.fields[part.id] = forms.ChoiceField(
            choices=answers_for(criterion, part),
            widget=forms.RadioSelect,
            required=False,
            initial=stored and stored.answer,
            label=f"{part.id} answer",
        )
        self.fields[f"{part.id}-evidence"] = forms.CharField(
            max_length=500,
            required=False,
            initial=stored and stored.evidence,
            label=f"{part.id} evidence and its source",
        )
        return self[part.id], self[f"{part.id}-evidence"]

    def clean(self):
        answers = {}
        for name, value in list(self.cleaned_data.items()):
            if name.endswith("-evidence"):
                continue
            evidence = self.cleaned_data.get(f"{name}-evidence", "")
            if value:
                answers[name] = (value, evidence)
            elif evidence:
                self.add_error(name, f"{name} has evidence but no answer. Choose an answer.")
        self.cleaned_data = {"answers": answers}
        return self.cleaned_data


class InfusionForm(forms.Form):
    infused_on = DateField(label="Date of the infusion (Day 0)")
    start_time = TimeField(label="Start of the infusion", help_text="Site time, such as 10:15.")
    weight_kg = forms.DecimalField(
        label="Body weight (kg)",
        min_value=Decimal(20),
        max_value=Decimal(300),
        max_digits=5,
        decimal_places=2,
    )
    lot = forms.CharField(label="Product lot", max_length=40)
    volume_ml = forms.DecimalField(
        label="Volume infused (mL)",
        min_value=Decimal("0.1"),
        max_value=Decimal(2000),
        max_digits=6,
        decimal_places=1,
    )

    def __init__(self, *args, participant, today, **kwargs):
        kwargs.setdefault("initial", {"infused_on": today})
        super().__init__(*args, **kwargs)
        self.fields["weight_kg"].widget.attrs |= {
            "hx-get": reverse_lazy("dose", args=[participant.identifier]),
            "hx-trigger": "input changed delay:300ms",
            "hx-target": "#dose",
            "hx-sync": "this:queue last",
        }


class Day0Form(forms.Form):
    infused_on = DateField(label="Corrected date of the infusion (Day 0)")
    start_time = TimeField(label="Corrected start of the infusion", help_text="Site time, such as 10:15.")
    reason = forms.CharField(
        label="Why is it corrected?", max_length=500, help_text="Name the source, such as the infusion record."
    )

    def __init__(self, *args, infusion, zone, **kwargs):
        started = infusion.started_at.astimezone(zone)
        kwargs.setdefault("initial", {"infused_on": infusion.infused_on, "start_time": started.time()})
        super().__init__(*args, **kwargs)


class ScreenFailureForm(forms.Form):
    failed_on = DateField(label="Date of the screen failure")
    reason = forms.CharField(label="Reason", max_length=500, help_text="Name the criteria, such as E2a.")


class WithdrawalForm(forms.Form):
    withdrawn_on = DateField(label="Left the study on")
    reason = forms.ChoiceField(label="Reason")
    note = forms.CharField(label="Note (optional)", max_length=500, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = choices(protocol.current().choices("withdrawal_reason"))
