"""Who takes part, and what is known of them."""

from .decisions import DsmbDecision
from .doses import Dose, Interruption
from .enrollment import Enrollment
from .facts import ClinicalFact, FactQuerySet, Voidable
from .histories import ListTaken, MedicalHistory
from .holds import Hold
from .infusion import Day0Correction, Infusion
from .labs import LabResult, SiteLabRange
from .medicines import Medication
from .participant import Participant, ParticipantQuerySet
from .product import CustodyEvent, DonorTest, ProductLot
from .screening import Consent, CriterionAnswer
from .sledai import SledaiItem, SledaiScore
from .vitals import VitalSign

__all__ = [
    "ClinicalFact",
    "Consent",
    "CriterionAnswer",
    "CustodyEvent",
    "Day0Correction",
    "DonorTest",
    "Dose",
    "DsmbDecision",
    "Enrollment",
    "FactQuerySet",
    "Hold",
    "Infusion",
    "Interruption",
    "LabResult",
    "ListTaken",
    "MedicalHistory",
    "Medication",
    "Participant",
    "ParticipantQuerySet",
    "ProductLot",
    "SiteLabRange",
    "SledaiItem",
    "SledaiScore",
    "VitalSign",
    "Voidable",
]
