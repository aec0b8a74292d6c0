"""How many events began in which weeks since the infusion, by grade: stacked bars, and the table they come from."""

from typing import NamedTuple

WEEKS = 4  # in one column
DAYS = 7 * WEEKS
GRADES = (5, 4, 3, 2, 1, 0)  # from the foot of the column; 0 is not graded
BEFORE, UNSURE = "Before D0", "Weeks not known"
LEFT, TOP, FOOT, HEIGHT, COLUMN, RIGHT = 36, 20, 22, 170, 96, 16  # the last column's words reach into RIGHT
LETTER = 6.6
ROOM_FOR_WORDS = 12  # the height from which a segment holds its words


class Segment(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    grade: int
    count: int

    @property
    def label(self):
        grade = str(self.grade or "?")
        return "" if self.height < ROOM_FOR_WORDS else grade if self.count == 1 else f"{grade} × {self.count}"

    @property
    def label_width(self):
        return len(self.label) * LETTER + 4


class Column(NamedTuple):
    label: str
    x: float
    segments: list[Segment]
    counts: list[int]  # by GRADES
    serious: int

    @property
    def total(self):
        return sum(self.counts)

    @property
    def top(self):
        return self.segments[-1].y if self.segments else HEIGHT - FOOT

    @property
    def is_unsure(self):
        return self.label == UNSURE


class Chart(NamedTuple):
    width: int
    height: int
    base: int
    columns: list[Column]
    ticks: list  # (y, count)
    grades: tuple = GRADES


def draw(events) -> Chart | None:
    """Of the events that stand of infused participants, each with its participant; None while there is none."""
    events = [event for event in events if event.participant.infused]
    if not events:
        return None
    known = [number for event in events if isinstance(number := bin_of(event), int)]
    labels = [BEFORE, *range(max(known, default=0) + 1), UNSURE]
    counted = {label: [event for event in events if bin_of(event) == label] for label in labels}
    if not counted[BEFORE]:
        del counted[BEFORE]
    if not counted[UNSURE]:
        del counted[UNSURE]
    most = max(len(members) for members in counted.values())
    unit = (HEIGHT - TOP - FOOT) / most
    columns = [_column(label, number, members, unit) for number, (label, members) in enumerate(counted.items())]
    step = max(1, -(-most // 4))
    ticks = [(round(HEIGHT - FOOT - count * unit, 1), count) for count in range(0, most + 1, step)]
    return Chart(LEFT + COLUMN * len(columns) + RIGHT, HEIGHT, HEIGHT - FOOT, columns, ticks)


def bin_of(event):
    """The number of the column from Day 0; words where the onset is earlier, or not known well enough."""
    day0 = event.participant.infused_on
    first, last = ((edge - day0).days for edge in (event.started.earliest, event.started.latest))
    if last < 0:
        return BEFORE
    return first // DAYS if first >= 0 and first // DAYS == last // DAYS else UNSURE


def _column(label, number, members, unit) -> Column:
    counts = [sum((event.grade or 0) == grade for event in members) for grade in GRADES]
    x, y, segments = LEFT + number * COLUMN + 6, HEIGHT - FOOT, []
    for grade, count in zip(GRADES, counts, strict=True):
        if count:
            y -= count * unit
            segments.append(Segment(x, round(y, 1), COLUMN - 12, round(count * unit, 1), grade, count))
    words = label if isinstance(label, str) else f"D{label * DAYS}–{label * DAYS + DAYS - 1}"
    return Column(words, x, segments, counts, sum(event.is_serious for event in members))
