"""One browser for the tests of a module, and windows for the people in them."""

import pytest

from .browser import Desk, chromium, find_chromium


@pytest.fixture(scope="module")
def browser():
    program = find_chromium()
    if not program:
        pytest.skip("No Chromium was found on PATH, so the pages were not tried in a browser.")
    with chromium(program) as started:
        yield started


@pytest.fixture
def desk(browser, live_server, frozen):
    """desk() opens a window; options are those of a browser context."""
    opened = []

    def make(user=None, **options):
        opened.append(Desk(browser, live_server.url, **options))
        if user:
            opened[-1].is_signed_in_as(user)
        return opened[-1]

    yield make
    for each in opened:
        each.context.close()
