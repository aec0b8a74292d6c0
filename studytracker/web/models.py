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
