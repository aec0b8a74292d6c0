from decimal import Decimal

from django import forms

from studytracker.web.editing import CorrectionForm
from studytracker.web.fields import DateField, NumberField, TextField, TimeField


def time_at(site, instant):
    """What the clock of the site showed."""
    return instant and instant.astimezone(site.zone).time().replace(second=0, microsecond=0)


class ParticipantCorrectionForm(CorrectionForm):
    age = NumberField(label="Age in completed years at screening", at_least=0, at_most=120, example=41)
    sex = forms.ChoiceField()
    screened_on = DateField(label="Date of the screening visit")

    def __init__(self, *args, row, **kwargs):
        super().__init__(*args, row=row, **kwargs)
        self.fields["sex"].choices = row.protocol.choices("sex")


class ConsentCorrectionForm(CorrectionForm):
    SHOWS = {"signed_time": "signed_at"}

    form_version = forms.ChoiceField(label="Consent form version")
    signed_on = DateField(label="Consent signed on")
    signed_time = TimeField(label="Consent signed at", help_text="Site time, such as 09:30.")
    obtained_by = TextField(label="Consent obtained by (optional)", max_length=100, required=False)

    def __init__(self, *args, row, **kwargs):
        super().__init__(*args, row=row, **kwargs)
        participant = row.participant
        versions = {form.version for form in participant.protocol.consent_forms if participant.site_id in form.sites}
        offered = sorted({*versions, row.form_version}, reverse=True)
        self.fields["form_version"].choices = [(version, version) for version in offered]

    def value_of(self, row, name):
        if name == "signed_time":
            return time_at(row.participant.site, row.signed_at)
        return super().value_of(row, name)


class InfusionCorrectionForm(CorrectionForm):
    SHOWS = {"stop_time": "stopped_at"}

    stop_time = TimeField(label="End of the infusion", help_text="Site time. Past midnight it is the next day.")
    volume_ml = NumberField(
        label="Volume infused (mL)", at_least=Decimal("0.1"), at_most=Decimal(2000), places=1, example=80
    )

    def value_of(self, row, name):
        if name == "stop_time":
            return time_at(row.participant.site, row.stopped_at)
        return super().value_of(row, name)
