"""How an event is judged: six criteria of seriousness, causality and expectedness, by investigator and by sponsor.

Nothing here follows from the grade, and neither judge overwrites the other.
"""

from django.db import models
from django.db.models import Case, Q, Value, When

# 21 CFR 312.32(a), ICH E2A. One column each and for each judge: several may hold at once.
SERIOUSNESS = (
    ("is_fatal", "Results in death"),
    ("is_life_threatening", "Life-threatening"),
    ("is_hospitalization", "Inpatient hospitalization or prolongation of it"),
    ("is_incapacity", "Persistent or significant incapacity or disruption of normal life"),
    ("is_congenital_anomaly", "Congenital anomaly or birth defect"),
    ("is_important_medical_event", "Other important medical event"),
)
# What else the event may be related to: the field, and its code in the protocol's vocabulary. Each is answered for
# itself; the cells have their own scale, the causality.
RELATED_TO = (
    ("is_related_to_infusion", "infusion"),
    ("is_related_to_disease", "disease"),
    ("is_related_to_medicine", "medicine"),
    ("is_related_to_other", "other"),
)
SPONSOR_SERIOUSNESS = tuple((f"sponsor_{field}", label) for field, label in SERIOUSNESS)

_ANY_CRITERION = Q()
for _field, _label in (*SERIOUSNESS, *SPONSOR_SERIOUSNESS):
    _ANY_CRITERION |= Q(**{_field: True})

# Who answers what (21 CFR 312.64(b) and 312.32). Each change of one of these leaves an Assessment.
SITE_JUDGES = (
    *(field for field, _ in SERIOUSNESS),
    *("grade", "outcome", "causality", "is_suspected", "nature", "special_interest", "aware_at"),
    *(field for field, _ in RELATED_TO),
    "related_to_text",
)
SPONSOR_JUDGES = (
    *(field for field, _ in SPONSOR_SERIOUSNESS),
    *("sponsor_causality", "sponsor_is_suspected", "expectedness", "expectedness_reference", "sponsor_received_at"),
)
JUDGED = SITE_JUDGES + SPONSOR_JUDGES


# A criterion that is not ticked is not answered; any other "no" is an answer.
TICKED = frozenset(field for field, _ in (*SERIOUSNESS, *SPONSOR_SERIOUSNESS))


def is_unanswered(name, value) -> bool:
    return value in (None, "") or (value is False and name in TICKED)


class Judged(models.Model):
    """The answers that reporting clocks and stopping rules hang on. Codes are those of the protocol's vocabularies."""

    # The highest grade the event has reached; GradeEpisode holds the way there.
    grade = models.PositiveSmallIntegerField("CTCAE grade", null=True, blank=True)
    outcome = models.CharField(max_length=60, blank=True)
    # Disease activity that the protocol expects, or an adverse event.
    nature = models.CharField("adverse event or disease activity", max_length=30, blank=True)
    # A code of the protocol's list, NONE_OF_THESE, or empty: nobody has answered.
    special_interest = models.CharField("event of special interest", max_length=30, blank=True)

    is_fatal = models.BooleanField(SERIOUSNESS[0][1], default=False)
    is_life_threatening = models.BooleanField(SERIOUSNESS[1][1], default=False)
    is_hospitalization = models.BooleanField(SERIOUSNESS[2][1], default=False)
    is_incapacity = models.BooleanField(SERIOUSNESS[3][1], default=False)
    is_congenital_anomaly = models.BooleanField(SERIOUSNESS[4][1], default=False)
    is_important_medical_event = models.BooleanField(SERIOUSNESS[5][1], default=False)
    causality = models.CharField("related to the cells", max_length=30, blank=True)
    # A reasonable possibility that the cells caused it: an answer of its own (21 CFR 312.64(b)). None: not answered.
    is_suspected = models.BooleanField("reasonable possibility", null=True, blank=True)
    is_related_to_infusion = models.BooleanField("related to the infusion procedure", null=True, blank=True)
    is_related_to_disease = models.BooleanField("related to the disease", null=True, blank=True)
    is_related_to_medicine = models.BooleanField("related to a background medicine", null=True, blank=True)
    is_related_to_other = models.BooleanField("related to something else", null=True, blank=True)
    related_to_text = models.CharField("what else it is related to", max_length=200, blank=True)
    # When somebody at the site first knew, which may be long before it was recorded (`reported_at`).
    aware_at = models.DateTimeField("site aware since", null=True, blank=True)

    sponsor_is_fatal = models.BooleanField(SERIOUSNESS[0][1], default=False)
    sponsor_is_life_threatening = models.BooleanField(SERIOUSNESS[1][1], default=False)
    sponsor_is_hospitalization = models.BooleanField(SERIOUSNESS[2][1], default=False)
    sponsor_is_incapacity = models.BooleanField(SERIOUSNESS[3][1], default=False)
    sponsor_is_congenital_anomaly = models.BooleanField(SERIOUSNESS[4][1], default=False)
    sponsor_is_important_medical_event = models.BooleanField(SERIOUSNESS[5][1], default=False)
    sponsor_causality = models.CharField("related to the cells, by the sponsor", max_length=30, blank=True)
    sponsor_is_suspected = models.BooleanField("reasonable possibility, by the sponsor", null=True, blank=True)
    expectedness = models.CharField("expected or unexpected", max_length=30, blank=True)
    expectedness_reference = models.CharField("expected by what", max_length=200, blank=True)
    sponsor_received_at = models.DateTimeField("received by the sponsor", null=True, blank=True)

    # Serious if and only if either judge holds at least one criterion true (21 CFR 312.32(a)); the database computes
    # it, so it cannot disagree.
    is_serious = models.GeneratedField(
        expression=Case(When(_ANY_CRITERION, then=Value(True)), default=Value(False)),
        output_field=models.BooleanField("serious"),
        db_persist=True,
    )

    class Meta:
        abstract = True

    @property
    def seriousness(self):
        """The labels of the criteria that hold, by either judge."""
        return [label for field, label in SERIOUSNESS if getattr(self, field) or getattr(self, f"sponsor_{field}")]

    def judgements(self):
        """{field: value} of everything that is judged."""
        return {name: getattr(self, name) for name in JUDGED}
