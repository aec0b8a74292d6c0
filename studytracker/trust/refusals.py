"""What the triggers say when they refuse, as a person may read it."""

NOBODY = "Not saved: nobody is named for this change. Sign in again, then repeat it."
APPEND_ONLY = "Refused: the audit trail only grows. Its entries are never changed or removed."
SEALED = "Refused: a seal is added at the end of the chain, to the next entry, and never changed or removed."
KEPT = "Refused: clinical records are never deleted. Void the record and give the reason instead."
FINAL = "Refused: what was signed or noted is never changed or removed. Sign again instead."
NOT_EMPTIED = "Refused: a table under the audit trail is never emptied at once."
NOT_WHOLE = (
    "Not saved: the audit trail is not whole, and what is saved now might go unrecorded. The administrators are told. "
    "Stop work until they have mended it."
)

SENTENCES = (NOBODY, APPEND_ONLY, SEALED, KEPT, FINAL, NOT_EMPTIED)


def sentence(error: Exception) -> str | None:
    """The sentence a trigger gave, if the database error is one of ours."""
    return next((words for words in SENTENCES if words in str(error)), None)
