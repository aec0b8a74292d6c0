"""Who takes part, and what is known of them."""

from .enrollment import Enrollment
from .facts import ClinicalFact, FactQuerySet, Voidable
from .histories import ListTaken, MedicalHistory
from .holds import Hold
from .infusion import Day0Correction, Infusion
from .labs import LabResult, SiteLabRange
from .medicines import Medication
from .participant import Participant, ParticipantQuerySet
from .screening import Consent, CriterionAnswer
from .sledai import SledaiItem, SledaiScore
from .vitals import VitalSign

__all__ = [
    "ClinicalFact",
    "Consent",
    "CriterionAnswer",
    "Day0Correction",
    "Enrollment",
    "FactQuerySet",
    "Hold",
    "Infusion",
    "LabResult",
    "ListTaken",
    "MedicalHistory",
    "Medication",
    "Participant",
    "ParticipantQuerySet",
    "SiteLabRange",
    "SledaiItem",
    "SledaiScore",
    "VitalSign",
    "Voidable",
]
