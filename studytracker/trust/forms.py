from datetime import datetime

from django import forms
from django.utils import timezone

from studytracker.dates import ImpossibleTime, local_instant
from studytracker.web.fields import DateField, NumberField, TimeField

from .as_of import point_at, point_when


class PastForm(forms.Form):
    """An entry of the trail, or a day and a time at the reader's site. Gives `point`."""

    entry = NumberField(
        label="Entry of the audit trail", required=False, at_least=1, at_most=999_999_999, example=1200
    )
    day = DateField(label="or the day", required=False)
    clock_time = TimeField(label="and the time, at your site", required=False, help_text="Left empty: the day's end.")

    def clean(self):
        given = super().clean()
        if self.errors:
            return given
        if given.get("entry"):
            given["point"] = point_at(given["entry"])
        elif given.get("day"):
            given["point"] = point_when(self._instant(given["day"], given.get("clock_time")))
        else:
            raise forms.ValidationError("Give an entry of the trail, or a day.")
        if given["point"] is None:
            raise forms.ValidationError("The audit trail begins later: there is nothing to show as of then.")
        return given

    def _instant(self, day, clock_time) -> datetime:
        try:
            return local_instant(day, clock_time or datetime.max.time(), timezone.get_current_timezone())
        except ImpossibleTime as impossible:
            raise forms.ValidationError(str(impossible)) from None
