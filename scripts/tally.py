"""A pytest plugin that counts what a run did and keeps the reason of everything it left out."""

import json
import os
from collections import Counter

import pytest

FILE_VARIABLE = "TALLY_FILE"
NOT_SELECTED = "not selected by the arguments given to pytest"


class Tally:
    def __init__(self):
        self.counts = Counter()
        self.left_out = Counter()

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
            json.dump({"counts": self.counts, "left_out": self.left_out}, file)

    def _leave_out(self, report):
        self.left_out[reason(report)] += 1


def reason(report) -> str:
    if hasattr(report, "wasxfail"):
        return f"known to fail: {report.wasxfail or 'no reason given'}"
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words.removeprefix("Skipped: ")


def pytest_configure(config):
    is_worker_of_a_parallel_run = hasattr(config, "workerinput")
    if FILE_VARIABLE in os.environ and not is_worker_of_a_parallel_run:
        config.pluginmanager.register(Tally())
