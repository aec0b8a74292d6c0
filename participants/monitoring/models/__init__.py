from .query import Message, Query
from .verification import Verification

__all__ = ["Message", "Query", "Verification"]
