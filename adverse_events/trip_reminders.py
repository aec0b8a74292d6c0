"""A stopping rule that tripped tells every investigator, at both sites, and the study chair at once."""

from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import Role
from studytracker.access.people import holders
from studytracker.outbox.sources import Line, Matter

from .models import Trip

TRIPPED = "tripped"


def due(at):
    """Each trip whose hold is open, for the investigators of every site and for the chair."""
    trips = list(Trip.objects.filter(hold__lifted_at=None))
    sites = protocol.current().sites if trips else ()
    people = [(site.code, person.pk) for site in sites for person in _people(site.code)]
    for trip in trips:
        yield from (Matter(trip.pk, TRIPPED, site, pk, 0, True) for site, pk in people)


def _people(site):
    yield from holders(Role.INVESTIGATOR, site)
    if site == protocol.current().sites[0].code:
        yield from holders(Role.CHAIR, None)


def still_due(wanted, at):
    trips = Trip.objects.filter(hold__lifted_at=None).in_bulk({pk for pk, _ in wanted})
    return {(pk, stage): _line(trips[pk]) for pk, stage in wanted if pk in trips}


def _line(trip):
    text = f"Stopping rule {trip.rule_id} has tripped: enrollment and infusion are on hold"
    return Line((0, "", text), "Study hold", text, reverse("stopping_rules"))
