"""A model field for dates that may be known only to the month or the year."""

import datetime

from django.core.exceptions import ValidationError
from django.db import models

from studytracker.dates import ImpossibleDate, PartialDate

from .fields import PartialDateField


class PartialDateModelField(models.CharField):
    """Stores the ISO 8601 text to the precision known: '2025', '2025-06' or '2025-06-14'. Gives PartialDate.

    Comparing and ordering the text is comparing the dates, with a year before its months and a month before
    its days, so filter(onset__gte="2025-06") and order_by("onset") work in SQL. Empty and NULL are both None.
    """

    description = "A date known to the day, the month or the year"

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_length", 10)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value, expression, connection):
        return PartialDate.parse(value) if value else None

    def to_python(self, value):
        if value in self.empty_values or isinstance(value, PartialDate):
            return value or None
        if isinstance(value, datetime.date):
            return PartialDate.of(value)
        try:
            return PartialDate.parse(str(value))
        except ImpossibleDate as impossible:
            raise ValidationError(str(impossible), code="invalid") from impossible

    def get_prep_value(self, value):
        if isinstance(value, PartialDate):
            return value.iso
        if isinstance(value, datetime.date):
            return value.isoformat()
        if value is None and not self.null:
            return ""
        return super(models.CharField, self).get_prep_value(value)

    def get_db_prep_save(self, value, connection):
        """Text is read before it is stored, so that nothing but a date gets in past the forms."""
        if not hasattr(value, "as_sql"):
            value = self.to_python(value)
        return super().get_db_prep_save(value, connection)

    def run_validators(self, value):
        super().run_validators(value.iso if isinstance(value, PartialDate) else value)

    def value_to_string(self, obj):
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def formfield(self, **kwargs):
        # Not CharField's: it would hand on a length and an empty text.
        return super(models.CharField, self).formfield(**{"form_class": PartialDateField, **kwargs})
