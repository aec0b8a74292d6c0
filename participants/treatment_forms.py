from decimal import Decimal

from django import forms
from django.urls import reverse_lazy

from studytracker import protocol
from studytracker.access.forms import PasswordAgainForm
from studytracker.access.grants import Permission
from studytracker.dates import ImpossibleTime, local_instant
from studytracker.protocol.models import Site
from studytracker.web.fields import DateField, NumberField, TextField, TimeField

from .models import CustodyEvent, ProductLot
from .vitals import weight_on

MILLION = 1_000_000


class InstantsMixin:
    """A date and a time of the site, in two fields, become one instant."""

    def instant(self, zone, on_field, time_field):
        on, clock = self.cleaned_data.pop(on_field, None), self.cleaned_data.pop(time_field, None)
        if on is None or clock is None:
            return None
        try:
            return local_instant(on, clock, zone)
        except ImpossibleTime as error:
            self.add_error(time_field, str(error))
            return None


class LotForm(InstantsMixin, forms.Form):
    site = forms.ChoiceField()
    number = TextField(label="Lot", max_length=40)
    donor_lot = TextField(label="Donor lot", max_length=40)
    collected_on = DateField(label="Collected from the donor on")
    tested_on = DateField(label="Donor tested on")
    cells_per_unit = NumberField(
        label="Cells in each unit (millions)", at_least=1, at_most=100_000, places=2, example=120
    )
    viability_percent = NumberField(
        label="Viable cells (%)", at_least=Decimal(1), at_most=Decimal(100), places=2, example=92
    )
    volume_ml = NumberField(
        label="Volume of each unit (mL)", at_least=Decimal("0.1"), at_most=Decimal(2000), places=1, example=50
    )
    units = NumberField(label="Units received", at_least=1, at_most=1000, example=2)
    received_on = DateField(label="Received on")
    received_time = TimeField(label="Received at", help_text="Site time, such as 09:30.")
    expires_on = DateField(label="Expires on")
    expires_time = TimeField(label="Expires at", help_text="Site time. Where only a date is given: 23:59.")
    note = TextField(label="Condition on arrival, shipper (optional)", max_length=500, required=False)

    def __init__(self, *args, user, today, **kwargs):
        kwargs.setdefault("initial", {"received_on": today, "expires_time": "23:59"})
        super().__init__(*args, **kwargs)
        sites = sorted(user.sites_where(Permission.HANDLE_PRODUCT))
        self.fields["site"].choices = [(code, code) for code in sites]
        for code, label in protocol.current().choices("donor_test"):
            self.fields[f"test_{code}"] = forms.ChoiceField(
                label=label,
                choices=[("negative", "Negative"), ("positive", "Positive"), ("", "Not recorded")],
                widget=forms.RadioSelect,
                required=False,
            )

    def clean(self):
        given = self.cleaned_data
        tested_on = given.pop("tested_on", None)
        results = {name[5:]: given.pop(name) for name in list(given) if name.startswith("test_")}
        given["donor_tests"] = {code: (result == "negative", tested_on) for code, result in results.items() if result}
        if "site" in given:
            given["site"] = Site.objects.get(pk=given["site"])
            given["received_at"] = self.instant(given["site"].zone, "received_on", "received_time")
            given["expires_at"] = self.instant(given["site"].zone, "expires_on", "expires_time")
        if "cells_per_unit" in given:
            given["cells_per_unit"] = int(given["cells_per_unit"] * MILLION)
        return given


class CustodyForm(InstantsMixin, forms.Form):
    kind = forms.ChoiceField(label="What was done", error_messages={"required": "Choose what was done."})
    units = NumberField(label="Units", at_least=1, at_most=1000, example=1)
    happened_on = DateField(label="On")
    happened_time = TimeField(label="At", help_text="Site time, such as 09:30.")
    note = TextField(label="Note (optional)", max_length=500, required=False, help_text="Freezer, shipper or reason.")

    def __init__(self, *args, site, today, **kwargs):
        kwargs.setdefault("initial", {"happened_on": today})
        super().__init__(*args, **kwargs)
        self.site = site
        kinds = CustodyEvent.Kind
        offered = (kinds.STORED, kinds.THAWED, kinds.WASTED, kinds.RETURNED, kinds.DESTROYED)
        self.fields["kind"].choices = [("", "Choose…"), *((kind.value, kind.label) for kind in offered)]

    def clean(self):
        self.cleaned_data["happened_at"] = self.instant(self.site.zone, "happened_on", "happened_time")
        return self.cleaned_data


class ReleaseForm(forms.Form):
    """Nothing to fill in: what is checked is shown, and the button says it."""


class DoseForm(InstantsMixin, forms.Form):
    lot = forms.ModelChoiceField(
        ProductLot.objects.none(),
        label="Lot",
        empty_label="Choose…",
        error_messages={"required": "Choose the lot."},
    )
    units = NumberField(label="Units thawed", at_least=1, at_most=20, example=1, initial=1)
    thawed_on = DateField(label="Thawed on")
    thawed_time = TimeField(label="Thawed at", help_text="Site time, such as 08:50.")
    weight_kg = NumberField(
        label="Body weight (kg)",
        at_least=Decimal(20),
        at_most=Decimal(300),
        places=2,
        example=72.4,
        error_messages={"required": "Give the body weight on the day of the infusion, in kg."},
    )
    weighed_on = DateField(label="Weighed on")
    cells_per_ml = NumberField(
        label="Cells counted after thawing (millions per mL)",
        at_least=Decimal("0.001"),
        at_most=Decimal(1000),
        places=3,
        example=1.25,
    )
    viability_percent = NumberField(
        label="Viable cells counted (%)", at_least=Decimal(1), at_most=Decimal(100), places=2, example=90.5
    )

    def __init__(self, *args, participant, today, at, **kwargs):
        weight = weight_on(participant, today)
        start = {"thawed_on": today, "weighed_on": weight.measured_on if weight else today, "units": 1}
        if weight:
            start["weight_kg"] = round(weight.standard_value, 2)
        kwargs.setdefault("initial", start)
        super().__init__(*args, **kwargs)
        self.zone = participant.site.zone
        self.fields["lot"].queryset = ProductLot.objects.filter(site=participant.site_id).released(at)
        for name in ("weight_kg", "cells_per_ml", "viability_percent"):
            self.fields[name].widget.attrs |= {
                "hx-get": reverse_lazy("dose", args=[participant.identifier]),
                "hx-include": "closest form",
                "hx-trigger": "input changed delay:300ms",
                "hx-target": "#dose",
                "hx-swap": "textContent",
                "hx-sync": "closest form:queue last",
            }

    def clean(self):
        self.cleaned_data["thawed_at"] = self.instant(self.zone, "thawed_on", "thawed_time")
        if "cells_per_ml" in self.cleaned_data:
            self.cleaned_data["cells_per_ml"] = int(self.cleaned_data["cells_per_ml"] * MILLION)
        return self.cleaned_data


class CheckForm(PasswordAgainForm):
    """The second person gives the own password again."""

    what_it_shows = "it is you who checks"


class StopForm(forms.Form):
    stop_time = TimeField(label="End of the infusion", help_text="Site time. Past midnight it is the next day.")
    volume_ml = NumberField(
        label="Volume infused (mL)",
        at_least=Decimal("0.1"),
        at_most=Decimal(2000),
        places=1,
        example=80,
        error_messages={"required": "Give the volume infused, in mL."},
    )


class InterruptForm(forms.Form):
    began_time = TimeField(label="Interrupted at", help_text="Site time.")
    reason = TextField(
        label="Why?", max_length=500, error_messages={"required": "Say why the infusion was interrupted."}
    )


class ResumeForm(forms.Form):
    resumed_time = TimeField(label="Resumed at", help_text="Site time.")


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(label="Decision", error_messages={"required": "Choose the decision."})
    decided_on = DateField(label="Decided on")
    cut_off_on = DateField(label="Data cut-off")
    document = TextField(
        label="Document",
        max_length=200,
        help_text="The board's letter: its title, date and place on file.",
        error_messages={"required": "Name the board's document."},
    )
    on_available_data = TextField(
        label="If the board did not wait for the visits or the days: why?",
        max_length=500,
        required=False,
        help_text="Only where the decision says so. It opens the gate without them.",
    )

    def __init__(self, *args, today, **kwargs):
        kwargs.setdefault("initial", {"decided_on": today, "cut_off_on": today})
        super().__init__(*args, **kwargs)
        self.fields["decision"].choices = [("", "Choose…"), *protocol.current().choices("dsmb_decision")]
