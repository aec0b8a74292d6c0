"""The table of cases: event, edits, and the clocks with their exact deadlines."""

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from adverse_events import notifications, timekeeping, voiding, watching
from adverse_events.assessing import assess
from adverse_events.clocks import LAST_INSTANT
from adverse_events.models import SITE, SPONSOR, SPONSOR_JUDGES, Clock
from adverse_events.models.clock import OPEN, WAITING
from adverse_events.reporting import report
from studytracker import protocol
from studytracker.dates import PartialDate, local_instant
from studytracker.outbox.models import Notice
from studytracker.outbox.sweeping import sweep

CASES = tomllib.loads((Path(__file__).parent / "clock_cases.toml").read_text())["case"]
FRIDAY = "2017-06-30 09:00"
CONSENT = date(2017, 4, 15)
INSTANTS = ("aware_at", "sponsor_received_at")
SHORT = {WAITING: "Waits", OPEN: "Open"}


def test_the_table_is_whole():
    assert len(CASES) >= 80
    assert len({case["name"] for case in CASES}) == len(CASES)


class Play:
    """One event at one site, and what people do to it."""

    def __init__(self, cast, site):
        self.zone = protocol.current().site(site).zone
        self.by = cast.coordinator
        self.participant = cast.screened(on=CONSENT)

    def instant(self, text):
        wall = datetime.fromisoformat(text)
        return local_instant(wall.date(), wall.time(), self.zone)

    def facts(self, given):
        return {name: self.instant(value) if name in INSTANTS else value for name, value in given.items()}

    def begin(self, reported=FRIDAY, aware=FRIDAY, **facts):
        self.now = self.instant(reported)
        facts |= {"aware_at": self.instant(aware) if aware else None}
        start = {"term": "Fever", "started": PartialDate(2017, 5)}
        self.event = report(participant=self.participant, by=self.by, at=self.now, **start, **facts)

    def step(self, at, **act):
        self.now = self.instant(at)
        getattr(self, next(iter(act)))(act, {"by": self.by, "at": self.now})

    def assess(self, act, who):
        facts = self.facts(act["assess"])
        for party in (SITE, SPONSOR):
            own = {name: value for name, value in facts.items() if (name in SPONSOR_JUDGES) == (party == SPONSOR)}
            if own:
                assess(event=self.event, party=party, reason=act["reason"], **own, **who)

    def notify(self, act, who):
        clocks = [self.event.clocks.get(rule_id=rule_id) for rule_id in act["answers"]]
        how = {"method": "email", "reference": "Receipt 17", "clocks": clocks}
        notifications.notify(
            event=self.event, recipient=act["notify"], sent_at=self.instant(act["sent"]), **how, **who
        )

    def determine(self, act, who):
        facts = {"kind": act["determine"], "determined_at": self.instant(act["when"]), "note": "As assessed"}
        notifications.determine(event=self.event, **facts, **who)

    def close(self, act, who):
        timekeeping.close(clock=self.event.clocks.get(rule_id=act["close"]), reason="Does not qualify", **who)

    def void(self, act, who):
        if act["void"] == "event":
            voiding.void(event=self.event, reason="Entered for another participant", **who)
        else:
            record = getattr(self.event, f"{act['void']}s").get()
            notifications.void(record=record, reason="Entered twice", **who)

    def restore(self, act, who):
        voiding.restore(event=self.event, reason="It was this participant", **who)

    def sweep(self, act, who):
        watching.look(self.now)

    def shown(self):
        """{clock: state and deadline}; a second clock of one rule has a blank more in its name."""
        found = {}
        for clock in self.event.clocks.with_state(self.now).order_by("pk"):
            name = clock.rule_id
            while name in found:
                name += " "
            assert clock.state == clock.state_at(self.now)
            found[name] = " ".join(filter(None, (SHORT.get(clock.state, clock.state), self.due(clock))))
        return found

    def due(self, clock):
        if clock.due_at is None:
            return ""
        wall = clock.due_at.astimezone(self.zone)
        end = (clock.due_at + LAST_INSTANT).astimezone(self.zone)
        return str(wall.date()) if clock.rule.unit != "hours" else f"{end:%Y-%m-%d %H:%M}"


@pytest.fixture
def protocol_with(tmp_path, settings):
    """The protocol file with lengths that the case gives to clocks, and holidays to sites."""

    def edit(rules):
        text = Path(settings.PROTOCOL_FILE).read_text()
        for name, given in rules.items():
            if isinstance(given, list):
                place = text.index(f'[[site]]\ncode = "{name}"')
                at = text.index("holidays = []", place)
                text = text[:at] + f"holidays = [{', '.join(given)}]" + text[at + len("holidays = []") :]
            else:
                place = text.index("start = ", text.index(f'[[clock]]\nid = "{name}"'))
                length = f'amount = {given["amount"]}\nunit = "{given["unit"]}"\ndays = "{given["days"]}"\n'
                text = text[:place] + length + text[place:]
        file = tmp_path / "1.0.toml"
        file.write_text(text)
        settings.PROTOCOL_FILE = str(file)

    return edit


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_clocks(case, request, protocol_with):
    if "rules" in case:
        protocol_with(case["rules"])
    site = case.get("site", "MUSC")
    play = Play(request.getfixturevalue(site.lower()), site)
    play.begin(**case.get("event", {}))
    for step in case.get("steps", []):
        play.step(**step)
    shown = play.shown()
    assert shown == case["expect"]
    assert play.participant.deviations.filter(category="late_safety_report").count() == case.get("deviations", 0)
    assert Clock.objects.filter(deviation__isnull=False).count() == case.get("deviations", 0)


def test_whatever_happened_computing_anew_changes_nothing(musc):
    """Old events do not fire again: neither a trace nor a deviation is added."""
    play = Play(musc, "MUSC")
    play.begin(aware="2017-06-27 09:00", is_fatal=True)
    traces = [clock.changes.count() for clock in play.event.clocks.all()]
    for days in (0, 0, 0):
        watching.watch(play.event, by=play.by, at=play.now + timedelta(days=days))
    assert [clock.changes.count() for clock in play.event.clocks.all()] == traces
    assert play.participant.deviations.count() == 1


def test_an_old_breach_is_neither_recorded_nor_told_again(musc):
    """Sweeps and edits a day, a month and a year later: the one deviation stands, and each person had one notice."""
    play = Play(musc, "MUSC")
    play.begin(aware="2017-06-27 09:00", is_hospitalization=True)
    sweep(play.now)
    told = Notice.objects.filter(source="clock", stage__startswith="over")
    first = told.count()
    for days in (1, 30, 400):
        sweep(play.now + timedelta(days=days))
    watching.watch(play.event, by=play.by, at=play.now + timedelta(days=401))
    assert (first, told.count(), told.values("recipient").distinct().count()) == (2, 2, 2)
    assert play.participant.deviations.count() == 1
    assert play.event.clocks.get(rule_id="K1b").changes.filter(words__startswith="Breached").count() == 1
