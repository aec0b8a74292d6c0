"""A pytest plugin that counts what a run did and keeps the reason of everything it left out.

Where SECOND_VARIABLE is set, the same tests ran on another database: those that ask for none are not run again.
"""

import json
import os
from collections import Counter

import pytest

FILE_VARIABLE = "TALLY_FILE"
SECOND_VARIABLE = "TALLY_SECOND_DATABASE"
DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}
NOT_SELECTED = "not selected by the arguments given to pytest"


class Tally:
    def __init__(self):
        self.counts = Counter()
        self.left_out = Counter()
        self.not_again = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        if os.environ.get(SECOND_VARIABLE):
            found = len(items)
            items[:] = [item for item in items if asks_for_a_database(item)]
            self.not_again = found - len(items)

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            self._leave_out(report)
        elif report.failed:
            self.counts["failed" if report.when == "call" else "errors"] += 1
        elif report.when == "call":
            self.counts["passed"] += 1

    def pytest_collectreport(self, report):
        if report.skipped:
            self._leave_out(report)
        elif report.failed:
            self.counts["errors"] += 1

    def pytest_deselected(self, items):
        self.left_out[NOT_SELECTED] += len(items)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        with open(os.environ[FILE_VARIABLE], "w") as file:
            json.dump({"counts": self.counts, "left_out": self.left_out, "not_again": self.not_again}, file)

    def _leave_out(self, report):
        self.left_out[reason(report)] += 1


def asks_for_a_database(item) -> bool:
    return bool(item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(item.fixturenames))


def reason(report) -> str:
    if hasattr(report, "wasxfail"):
        return f"known to fail: {report.wasxfail or 'no reason given'}"
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words.removeprefix("Skipped: ")


def pytest_configure(config):
    is_worker_of_a_parallel_run = hasattr(config, "workerinput")
    if FILE_VARIABLE in os.environ and not is_worker_of_a_parallel_run:
        config.pluginmanager.register(Tally())
