from django import forms

from participants.sledai import record_sledai

PRESENT, ABSENT = "present", "absent"


class SledaiForm(forms.Form):
    """One answer for each descriptor. An unanswered one leaves the total open; it does not count as absent."""

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        self.rules = rules
        for item in rules.items:
            self.fields[item.code] = forms.ChoiceField(
                label=item.label,
                choices=[(PRESENT, "Present, from lupus"), (ABSENT, "Absent")],
                widget=forms.RadioSelect({"class": "form-check-input"}),
                required=False,
            )

    def rows(self):
        return [(item, self[item.code]) for item in self.rules.items]

    def clean(self):
        answers = {code: answer == PRESENT for code, answer in self.cleaned_data.items() if answer}
        if not answers and not self.errors:
            self.add_error(None, "Answer at least one descriptor.")
        return {"present": answers}


def record_for(*, visit, present, by, at):
    """The score of an attended visit, on its day."""
    facts = {"participant": visit.participant, "assessed_on": visit.attended_on, "visit_code": visit.code}
    return record_sledai(present=present, by=by, at=at, **facts)
