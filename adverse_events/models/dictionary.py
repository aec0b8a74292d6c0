"""The terms events are coded with: NCI's CTCAE, loaded by the deployment from the workbook it brings itself."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

GRADES = (1, 2, 3, 4, 5)


class DictionaryTermQuerySet(models.QuerySet):
    def in_use(self, version):
        """The terms of a version that its latest workbook still has."""
        return self.filter(version=version, withdrawn_at=None)


class DictionaryTerm(models.Model):
    """One CTCAE term of one version, with the grades it has. Loading another version never touches this one."""

    version = models.CharField("CTCAE version", max_length=10)
    name = models.CharField("term", max_length=100)
    body_system = models.CharField("system organ class", max_length=100)
    grade_1 = models.TextField(blank=True)
    grade_2 = models.TextField(blank=True)
    grade_3 = models.TextField(blank=True)
    grade_4 = models.TextField(blank=True)
    grade_5 = models.TextField(blank=True)
    definition = models.TextField(blank=True)
    note = models.TextField("navigational note", blank=True)
    loaded_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField("no longer in the workbook since", null=True, blank=True)

    objects = DictionaryTermQuerySet.as_manager()

    class Meta:
        ordering = ["version", "name"]
        constraints = [
            models.UniqueConstraint("version", Lower("name"), name="dictionary_term_once"),
            models.CheckConstraint(
                condition=~Q(name=""), name="dictionary_term_named", violation_error_message="A term needs its name."
            ),
        ]

    def __str__(self):
        return f"{self.name} (CTCAE {self.version})"

    @property
    def grades(self):
        """Not a range: Acidosis of 5.0 has 1, 3, 4 and 5."""
        return tuple(grade for grade in GRADES if getattr(self, f"grade_{grade}"))

    @property
    def grade_texts(self):
        return [(grade, getattr(self, f"grade_{grade}")) for grade in self.grades]


class MeddraCode(models.Model):
    """A MedDRA code of a term: licensed content (ICH), empty until a site loads it under its own licence."""

    term = models.OneToOneField(DictionaryTerm, models.PROTECT, related_name="meddra")
    code = models.PositiveIntegerField()

    class Meta:
        ordering = ["term"]
        constraints = [
            models.CheckConstraint(
                condition=Q(code__gt=0), name="meddra_code_positive", violation_error_message="A code is a number."
            )
        ]

    def __str__(self):
        return f"{self.term} {self.code}"
