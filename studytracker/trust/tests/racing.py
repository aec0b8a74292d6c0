"""Two people at one row at the same moment: editing it, sending one form twice, signing what another changes."""

from threading import Barrier, Thread

from django.db import connections, models

from adverse_events.models import AdverseEvent
from conftest import NOW, apart
from studytracker.access.passwords import Reauthenticated
from studytracker.trust.acting import acting
from studytracker.trust.signatures import ChangedMeanwhile, sign, standing
from studytracker.trust.versions import Overtaken

from .subject import REVIEWED


def at_once(*acts):
    """What each returned, run in threads that start together."""
    told, together = {}, Barrier(len(acts))

    def run(number, act):
        try:
            together.wait(30)
            with acting(f"racer {number}", source="direct", reason="Race"):
                told[number] = act()
        finally:
            connections.close_all()

    threads = [Thread(target=apart, args=(run, number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [told.get(number) for number in range(len(acts))]


def guarded(row):
    row.save()


def plain(row):
    """The negative control: every field written over whatever is there, as Django's own save does."""
    fields = [field for field in row._meta.local_concrete_fields if not (field.primary_key or field.generated)]
    models.QuerySet(type(row)).filter(pk=row.pk).update(**{each.name: getattr(row, each.name) for each in fields})


def edit_at_once(event, number, save=guarded):
    """Two editors read the event, then each saves a field of its own. Returns (saved, lost) updates."""
    values = {"outcome": f"a{number}", "note": f"b{number}"}
    read = Barrier(2)

    def editor(name):
        row = AdverseEvent.objects.get(pk=event.pk)
        setattr(row, name, values[name])
        read.wait(30)
        try:
            save(row)
        except Overtaken:
            return None
        return name

    saved = [name for name in at_once(*(lambda name=name: editor(name) for name in values)) if name]
    now = AdverseEvent.objects.get(pk=event.pk)
    return len(saved), sum(getattr(now, name) != values[name] for name in saved)


def send_twice(browse, user, address, typed, key):
    """One form sent by two clicks at once. Returns the statuses."""
    clients = [browse(user) for _ in range(2)]
    form = typed | ({"form_key": key} if key else {})
    return at_once(*(lambda client=client: client.post(address, form).status_code for client in clients))


def sign_while_edited(investigator, event, number, *, sees_hash=True):
    """One signs what was displayed while another changes it. Returns whether a signature stands over unseen data."""
    displayed = standing("listing", event.site_id).sha256

    def signer():
        shown = displayed if sees_hash else standing("listing", event.site_id).sha256
        facts = {"kind": "listing", "key": event.site_id, "meaning": REVIEWED, "comment": ""}
        try:
            answered = Reauthenticated(investigator.pk, NOW)
            sign(**facts, displayed_hash=shown, answered=answered, by=investigator, at=NOW)
        except ChangedMeanwhile:
            return False
        return True

    at_once(signer, lambda: AdverseEvent.objects.filter(pk=event.pk).update(term=f"n{number}"))
    return standing("listing", event.site_id).is_signed
