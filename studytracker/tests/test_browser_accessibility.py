"""In Chromium: no page breaks a rule of WCAG that a program can check, light or dark, and the keyboard is enough."""

import os
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error

from conftest import TODAY
from visits.models import Visit

from .browser import NOTHING
from .test_every_page import PAGES, address, stage  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# Answers for htmx, which no person sees as a page of its own.
FRAGMENTS = {"day_echo", "dose"}
SETTLES = 300  # milliseconds, twice the transition of a button
MAIN = ("home", "participant", "log_visit", "visit", "calendar", "adverse_events", "report_event", "deviation")
MAIN += ("site_review", "patient_profile", "queries", "query", "record", "ask", "verification", "verification_of")
MONITORS = {"record", "query"}  # they have more to do there
# Each page takes seconds: `make proof ONLY=accessibility` looks at every one, the suite at those of every day.
SHOWN = [name for name in PAGES if name not in FRAGMENTS] if os.environ.get("EVERY_PAGE") else MAIN


def violations(page):
    """'rule: first element' of what axe finds wrong on the page as it stands."""
    found = Axe().run(page, options=RULES)
    return [
        f"{each['id']}: {each['nodes'][0]['target']} {each['nodes'][0].get('failureSummary', '')[:200]}"
        for each in found.response["violations"]
    ]


def wear(page, scheme):
    """The colours of the scheme, arrived: a colour on its way to the other scheme is neither."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    arrived = "scheme => document.documentElement.dataset.bsTheme === scheme"
    page.wait_for_function(arrived, arg=scheme, polling=50)
    page.wait_for_timeout(SETTLES)


@pytest.fixture
def pi(desk, stage, investigator):  # noqa: F811
    return desk(investigator)


@pytest.fixture
def windows(desk, stage, investigator, chair, coordinator, monitor):  # noqa: F811
    """windows(name) is open on the page of that name, for somebody who may see it; None where it is a file."""
    people = {"investigator": investigator, "chair": chair, "coordinator": coordinator, "monitor": monitor}
    opened = {role: desk(person) for role, person in people.items()}

    def go(name):
        may = [role for role in opened if role in PAGES[name][1]]
        role = "monitor" if name in MONITORS else may[0]
        try:
            answer = opened[role].go(address(name))
        except Error as error:
            if "Download is starting" in str(error):
                return None
            raise
        assert answer.status == 200, name
        return opened[role].page

    return go


def test_no_page_breaks_a_rule_that_a_program_can_check_nor_is_wider_than_a_telephone(windows):
    wrong, looked_at = {}, 0
    for name in SHOWN:
        page = windows(name)
        if page is None:
            continue
        looked_at += 1
        for scheme in ("light", "dark"):
            wear(page, scheme)
            if found := violations(page):
                wrong[f"{name}, {scheme}"] = found
        page.set_viewport_size({"width": 320, "height": 800})
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 320:
            wrong[f"{name}, 320 px"] = width
        page.set_viewport_size({"width": 1280, "height": 720})
        print(f"{looked_at} of {len(SHOWN)}: {name} {[each for each in wrong if each.startswith(name)]}", flush=True)
    assert wrong == {}


def test_a_page_that_breaks_a_rule_would_be_found(pi):
    """The negative control: a box without a label, and grey on grey."""
    pi.go("/")
    assert violations(pi.page) == []
    pi.page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        ' \'<input name="nameless"><p id="faint">faint</p>\');'
        "document.getElementById('faint').style.color = '#999';"
        "document.getElementById('faint').style.background = '#aaa'"
    )
    assert [each.split(":")[0] for each in violations(pi.page)] == ["color-contrast", "label"]


def test_a_routine_visit_is_logged_by_keyboard_alone(desk, musc):
    """Tab, Enter, Space and typing: the mouse is never used, and every stop shows where the focus is."""
    musc.infused(TODAY - timedelta(days=14))
    crc = desk(musc.coordinator)
    crc.go("/")
    tab_to(crc, "Log visit MUSC-001 W2")
    with crc.page.expect_navigation():
        crc.page.keyboard.press("Enter")
    tab_to(crc, "All procedures done")
    crc.page.keyboard.press("Enter")
    tab_to(crc, "Save visit")
    with crc.page.expect_navigation():
        crc.page.keyboard.press("Enter")
    crc.says("MUSC-001 W2 is logged for Wed 18 Jun 2025.")
    assert Visit.objects.get(code="W2").procedures.filter(is_done=True).count() == 12
    assert crc.watch.found == NOTHING


FOCUS = """() => {
    const here = document.activeElement, style = getComputedStyle(here);
    return [here.innerText || here.getAttribute("aria-label") || here.name || here.tagName,
            style.outlineStyle !== "none" || style.boxShadow !== "none"];
}"""


def tab_to(crc, name, most=200):
    """Presses Tab until the focus stands on the control of that name; fails where a stop cannot be seen."""
    for _ in range(most):
        crc.page.keyboard.press("Tab")
        words, is_seen = crc.page.evaluate(FOCUS)
        assert is_seen, f"The focus on {words!r} cannot be seen."
        if " ".join(words.split()) == name:
            return
    raise AssertionError(f"{most} times Tab did not lead to {name}.")
