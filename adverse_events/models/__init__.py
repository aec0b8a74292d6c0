"""What went wrong: events, how they are judged, and how the judgement changed."""

from .assessment import SITE, SPONSOR, Assessment, GradeEpisode
from .board import LIFTS, OPENS, BoardMeeting, Recommendation
from .clock import Clock, ClockChange, Determination, Fulfilment, InvestigatorAcknowledgement, Notification
from .confirmation import Confirmation
from .dictionary import DictionaryTerm, MeddraCode
from .event import AdverseEvent
from .follow_up import FollowUp
from .judgement import (
    JUDGED,
    RELATED_TO,
    SERIOUSNESS,
    SITE_JUDGES,
    SPONSOR_JUDGES,
    SPONSOR_SERIOUSNESS,
    Judged,
    is_unanswered,
)
from .organ_system import OrganSystem
from .report import ReportAttachment, SaeReport
from .review import ReviewMark
from .stopping import RuleSwitch, Trip, TripEvidence
from .study import Milestone, StudyBreach, StudyNotice

__all__ = [
    "LIFTS",
    "OPENS",
    "BoardMeeting",
    "Recommendation",
    "TripEvidence",
    "Trip",
    "RuleSwitch",
    "Notification",
    "Fulfilment",
    "Determination",
    "ClockChange",
    "Clock",
    "InvestigatorAcknowledgement",
    "JUDGED",
    "RELATED_TO",
    "SERIOUSNESS",
    "SITE",
    "SITE_JUDGES",
    "SPONSOR",
    "SPONSOR_JUDGES",
    "SPONSOR_SERIOUSNESS",
    "AdverseEvent",
    "Assessment",
    "Confirmation",
    "DictionaryTerm",
    "GradeEpisode",
    "Judged",
    "MeddraCode",
    "OrganSystem",
    "is_unanswered",
    "FollowUp",
    "ReportAttachment",
    "ReviewMark",
    "Milestone",
    "StudyBreach",
    "StudyNotice",
    "SaeReport",
]
