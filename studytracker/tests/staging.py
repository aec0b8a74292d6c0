"""Fixtures made of rows, made once for the tests that begin with them.

    @staged
    def participant(musc):
        return musc.infused()

is a fixture like any other, but what it writes stays, under a savepoint, for the next test of the module that begins
with the same: as Django's `setUpTestData`, without classes. Each test gets a copy of what the fixture returned, and
what the test itself writes is rolled back. A staged fixture may use other staged fixtures, `now` and `frozen`. One
that asks for anything else, or is used by a test with transactions of its own, is made for that test alone.
"""

import contextlib
import copy
import functools
import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from studytracker.trust.acting import acting

GIVEN = ("db", "now", "frozen")  # a staged fixture may ask for these; the clock stands still while it is made


@dataclass
class Stage:
    name: str
    make: Any
    value: Any
    savepoint: transaction.Atomic


class Stages:
    """Those of the test that runs, the first at the bottom."""

    def __init__(self, now):
        self.now, self.standing, self.module, self.copied = now, [], None, {}

    def set_for(self, item):
        wanted = {} if _has_own_transactions(item) else _wanted(item)
        kept = self._common(wanted) if item.module is self.module and _is_whole() else 0
        self.leave(kept)
        self.module: ModuleType = item.module
        for name in list(wanted)[kept:]:
            self._add(name, wanted[name])
        self.copied = {}  # one memory for all copies: what was one object stays one

    def leave(self, kept=0):
        """Undo those above the first `kept`."""
        while len(self.standing) > kept:
            _undo(self.standing.pop().savepoint)

    def holds(self, make):
        return any(stage.make is make for stage in self.standing)

    def give(self, make):
        value = next(stage.value for stage in self.standing if stage.make is make)
        return copy.deepcopy(value, self.copied)

    def _common(self, wanted):
        pairs = zip(self.standing, wanted.items(), strict=False)
        return next(
            (at for at, (stage, pair) in enumerate(pairs) if (stage.name, stage.make) != pair),
            min(len(self.standing), len(wanted)),
        )

    def _add(self, name, make):
        needs = inspect.signature(make).parameters
        values = dict.fromkeys(GIVEN, self.now) | {stage.name: stage.value for stage in self.standing}
        clock = time_machine.travel(self.now, tick=False) if "frozen" in needs else contextlib.nullcontext()
        savepoint = transaction.atomic()
        savepoint._from_testcase = True  # a durable block inside is as outermost as in a TestCase
        savepoint.__enter__()
        try:
            with acting("tests", source="direct"), clock:
                value = make(**{each: values[each] for each in needs})
        except BaseException:
            _undo(savepoint)
            raise
        self.standing.append(Stage(name, make, value, savepoint))


def _undo(savepoint):
    if _is_whole():
        transaction.set_rollback(True)
        savepoint.__exit__(None, None, None)


def _is_whole():
    """Whether the transaction is still there: a test that closes the connection ends it for all."""
    return connection.connection is not None and not connection.closed_in_transaction


def _has_own_transactions(item):
    marker = item.get_closest_marker("django_db")
    return bool(marker and marker.kwargs.get("transaction")) or bool(
        {"transactional_db", "live_server"} & set(item.fixturenames)
    )


def _wanted(item) -> dict:
    """{name: the function that makes it} of the staged fixtures of a test, each after what it needs.

    The longest chain first, so that tests which add a person to the same beginning share it.
    """
    found = item._fixtureinfo.name2fixturedefs
    chains = sorted((_chain(name, found) for name in item.fixturenames), key=len, reverse=True)
    return {name: make for chain in chains for name, make in chain.items()}


def _chain(name, found) -> dict:
    """What is needed for that fixture, itself last; empty where it cannot be staged."""
    make = getattr(found[name][-1].func, "staged", None) if name in found else None
    if make is None:
        return {}
    chain = {}
    for need in inspect.signature(make).parameters:
        if need in GIVEN:
            continue
        before = {} if need == name else _chain(need, found)
        if not before:
            return {}
        chain |= before
    return chain | {name: make}


def staging(now):
    """(the decorator, the stages) for a conftest. `now` is when `frozen` stands still."""
    stages = Stages(now)

    def staged(make):
        @functools.wraps(make)
        def give(**made):
            return stages.give(make) if stages.holds(make) else make(**made)

        give.staged = make
        return pytest.fixture(give)

    return staged, stages
