from .amendment import VersionChange, VisitChange
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
    "Deviation",
    "Severity",
    "VersionChange",
    "Visit",
    "VisitChange",
    "VisitProcedure",
    "WindowMove",
    "days_out",
]
