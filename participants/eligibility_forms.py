from django import forms

from studytracker.web.fields import DateField


class WhatIfForm(forms.Form):
    baseline = DateField(label="What if Baseline were on")
