"""A synthetic trial, the same on every load but for today's date. No real participant stands behind any of it.

Everything is made by the functions that the pages call, at the instants when it would have happened, so each rule
held when it was recorded.
"""

import os
from datetime import datetime, time, timedelta

from adverse_events.models import AdverseEvent
from adverse_events.organ_systems import assign
from adverse_events.rules import switch
from participants.models import Participant
from participants.monitoring import records
from participants.monitoring.asking import ask
from participants.monitoring.verifying import last_entry, verify
from studytracker import protocol
from studytracker.access.grants import Role
from studytracker.access.models import User
from studytracker.access.people import grant
from studytracker.outbox.acknowledging import acknowledge
from studytracker.outbox.models import Notice, Preference
from studytracker.outbox.sweeping import sweep
from visits.models import Booking

from . import emory, musc
from .people import PEOPLE, demo_password
from .site import StorySite

ORGAN_SYSTEMS = {
    "MUSC": {
        "Fatigue": "General disorders",
        "Headache": "Nervous system disorders",
        "Shingles": "Infections and infestations",
        "Thromboembolic event": "Vascular disorders",
    },
    "EMORY": {"Urinary tract infection": "Infections and infestations"},
}


def load(at: datetime) -> bool:
    """Make people and participants with dates relative to `at`. Returns False, changing nothing, if any exist."""
    if Participant.objects.exists() or User.objects.exists():
        _renew_passwords()
        return False
    load_people()
    for order, code in enumerate(("MUSC", "EMORY")):
        StorySite(code, at).laboratory(order)
    _switch_on_the_example(at)
    for site, stories in (("MUSC", musc.stories), ("EMORY", emory.stories)):
        stories(StorySite(site, at))
    _place_terms(at)
    _remind(at)
    _monitor(at)
    return True


def _place_terms(at):
    """Organ systems for the registry's tables, as no dictionary is loaded that would give them."""
    for site, terms in ORGAN_SYSTEMS.items():
        told = StorySite(site, at)
        for term, system in terms.items():
            facts = {"version": protocol.current().ctcae.version, "term": term, "organ_system": system}
            assign(**facts, by=told.coordinator, at=told.at(told.day(1), 17))


def _monitor(at):
    """A visit of the monitor: one question that waits, and the values of one event compared with their source."""
    monitor = User.objects.get(username=next(person.username for person in PEOPLE if person.role == Role.MONITOR))
    event = AdverseEvent.objects.filter(site="MUSC").order_by("participant__number", "number").first()
    about = records.reach(monitor, event._meta.db_table, event.pk)
    facts = {"by": monitor, "at": at - timedelta(days=9)}
    ask(record=about, column="is_treated", text="The source note names paracetamol. Was treatment given?", **facts)
    verify(record=about, columns=["term", "started", "ended", "grade"], seen=last_entry(about), **facts)


def _switch_on_the_example(at):
    """The stopping rule that ships switched off, so that the demonstration shows how far it is from tripping."""
    chair = User.objects.get(username=next(person.username for person in PEOPLE if person.role == Role.CHAIR))
    for rule in protocol.current().stopping_rules:
        reason = "For the demonstration. This is an example, not a rule of the trial."
        switch(rule_id=rule.id, is_on=True, reason=reason, by=chair, at=at - timedelta(days=200))


def _remind(at):
    """The first sweep; a visit that is booked already is acknowledged."""
    sweep(at)
    for notice in Notice.objects.filter(source="visit", stage="late").select_related("site"):
        booking = Booking.objects.in_force().filter(visit=notice.object_id, starts_at__gt=at).first()
        if booking:
            by = booking.booked_by
            until = booking.starts_at.astimezone(notice.site.zone).date()
            acknowledge(notice=notice, until_on=until, reason="Booked", by=by, at=at)


def _renew_passwords():
    """A DEMO_PASSWORD given on a later start is the one that signs in."""
    if "DEMO_PASSWORD" not in os.environ:
        return
    for user in User.objects.filter(username__in=[person.username for person in PEOPLE]):
        if not user.check_password(demo_password()):
            user.set_password(demo_password())
            user.save(update_fields=["password"])


def load_people():
    """They want their mail at any hour, so that a demonstration at night shows some."""
    for person in PEOPLE:
        membership = grant(
            username=person.username,
            role=person.role,
            site=person.site or None,
            email=f"{person.username}@demo.invalid",
            password=demo_password(),
        )
        any_hour = {"digest_time": time(0), "quiet_from": time(0), "quiet_to": time(0)}
        Preference.objects.create(user=membership.user, **any_hour)
