import re
from itertools import combinations

import pytest
from django.conf import settings

from .colour import BLIND, contrast, delta_e, distance, lab, seen

CSS = (settings.BASE_DIR / "static" / "tracker.css").read_text()
STATUSES = ["done", "done-out", "open", "late", "overdue", "soon", "upcoming", "missed", "na", "awaiting"]
TEXT, BORDER = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11


def tokens(selector):
    block = re.search(re.escape(selector) + r"\s*{([^}]*)}", CSS)[1]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block))


LIGHT = tokens(":root")
THEMES = {"light": LIGHT, "dark": LIGHT | tokens('[data-bs-theme="dark"]')}


def test_the_formula_gives_the_known_ends_of_the_scale():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("status", STATUSES)
def test_the_words_on_a_status_chip_can_be_read(theme, status):
    colours = THEMES[theme]
    assert contrast(colours[f"st-{status}-fg"], colours[f"st-{status}-bg"]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("status", [status for status in STATUSES if status != "awaiting"])
def test_the_border_of_a_status_chip_stands_out_from_the_page(theme, status):
    colours = THEMES[theme]
    assert contrast(colours[f"st-{status}-bd"], colours["page-bg"]) >= BORDER


@pytest.mark.parametrize("theme", THEMES)
def test_words_on_the_hatch_of_a_late_done_visit_can_be_read(theme):
    colours = THEMES[theme]
    hatch = re.search(r"repeating-linear-gradient\(135deg, transparent 0 6px, (#\w{8})", CSS)[1]
    assert contrast(colours["st-done-out-fg"], hatch, over=colours["st-done-out-bg"]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("grade", range(1, 6))
def test_the_digit_of_a_grade_can_be_read(theme, grade):
    colours = THEMES[theme]
    assert contrast(colours[f"grade-{grade}-fg"], colours[f"grade-{grade}-bg"]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("page-fg", "page-bg"),
        ("link", "page-bg"),
        ("muted-fg", "page-bg"),
        ("header-fg", "header-bg"),
        ("header-link", "header-bg"),
        ("band-fg", "band-bg"),
        ("button-fg", "button-bg"),
        ("button-fg", "button-hover-bg"),
    ],
)
def test_text_can_be_read(theme, text, ground):
    assert contrast(THEMES[theme][text], THEMES[theme][ground]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("edge", "ground"),
    [
        ("control-bd", "page-bg"),
        ("focus-ring", "page-bg"),
        ("header-focus", "header-bg"),
        ("grade-outline", "page-bg"),
        ("button-bg", "page-bg"),
    ],
)
def test_edges_stand_out(theme, edge, ground):
    assert contrast(THEMES[theme][edge], THEMES[theme][ground]) >= BORDER


def test_every_status_has_a_chip_that_uses_its_tokens():
    for status in STATUSES:
        rule = re.search(rf"\.chip-{status}\s*{{([^}}]*)}}", CSS)[1]
        assert set(re.findall(r"var\(--([\w-]+)\)", rule)) == {f"st-{status}-{part}" for part in ("bg", "fg", "bd")}


def test_the_style_sheet_loads_nothing_from_elsewhere():
    assert re.findall(r"@import|url\(|https?:", CSS) == []


def test_messages_beside_boxes_are_never_hidden():
    assert re.search(r"^\.invalid-feedback { display: block; }$", CSS, re.MULTILINE)


EYES = [None, *BLIND]
SERIES = ["chart-dose", "chart-activity", "chart-outside"]  # lines and points that may stand in one picture
APART, NEARLY_APART = 8, 6  # CIEDE2000; upcoming and not applicable both mean that there is nothing to do


def too_near(colours, names, eye, least=APART):
    pairs = combinations(names, 2)
    return [pair for pair in pairs if distance(colours[pair[0]], colours[pair[1]], eye) < least]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_that_of_the_published_pairs(one, other, expected):
    """Sharma, Wu and Dalal 2005, table 1: pairs 1, 17, 25, 31 and 34."""
    assert delta_e(one, other) == pytest.approx(expected, abs=0.0001)


def test_an_eye_without_a_cone_sees_white_as_white_and_takes_its_own_colours_for_one():
    for eye in BLIND:
        assert seen("#ffffff", eye) == pytest.approx([1, 1, 1], abs=0.001)
    assert (distance("#9b7f00", "#6f8f00") > APART, distance("#9b7f00", "#6f8f00", "deutan") < APART) == (True, True)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_every_eye_tells_the_series_of_a_picture_apart(theme, eye):
    assert too_near(THEMES[theme], SERIES, eye) == []


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_every_eye_tells_the_grades_apart(theme, eye):
    assert too_near(THEMES[theme], [f"grade-{grade}-bg" for grade in range(1, 6)], eye) == []


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_every_eye_tells_the_statuses_apart(theme, eye):
    named = [f"st-{status}-bg" for status in STATUSES if status != "awaiting"]  # which looks as upcoming does
    near = {("st-upcoming-bg", "st-na-bg")}
    assert set(too_near(THEMES[theme], named, eye)) <= near
    assert too_near(THEMES[theme], *near, eye, NEARLY_APART) == []


def test_a_pair_that_some_eye_takes_for_one_would_be_found():
    """The negative control: the pairs that were tried and dropped, and the one of a well-known library."""
    assert too_near({"late": "#ff922b", "overdue": "#ff8787"}, ["late", "overdue"], "tritan") != []
    assert too_near({"mild": "#66bd63", "moderate": "#fdae61"}, ["mild", "moderate"], "protan") != []
    assert too_near({"mild": "#66bd63", "moderate": "#fdae61"}, ["mild", "moderate"], None) == []


def test_the_grades_keep_their_order_on_a_grey_printer():
    """Each is darker than the one before by at least 10 of the 100 steps of L*."""
    steps = [lab(seen(LIGHT[f"grade-{grade}-bg"]))[0] for grade in range(1, 6)]
    assert [round(one - other) >= 10 for one, other in zip(steps, steps[1:], strict=False)] == [True] * 4


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("series", SERIES)
def test_lines_and_points_stand_out_from_the_page_and_from_the_band_of_normal_values(theme, series):
    colours = THEMES[theme]
    assert contrast(colours[series], colours["page-bg"]) >= BORDER
    assert contrast(colours[series], colours["chart-band"]) >= BORDER


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("grade", range(1, 6))
def test_the_outline_of_a_bar_stands_out_where_its_fill_does_not(theme, grade):
    colours = THEMES[theme]
    fill = contrast(colours[f"grade-{grade}-bg"], colours["page-bg"])
    assert max(fill, contrast(colours["grade-outline"], colours["page-bg"])) >= BORDER


def test_pictures_take_every_colour_from_the_tokens():
    charts = (settings.BASE_DIR / "static" / "charts.css").read_text()
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl|url\(|https?:", charts) == []
    ours = {name for name in re.findall(r"var\(--([\w-]+)\)", charts) if not name.startswith("bs-")}
    assert ours - LIGHT.keys() == set()
