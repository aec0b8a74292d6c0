"""What an event may say only after being asked: a soft contradiction is kept once a person confirms that it is so."""

from dataclasses import dataclass

from .consistency import EventRefused
from .models import Confirmation

# Codes of the protocol's outcome vocabulary (CDISC OUT).
FATAL, NOT_RECOVERED = "fatal", ("not_recovered", "recovering")


class Doubtful(EventRefused):
    """It may be so, and a person has to say that it is: `doubts` holds what is asked."""

    def __init__(self, doubts):
        self.doubts = doubts
        super().__init__(*(doubt.sentence for doubt in doubts), field="confirmed")


@dataclass(frozen=True)
class Doubt:
    """A soft contradiction: `code` is its kind, `sentence` what is asked."""

    code: str
    sentence: str


def doubts(event):
    """What looks wrong in the event and may yet be so (CTCAE; CDISC OUT; ICH E2A). Two queries."""
    return [Doubt(code, sentence) for code, sentence in (*_about_death(event), *_about_course(event), *_others(event))]


def _about_death(event):
    """Grade 5, the outcome fatal and the criterion death ordinarily imply one another."""
    if event.grade == 5 and not event.is_fatal:
        yield "grade_5_without_death", "Grade 5 is death, and the criterion death is not ticked. Is this so?"
    if event.outcome == FATAL and not event.is_fatal:
        yield "fatal_without_death", "The outcome is fatal, and the criterion death is not ticked. Is this so?"
    if event.is_fatal and event.grade not in (None, 5):
        yield "death_without_grade_5", f"The event results in death, and its grade is {event.grade}. Is this so?"
    if event.is_fatal and event.outcome not in ("", FATAL):
        yield "death_without_fatal", "The event results in death, and the outcome is another. Is this so?"
    if event.outcome == FATAL and event.is_ongoing:
        yield "fatal_and_ongoing", "The outcome is fatal, and the event is ongoing. Is this so?"


def _about_course(event):
    if event.grade == 4 and not event.is_life_threatening:
        yield "grade_4_without_threat", "Grade 4, and the criterion life-threatening is not ticked. Is this so?"
    if event.outcome in NOT_RECOVERED and not event.is_ongoing:
        yield "ended_unrecovered", "The event has ended, and the outcome says that it goes on. Is this so?"
    if event.is_treated is False and event.treatment:
        yield "untreated_treatment", "No treatment was given, and one is named. Is this so?"
    if event.sponsor_received_at and event.aware_at and event.sponsor_received_at < event.aware_at:
        yield "sponsor_first", "The sponsor is said to have known before the site did. Is this so?"


def _others(event):
    """The same participant's other events: twice the same thing, or a second death."""
    others = type(event).objects.standing().filter(participant=event.participant_id).exclude(pk=event.pk)
    same = [
        other
        for other in others.filter(term__iexact=event.term)
        if (other.ended is None or other.ended.latest >= event.started.earliest)
        and (event.ended is None or event.ended.latest >= other.started.earliest)
    ]
    if same:
        yield "twice", f"AE {same[0].number} has the same term at the same time. Is this another event?"
    if event.is_fatal and (fatal := others.filter(is_fatal=True).first()):
        yield "second_death", f"AE {fatal.number} results in death already. Is this so?"


def settle(event, *, confirmed, by, at):
    """Ask about each doubt that nobody has confirmed: Doubtful if `confirmed` is false, kept if it is true.

    `confirmed` None is a caller who does not ask; then the doubts stay open, and are shown beside the event.
    """
    found = open_doubts(event)
    if found and confirmed is False:
        raise Doubtful(found)
    if confirmed:
        facts = {"confirmed_at": at, "confirmed_by": by}
        Confirmation.objects.bulk_create(
            Confirmation(event=event, code=doubt.code, sentence=doubt.sentence, **facts) for doubt in found
        )


def open_doubts(event):
    """The doubts nobody has confirmed yet."""
    if event.voided_at:
        return []
    kept = set(event.confirmations.values_list("code", "sentence")) if event.pk else set()
    return [doubt for doubt in doubts(event) if (doubt.code, doubt.sentence) not in kept]
