from django.conf import settings
from django.db import models


class FormKey(models.Model):
    """A form that was saved, by the random key it carried: sending it again finds this row instead of saving twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=32)
    url = models.CharField(max_length=200, help_text="Where the result is.")
    used_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="form_key_once")]

    def __str__(self):
        return self.key


class Draft(models.Model):
    """What one person typed into one form and has not saved. Never a record: see drafts.py."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    form = models.CharField(max_length=200, help_text="The address of the form.")
    typed = models.TextField(help_text="JSON: each box by its name, with the list of its values.")
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "form"], name="draft_once_per_form")]

    def __str__(self):
        return f"{self.user}: {self.form}"
