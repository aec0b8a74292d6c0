"""Two people at one row at the same moment, in two processes: editing it, sending one form twice, signing what the
other changes. Every act comes in two halves, (number, meet): what it reads before `meet()`, and what it writes after.
"""

import multiprocessing
import traceback
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

from django.db import connection, connections, models

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import NOW, apart
from studytracker.access.passwords import Reauthenticated
from studytracker.dates import PartialDate
from studytracker.trust.acting import acting
from studytracker.trust.signatures import SigningRefused, sign, standing
from studytracker.trust.versions import Overtaken
from studytracker.web import submission
from studytracker.web.models import FormKey
from visits.deviations import complete
from visits.deviations import report as report_deviation
from visits.models import Deviation

from .copies import private_copy
from .subject import REVIEWED

SECONDS = 60  # longer than any wait for a lock
ON_ONE_ROW = 25  # rounds, before a fresh row: what a page shows grows with the history of its row


def race(rounds, *acts):
    """What each of `acts` returned, round by round. Each runs in a process with a connection of its own."""
    forks = multiprocessing.get_context("fork")
    meeting = forks.Barrier(len(acts))
    pipes = [forks.Pipe(duplex=False) for _ in acts]
    connections.close_all()
    racers = [
        forks.Process(target=apart, args=(_run, number, act, rounds, meeting, pipe))
        for number, (act, (_, pipe)) in enumerate(zip(acts, pipes, strict=True))
    ]
    for racer in racers:
        racer.start()
    for _, writing in pipes:
        writing.close()
    told = [reading.recv() for reading, _ in pipes]
    for racer in racers:
        racer.join()
    return list(zip(*told, strict=True))


def _run(racer, act, rounds, meeting, pipe):
    """Whoever fails breaks the meeting, so that nobody waits for it; the parent then reads the end of its pipe."""
    try:
        with acting(f"racer {racer}", source="direct", reason="Race"):
            pipe.send([act(number, partial(meeting.wait, SECONDS)) for number in rounds])
    except BaseException:
        traceback.print_exc()
        meeting.abort()
    finally:
        connections.close_all()


def in_batches(rounds, size=ON_ONE_ROW):
    return [rounds[start : start + size] for start in range(0, len(rounds), size)]


# --- Two editors ------------------------------------------------------------------------------------------------


class Edits(NamedTuple):
    rounds: int
    saved: int
    lost: int  # saved, and not there afterwards

    def __add__(self, other):
        return Edits(*(one + two for one, two in zip(self, other, strict=True)))


def guarded(row):
    row.save()


def plain(row):
    """The negative control: every field written over whatever is there, as Django's own save does."""
    fields = [field for field in row._meta.local_concrete_fields if not (field.primary_key or field.generated)]
    models.QuerySet(type(row)).filter(pk=row.pk).update(**{each.name: getattr(row, each.name) for each in fields})


def edit_at_once(event, rounds, save=guarded) -> Edits:
    """Two read the event, then each saves a field of its own."""

    def editor(name, number, meet):
        row = AdverseEvent.objects.get(pk=event.pk)
        typed = f"{name[0]}{number}"
        setattr(row, name, typed)
        meet()
        try:
            save(row)
            saved = True
        except Overtaken:
            saved = False
        meet()
        kept = AdverseEvent.objects.values_list(name, flat=True).get(pk=event.pk) == typed
        meet()
        return saved, saved and not kept

    told = race(rounds, partial(editor, "outcome"), partial(editor, "note"))
    pairs = [each for both in told for each in both]
    return Edits(len(told), sum(saved for saved, _ in pairs), sum(lost for _, lost in pairs))


def edit_by_page_at_once(browse, coordinator, participant, rounds) -> Edits:
    """Two have the page of a deviation open at one version, and send it with another text each."""
    row = report_deviation(
        participant=participant, category="privacy", happened_on=NOW.date(), description="Race", by=coordinator, at=NOW
    )
    complete(deviation=row, impact="None", action="None", by=coordinator, at=NOW)
    address = f"/deviations/{participant.identifier}/{row.number}/complete/"
    clients = [browse(coordinator), browse(coordinator)]

    def editor(racer, number, meet):
        version = Deviation.objects.values_list("version", flat=True).get(pk=row.pk)
        typed = f"impact {racer} {number}"
        facts = {"impact": typed, "action": "None", "reason": "Race of two", "opened_version": version}
        meet()
        status = clients[racer].post(address, facts).status_code
        assert status in (302, 409), status
        meet()
        kept = Deviation.objects.values_list("impact", flat=True).get(pk=row.pk) == typed
        meet()
        return status == 302, status == 302 and not kept

    told = race(rounds, partial(editor, 0), partial(editor, 1))
    pairs = [each for both in told for each in both]
    return Edits(len(told), sum(saved for saved, _ in pairs), sum(lost for _, lost in pairs))


def versions_not_claimed():
    """The negative control of the pages: the version that was opened is sent, and nobody looks at it."""
    return patch("studytracker.web.submission.claim", lambda row, version: None)


# --- One form sent twice ----------------------------------------------------------------------------------------


def send_twice(browse, user, address, typed, rounds, *, with_key=True) -> list[int]:
    """One form sent by two clicks at once. How many records each round made.

    In every second round both have looked for the key before either goes on; the others meet as they come.
    """
    client = browse(user)

    def click(number, meet):
        form = typed | {"description": f"Race {number}"} | ({"form_key": f"{number:032d}"} if with_key else {})
        meet()
        with _both_have_looked(meet) if number % 2 else nullcontext():
            status = client.post(address, form).status_code
        assert status == 302, status

    race(rounds, click, click)
    made = Deviation.objects.filter(description__in=[f"Race {number}" for number in rounds])
    counted = dict(made.values_list("description").annotate(models.Count("pk")))
    return [counted.get(f"Race {number}", 0) for number in rounds]


def _both_have_looked(meet):
    once, look = [meet], submission._refuse_repeat

    def look_and_meet(user, key):
        look(user, key)
        if once:
            once.pop()()

    return patch.object(submission, "_refuse_repeat", look_and_meet)


@contextmanager
def keys_looked_up_only():
    """A copy of the database where the key of a form is looked for, but nothing keeps two from storing it."""
    with private_copy(connection):
        unique = FormKey._meta.constraints[0]
        with patch.object(FormKey._meta, "constraints", []), connection.schema_editor() as editor:
            editor.remove_constraint(FormKey, unique)
        yield


# --- A signature against an edit --------------------------------------------------------------------------------


EDIT_FIRST, SIGNATURE_FIRST = 0, 1


class Signings(NamedTuple):
    signed: int
    refused: int
    unseen: int  # signatures that stand over what was not displayed

    def __add__(self, other):
        return Signings(*(one + two for one, two in zip(self, other, strict=True)))


class AnyHash(str):
    """The negative control: equal to whatever there is now, as if nobody looked at what was displayed."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


def sign_while_edited(investigator, participant, coordinator, rounds, displayed=str) -> Signings:
    """One signs what was displayed while the other changes it: in the end no signature stands.

    Of four rounds one has the edit done first, one the signature; in the others they meet as they come.
    """
    event = report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    key, total = str(event.pk), Signings(0, 0, 0)

    def signer(number, meet):
        shown = displayed(standing("event", key).sha256)
        meet()
        if number % 4 == EDIT_FIRST:
            meet()
        signed = _signed(investigator, key, shown)
        if number % 4 == SIGNATURE_FIRST:
            meet()
        meet()
        unseen = standing("event", key).is_signed
        meet()
        return Signings(int(signed), int(not signed), int(unseen))

    def editor(number, meet):
        meet()
        if number % 4 == SIGNATURE_FIRST:
            meet()
        AdverseEvent.objects.filter(pk=event.pk).update(term=f"n{number}")
        if number % 4 == EDIT_FIRST:
            meet()
        meet()
        meet()

    for told, _ in race(rounds, signer, editor):
        total += told
    return total


def _signed(investigator, key, displayed) -> bool:
    answered = Reauthenticated(investigator.pk, NOW)
    facts = {"kind": "event", "key": key, "meaning": REVIEWED, "comment": ""}
    try:
        sign(**facts, displayed_hash=displayed, answered=answered, by=investigator, at=NOW)
    except SigningRefused:
        return False
    return True
