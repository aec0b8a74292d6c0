from django import forms

from studytracker.web.fields import TextField


class MessageForm(forms.Form):
    text = TextField(
        label="In a few words",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It stays in the record beside your name.",
        error_messages={"required": "Write a few words: they stay in the record."},
    )

    def __init__(self, *args, label=None, **kwargs):
        super().__init__(*args, **kwargs)
        if label:
            self.fields["text"].label = label


class VerifyForm(forms.Form):
    """`seen` is the record's entry of the trail that the page showed."""

    columns = forms.MultipleChoiceField(
        error_messages={"required": "Tick the values that you compared with their source."},
        widget=forms.CheckboxSelectMultiple,
    )
    seen = forms.IntegerField(min_value=0, max_value=10**18, widget=forms.HiddenInput)

    def __init__(self, *args, record, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["columns"].choices = [(column, column) for column in record.due]
        self.fields["columns"].error_messages["invalid_choice"] = (
            "Choose among the values shown: one of these has no source, or is empty now."
        )
