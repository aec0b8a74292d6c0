from django import forms

from studytracker.access.grants import Permission
from studytracker.web.fields import DateField


class ApprovalForm(forms.Form):
    version = forms.ChoiceField(label="Protocol version")
    site = forms.ChoiceField(label="Site")
    approved_on = DateField(label="Approved by the site's IRB on")

    def __init__(self, *args, versions, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = [(version, version) for version in reversed(versions)]
        self.fields["site"].choices = [(code, code) for code in sorted(user.sites_where(Permission.APPROVE))]
