import re

import pytest
from django.conf import settings

CSS = (settings.BASE_DIR / "static" / "tracker.css").read_text()
STATUSES = ["done", "done-out", "open", "late", "overdue", "soon", "upcoming", "missed", "na", "awaiting"]
TEXT, BORDER = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11


def tokens(selector):
    block = re.search(re.escape(selector) + r"\s*{([^}]*)}", CSS)[1]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block))


LIGHT = tokens(":root")
THEMES = {"light": LIGHT, "dark": LIGHT | tokens('[data-bs-theme="dark"]')}


def channels(colour, over=None):
    """Red, green, blue from 0 to 255; a colour with alpha as it looks over another."""
    digits = colour.removeprefix("#")
    rgb = [int(digits[i : i + 2], 16) for i in (0, 2, 4)]
    if len(digits) == 8:
        alpha = int(digits[6:], 16) / 255
        rgb = [alpha * top + (1 - alpha) * below for top, below in zip(rgb, channels(over), strict=True)]
    return rgb


def luminance(rgb):
    def linear(channel):
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return sum(weight * linear(c) for weight, c in zip((0.2126, 0.7152, 0.0722), rgb, strict=True))


def contrast(one, other, over=None):
    high, low = sorted((luminance(channels(one, over)), luminance(channels(other, over))), reverse=True)
    return (high + 0.05) / (low + 0.05)


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
