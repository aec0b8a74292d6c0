"""The cast of the tests: people of both sites, an outsider, and participants at each stage."""

import contextvars
import os
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import hypothesis
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client, TransactionTestCase

from studytracker.tests.staging import staging
from studytracker.trust.acting import acting
from studytracker.trust.tests.copies import private_copy

# Playwright keeps an event loop in the test's thread, which Django would take for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# A busy machine is no reason to fail: what a test takes is never what it tests.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_configure():
    # A password's hash is slow on purpose; hundreds of sign-ins in tests need not be.
    fast = "django.contrib.auth.hashers.MD5PasswordHasher"
    settings.PASSWORD_HASHERS = [fast, *settings.PASSWORD_HASHERS]


# A Wednesday, 11:00 in New York: daylight saving time is in force.
NOW = datetime(2025, 6, 18, 15, 0, tzinfo=UTC)
TODAY = date(2025, 6, 18)
LOT_RECEIVED_ON = date(2015, 1, 5)
FIRST_ID = 1000

staged, _stages = staging(NOW)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """Before the transaction of the test begins."""
    if fixturedef.argname == "_django_db_helper":
        with request.getfixturevalue("django_db_blocker").unblock():
            _stages.set_for(request.node)
    return (yield)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The ids of each table begin at another thousand: a test that names one it never read, or takes one table's for
    another's, always fails, and not only when tests came before it."""
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        _begin_ids_apart(connections["default"], cursor)
    yield
    with django_db_blocker.unblock():
        _stages.leave()


def _begin_ids_apart(connection, cursor):
    tables = sorted(connection.introspection.table_names(cursor))
    for number, table in enumerate(tables, start=1):
        for sequence in connection.introspection.get_sequences(cursor, table):
            begin = FIRST_ID * number
            if connection.vendor == "postgresql":
                cursor.execute("SELECT setval(%s::regclass, %s)", [sequence["name"], begin])
            else:
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, begin])


@pytest.fixture(scope="session", autouse=True)
def each_transactional_test_has_its_own_database():
    """Django would empty the tables afterwards, which the audit trail refuses. So such a test gets a copy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_setup", classmethod(_open_copy))
        patch.setattr(TransactionTestCase, "_fixture_teardown", _drop_copy)
        yield


def _open_copy(case_class):
    case_class.opened = private_copy(connections["default"])
    case_class.opened.__enter__()


def _drop_copy(case):
    case.opened.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def the_test_acts():
    """What a test writes itself, without a page or a command, is recorded as done by the test."""
    with acting("tests", source="direct"):
        yield


def apart(act, *args, **kwargs):
    """As a page, a task or a command starts: nobody is acting yet."""
    return contextvars.Context().run(act, *args, **kwargs)


class Browser(Client):
    """Each request starts with nobody acting, as in a server."""

    def request(self, **request):
        return apart(super().request, **request)


@pytest.fixture
def client():
    return Browser()


@pytest.fixture
def command():
    """command("sweep") runs it as from the shell."""
    return lambda *args, **options: apart(call_command, *args, **options)


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def frozen(time_machine):
    """The wall clock of the pages stands at NOW."""
    time_machine.move_to(NOW, tick=False)
    return time_machine


@staged
def trial(db):
    """The protocol adopted: its sites and its slots exist."""
    from studytracker import protocol
    from studytracker.protocol.adopting import adopt

    adopt(protocol.current(), at=NOW)
    return protocol.current()


@staged
def person(trial):
    """person("crc.musc", "coordinator", "MUSC") is an account that signs in with no password of use, made once."""
    from studytracker.access.models import User
    from studytracker.access.people import grant

    def make(username, role, site=None):
        known = User.objects.filter(username=username, memberships__role=role, memberships__site=site).first()
        return known or grant(username=username, role=role, site=site, email=f"{username}@example.org").user

    return make


@staged
def coordinator(person):
    return person("crc.musc", "coordinator", "MUSC")


@staged
def emory_coordinator(person):
    return person("crc.emory", "coordinator", "EMORY")


@staged
def investigator(person):
    return person("pi.musc", "investigator", "MUSC")


@staged
def emory_investigator(person):
    return person("pi.emory", "investigator", "EMORY")


@staged
def chair(person):
    return person("chair", "chair")


@staged
def monitor(person):
    return person("monitor", "monitor")


@staged
def administrator(person):
    return person("admin", "administrator")


@pytest.fixture
def outsider(trial, django_user_model):
    """Signs in, holds no role, must see nothing."""
    return django_user_model.objects.create_user("outsider")


@pytest.fixture
def browse():
    """browse(user) is a client signed in as that person."""

    def make(user):
        client = Browser()
        client.force_login(user)
        return client

    return make


class Cast:
    """Makes participants at one site through the functions the pages call."""

    def __init__(self, site, coordinator, investigator, person):
        """`person` as the fixture of that name."""
        self.site, self.coordinator, self.investigator, self.person = site, coordinator, investigator, person

    def screened(self, on=TODAY - timedelta(days=20), **facts):
        from participants.screening import screen

        facts = {"age": 41, "sex": "F", "consent_version": "1.0", "consent_on": on, "consent_time": time(9)} | facts
        return screen(site=self.site, screened_on=on, by=self.coordinator, at=_at(on), **facts)

    def answered(self, on=TODAY - timedelta(days=20), **differing):
        from participants.eligibility import answers_for
        from participants.screening import answer, questions

        participant = self.screened(on)
        answers = {
            part.id: (differing.get(part.id, answers_for(criterion, part)[0][0]), "note of the visit")
            for criterion, part in questions(participant)
        }
        answer(participant=participant, answers=answers, by=self.coordinator, at=_at(on))
        self.confirm(participant, _at(on, 15))
        return participant

    def confirm(self, participant, at):
        """The investigator signs the worksheet, where nothing of it is open."""
        from participants.confirmation import KIND, MEANING
        from studytracker.access.passwords import Reauthenticated
        from studytracker.trust.signatures import sign, standing

        now = standing(KIND, participant.identifier)
        if not now.snapshot.open_items:
            answered, by = Reauthenticated(self.investigator.pk, at), self.investigator
            facts = {"displayed_hash": now.sha256, "meaning": MEANING, "comment": ""}
            sign(kind=KIND, key=participant.identifier, answered=answered, by=by, at=at, **facts)

    def enrolled(self, on=TODAY - timedelta(days=20)):
        from participants.enrollment import enroll

        participant = self.answered(on)
        enroll(participant=participant, by=self.investigator, at=_at(on, 16))
        return type(participant).objects.for_listing().get(pk=participant.pk)

    def lot(self, number="UC-1", **facts):
        """A released lot with units for everybody, made once."""
        from participants.models import ProductLot
        from participants.product import receive_lot, release_lot
        from studytracker.protocol.models import Site

        held = ProductLot.objects.filter(site=self.site, number=number).first()
        if held:
            return held
        then = _at(LOT_RECEIVED_ON)
        tests = protocol_choices("donor_test")
        facts = {
            "donor_lot": "D-7",
            "collected_on": LOT_RECEIVED_ON,
            "donor_tests": {code: (True, LOT_RECEIVED_ON) for code, label in tests},
            "cells_per_unit": 200_000_000,
            "viability_percent": Decimal("92"),
            "volume_ml": Decimal("50"),
            "units": 30,
            "received_at": then,
            "expires_at": _at(date(2035, 1, 1)),
        } | facts
        site = Site.objects.get(pk=self.site)
        made = receive_lot(site=site, number=number, by=self.coordinator, at=then, **facts)
        return release_lot(lot=made, by=self.investigator, at=then)

    def dosed(self, participant, day0=TODAY, at=None, **facts):
        """The dose worked out by the coordinator and checked by the investigator: 72.4 kg, 80.0 mL."""
        from participants.doses import check_dose, prepare_dose

        at = at or _at(day0, 9)
        facts = {
            "lot": self.lot(),
            "units": 1,
            "thawed_at": at - timedelta(minutes=30),
            "weight_kg": Decimal("72.40"),
            "weighed_on": day0,
            "cells_per_ml": 1_000_000,
            "viability_percent": Decimal("90.50"),
        } | facts
        dose = prepare_dose(participant=participant, by=self.coordinator, at=at, **facts)
        answered = proof_of(self.investigator.pk, at)
        return check_dose(dose=dose, answered=answered, by=self.investigator, at=at)

    def reviewed(self, day):
        """The board's decision on everybody infused by that day, so that the next infusion is open."""
        from participants.decisions import confirm_decision, record_decision
        from participants.models import Participant

        infused = Participant.objects.filter(infusion__infused_on__lte=day)
        for earlier in infused.exclude(dsmb_decisions__on_available_data__gt=""):
            chair, second = self.person("chair", "chair"), self.person("admin", "administrator")
            at = _at(earlier.infused_on, 18)
            facts = {"decision": "continue", "decided_on": earlier.infused_on, "cut_off_on": earlier.infused_on}
            facts |= {"document": "Letter of the board", "on_available_data": "A test does not wait"}
            made = record_decision(participant=earlier, by=chair, at=at, **facts)
            confirm_decision(decision=made, answered=proof_of(second.pk, at), by=second, at=at)

    def infused(self, day0=TODAY - timedelta(days=18), screened_before=10):
        from participants.infusion import infuse

        participant = self.enrolled(day0 - timedelta(days=screened_before))
        self.reviewed(day0)
        self.dosed(participant, day0)
        infuse(
            participant=participant,
            infused_on=day0,
            start_time=time(10, 15),
            stop_time=time(11, 0),
            volume_ml=Decimal("80.0"),
            by=self.coordinator,
            at=_at(day0, 16),
        )
        return type(participant).objects.for_listing().get(pk=participant.pk)


def proof_of(user_id, at):
    """As if this person had just given the password again."""
    from studytracker.access.passwords import Reauthenticated

    return Reauthenticated(user_id, at)


def protocol_choices(vocabulary):
    from studytracker import protocol

    return protocol.current().choices(vocabulary)


def _at(on, hour=14):
    return datetime(on.year, on.month, on.day, hour, tzinfo=UTC) + timedelta(hours=4)


@staged
def musc(coordinator, investigator, person):
    return Cast("MUSC", coordinator, investigator, person)


@staged
def emory(emory_coordinator, emory_investigator, person):
    return Cast("EMORY", emory_coordinator, emory_investigator, person)
