from django import forms

from studytracker.access.grants import Permission
from studytracker.web.fields import TextField

from .datasets import all_datasets
from .formats import WRITERS
from .privacy import ABOUT, Level
from .registry.tables import ASSESSMENTS, HIGHEST_THRESHOLD, default_time_frame


class OdmForm(forms.Form):
    file = forms.FileField(
        label="ODM snapshot",
        help_text="An XML file. It is compared with the record here; nothing is changed.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )


class ExportForm(forms.Form):
    datasets = forms.MultipleChoiceField(
        label="What",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one of them."},
    )
    sites = forms.MultipleChoiceField(
        label="Sites",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one site."},
    )
    as_of = forms.IntegerField(
        label="As of audit entry",
        required=False,
        min_value=1,
        max_value=2**62,
        help_text="Empty: the record as it is. A number: as it stood after that entry of the audit trail.",
    )
    format = forms.ChoiceField(widget=forms.RadioSelect, error_messages={"required": "Choose a format."})
    level = forms.ChoiceField(
        label="Privacy", widget=forms.RadioSelect, error_messages={"required": "Choose a privacy."}
    )
    threshold = forms.DecimalField(
        label="Frequency threshold in percent",
        required=False,
        min_value=0,
        max_value=HIGHEST_THRESHOLD,
        decimal_places=1,
        help_text="Only for ClinicalTrials.gov. Other events of more participants than this are told. One of six is "
        "16.7, so 0 and 5 tell the same.",
    )
    assessment_type = forms.ChoiceField(
        label="How events were asked for",
        required=False,
        choices=[(each, each) for each in ASSESSMENTS],
        help_text="Only for ClinicalTrials.gov.",
    )
    time_frame = TextField(
        max_length=500,
        required=False,
        help_text="Only for ClinicalTrials.gov. Events that began before the infusion are not counted.",
    )
    purpose = TextField(
        max_length=200,
        help_text="Who gets it and what for. It stands in the package and in the audit trail.",
        error_messages={"required": "Say what the export is for."},
    )
    reason = TextField(
        label="Reason for exporting as recorded", max_length=500, required=False, help_text="Only for “As recorded”."
    )

    def __init__(self, *args, user, **kwargs):
        sites = sorted(user.sites_where(Permission.EXPORT))
        offered = {name: each for name, each in all_datasets().items() if user.can_somewhere(each.needs)}
        initial = {"datasets": list(offered), "sites": sites, "format": "csv", "level": Level.STUDY_DAY}
        initial |= {"threshold": 0, "assessment_type": ASSESSMENTS[0], "time_frame": default_time_frame()}
        super().__init__(*args, **{"initial": initial, **kwargs})
        self.fields["datasets"].choices = [(name, each.title) for name, each in offered.items()]
        self.fields["sites"].choices = [(code, code) for code in sites]
        self.fields["format"].choices = [(name, writer.label) for name, writer in WRITERS.items()]
        self.fields["level"].choices = [
            (level.value, f"{level.label}. {ABOUT[level]}")
            for level in Level
            if level != Level.IDENTIFIED or user.can_somewhere(Permission.EXPORT_IDENTIFIED)
        ]

    @staticmethod
    def options(given: dict) -> dict:
        """Takes the answers for one format out of the others."""
        return {name: given.pop(name) for name in ("threshold", "assessment_type", "time_frame")}
