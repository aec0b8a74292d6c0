from django import forms

from studytracker.dates import FIRST_YEAR, LAST_YEAR
from studytracker.web.fields import DateField

from .planner import LONGEST_RANGE


class PlanForm(forms.Form):
    first = DateField(label="Look for a Day 0 from")
    last = DateField(label="To", help_text=f"At most {LONGEST_RANGE} days.")
    day0 = DateField(label="Or look at this Day 0", required=False, help_text="Leave it empty to see the best one.")

    def __init__(self, data=None, **kwargs):
        super().__init__(data, **kwargs)
        for field in self.fields.values():
            field.widget.is_required = False

    def clean(self):
        given = self.cleaned_data
        first, last = given.get("first"), given.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day is before the first. Give them in order.")
        elif first and last and (last - first).days > LONGEST_RANGE:
            self.add_error("last", f"That is more than {LONGEST_RANGE} days. Look at a shorter range.")
        for name, day in given.items():
            if day and not FIRST_YEAR < day.year < LAST_YEAR:
                self.add_error(name, f"Plan between {FIRST_YEAR + 1} and {LAST_YEAR - 1}.")
        return given
