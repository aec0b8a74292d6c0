from .amendment import VersionChange, VisitChange
from .contact import ContactAttempt
from .deviation import CLASSIFIED, CLOSED, COMPLETED, DRAFTED, STAGES, VOIDED, Deviation, Severity
from .feed import CalendarFeed
from .visit import Booking, Visit, VisitProcedure, WindowMove, days_out

__all__ = [
    "CLASSIFIED",
    "CLOSED",
    "COMPLETED",
    "DRAFTED",
    "STAGES",
    "VOIDED",
    "Booking",
    "CalendarFeed",
    "ContactAttempt",
    "Deviation",
    "Severity",
    "VersionChange",
    "Visit",
    "VisitChange",
    "VisitProcedure",
    "WindowMove",
    "days_out",
]
