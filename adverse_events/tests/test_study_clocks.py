"""Clocks about no event: the table of cases, and where people meet them."""

import tomllib
from datetime import date, datetime
from pathlib import Path

import pytest

from adverse_events import study_clocks, study_reminders, study_telling, watching
from adverse_events.models import Milestone, StudyBreach, StudyNotice
from adverse_events.models.clock import OPEN, WAITING
from adverse_events.study_telling import StudyRefused, reach_milestone, tell
from adverse_events.tests.test_clock_cases import protocol_with  # noqa: F401
from conftest import NOW
from participants.models import DsmbDecision
from studytracker import protocol
from studytracker.dates import local_instant
from visits import deviations
from visits.models import Deviation

CASES = tomllib.loads((Path(__file__).parent / "study_clock_cases.toml").read_text())["case"]
DAY0 = date(2017, 6, 6)


class Play:
    """A trial with one participant, and what is recorded."""

    def __init__(self, cast, site):
        self.zone = protocol.current().site(site).zone
        self.cast, self.site = cast, site

    @property
    def participant(self):
        if not hasattr(self, "_participant"):
            self._participant = self.cast.screened(on=date(2017, 4, 15))
        return self._participant

    def instant(self, text):
        wall = datetime.fromisoformat(text)
        return local_instant(wall.date(), wall.time(), self.zone)

    def step(self, now, act):
        getattr(self, next(iter(act)))(act, {"by": self.cast.coordinator, "at": now})

    def visit(self, act, who):
        if not hasattr(self, "_participant"):
            self._participant = self.cast.infused(date(2017, 6, 6))
        seen = {"attended_on": act["visit"], "attended_at": who["at"], "attended_by": who["by"]}
        self.participant.visits.filter(code="W2").update(**seen)

    def decision(self, act, who):
        facts = {"decision": "continue", "decided_on": act["decision"], "cut_off_on": act["cut_off"]}
        facts |= {"site": self.participant.site, "document": "Letter 1"}
        if act.get("confirmed", True):
            facts |= {"confirmed_at": who["at"], "confirmed_by": self.cast.investigator}
        DsmbDecision.objects.create(
            participant=self.participant, **facts, recorded_at=who["at"], recorded_by=who["by"]
        )

    def milestone(self, act, who):
        facts = {"kind": act["milestone"], "reached_on": act["on"], "site": act.get("site")}
        reach_milestone(**facts, reference="Letter 1", **who)

    def tell(self, act, who):
        [clock] = [
            each
            for each in study_clocks.of_the_study(who["at"], [act["tell"]])
            if each.state_at(who["at"]) != WAITING and not each.met_at
        ][:1]
        how = {"method": "email", "reference": "Receipt 17"}
        tell(clock=clock, recipient=act["to"], sent_at=self.instant(act["sent"]), **how, **who)

    def deviation(self, act, who):
        found = self.instant(act["found"])
        facts = {"category": act["deviation"], "happened_on": found.date(), "description": "As found"}
        self.found = deviations.report(participant=self.participant, **facts, **who | {"at": found})

    def classify(self, act, who):
        deviations.complete(deviation=self.found, impact="None", action="Told", **who)
        deviations.classify(deviation=self.found, severity="minor", is_reportable=True, **who)

    def report(self, act, who):
        day = act["report"]
        deviations.close(deviation=self.found, closed_on=day, reported_on=day, **who)

    def void(self, act, who):
        if act["void"] == "deviation":
            deviations.void(deviation=self.found, reason="It was none", **who)
        else:
            model = {"milestone": Milestone, "notice": StudyNotice}[act["void"]]
            study_telling.void(record=model.objects.get(), reason="Entered twice", **who)

    def sweep(self, act, who):
        watching.look(who["at"])


def shown(now, zone):
    """{rule and what it is about: state and last day} of the clocks that do not wait."""
    found = {}
    for clock in study_clocks.everything(now):
        state = clock.state_at(now)
        if state != WAITING:
            due = str(clock.due_at.astimezone(zone).date()) if clock.due_at else ""
            found[f"{clock.rule_id} {clock.about}"] = f"{'Open' if state == OPEN else state} {due}".strip()
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_clocks_about_no_event(case, request, protocol_with):  # noqa: F811
    protocol_with(case.get("rules", {}))
    site = case.get("site", "MUSC")
    play = Play(request.getfixturevalue(site.lower()), site)
    now = play.instant(case.get("now", "2017-06-30 12:00"))
    for act in case.get("steps", []):
        play.step(now, act)
    assert shown(now, play.zone) == case["expect"]
    assert Deviation.objects.filter(category="late_safety_report").count() == case.get("late", 0)
    assert StudyBreach.objects.count() == case.get("breaches", 0)


def test_what_has_not_started_waits_and_says_for_what(trial):
    waiting = {f"{c.rule_id} {c.about}": c.starts for c in study_clocks.everything(NOW) if c.state_at(NOW) == WAITING}
    assert waiting == {
        "K14 The trial": "waits for: The IND went into effect",
        "K15 MUSC": "waits for: The investigator's part at a site ended: last visit of its last participant",
        "K15 EMORY": "waits for: The investigator's part at a site ended: last visit of its last participant",
        "K16 MUSC": "waits for: The product was approved; or the investigation was discontinued and the FDA told",
        "K16 EMORY": "waits for: The product was approved; or the investigation was discontinued and the FDA told",
    }


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"reached_on": date(2025, 6, 19)}, "Thu 19 Jun 2025 is in the future: today is Wed 18 Jun 2025."),
        ({"reached_on": date(1, 1, 1)}, "more than 20 years before the study began. Check the year."),
        ({"site": "MUSC"}, "This is of the whole trial."),
        ({"kind": "part_ended"}, "Say at which site: each site reaches it for itself."),
        ({"kind": "landing"}, 'no term of the vocabulary milestone "landing"'),
    ],
)
def test_a_milestone_that_cannot_be_is_refused(chair, wrong, sentence):
    facts = {"kind": "ind_effective", "reached_on": date(2017, 3, 1), "reference": "Letter", "site": None}
    with pytest.raises(StudyRefused) as refused:
        reach_milestone(**facts | wrong, by=chair, at=NOW)
    assert sentence in str(refused.value)


def test_a_milestone_is_reached_once(chair):
    facts = {"kind": "ind_effective", "reached_on": date(2017, 3, 1), "reference": "Letter"}
    reach_milestone(**facts, by=chair, at=NOW)
    with pytest.raises(StudyRefused, match="This milestone is recorded already. Void it first"):
        reach_milestone(**facts, by=chair, at=NOW)


def milestone(**differing):
    boxes = {"reached_on_day": "2", "reached_on_month": "5", "reached_on_year": "2024"}
    return {"kind": "ind_effective", "site": "", "reference": "Letter 1", **boxes} | differing


def told(**differing):
    boxes = {"on_day": "18", "on_month": "6", "on_year": "2025", "time": "10:45"}
    return {"recipient": "fda", **boxes, "method": "email", "reference": "Receipt 17"} | differing


def test_the_chair_records_the_ind_is_reminded_and_records_the_report(chair, browse, frozen):
    client = browse(chair)
    assert client.post("/safety/clocks/study/milestones/new/", milestone()).status_code == 302
    [first] = [c for c in study_clocks.of_the_study(NOW, ["K14"]) if c.state_at(NOW) != WAITING]
    address = f"/safety/clocks/study/K14/{first.occurrence}/told/"
    home = client.get("/").content.decode()
    assert f'href="{address}"' in home
    assert "13 d 12 h left" in home
    [(matter, stage)] = {(each.object_id, each.stage) for each in study_reminders.due(NOW)}
    [line] = study_reminders.still_due({(matter, stage)}, NOW).values()
    assert (stage, line.text) == ("K14-250702-50", "Year 1 of the IND K14, by the end of Tue 1 Jul 2025")
    assert client.post(address, told(recipient="dsmb")).status_code == 422
    assert client.post(address, told()).status_code == 302
    page = client.get("/safety/clocks/study/").content.decode()
    assert "FDA, 18 Jun 2025 10:45 EDT, e-mail, Receipt 17." in page
    assert (list(study_reminders.due(NOW)), study_reminders.still_due({(matter, stage)}, NOW)) == ([], {})


def test_a_refused_milestone_comes_back_whole(chair, browse, frozen):
    client = browse(chair)
    response = client.post("/safety/clocks/study/milestones/new/", milestone(reached_on_day="32", reference="Ω 𝔸"))
    page = response.content.decode()
    assert (response.status_code, Milestone.objects.count()) == (422, 0)
    assert ['value="32"' in page, 'value="Ω 𝔸"' in page, 'value="ind_effective"' in page] == [True] * 3


def test_each_role_records_only_what_the_protocol_gives_it(
    emory, emory_investigator, investigator, coordinator, chair, browse, frozen
):
    facts = {"kind": "part_ended", "site": "EMORY", "reached_on": date(2025, 6, 1), "reference": "Letter"}
    made = reach_milestone(**facts, by=emory_investigator, at=NOW)
    address = f"/safety/clocks/study/K15/milestone-{made.pk}-EMORY/told/"
    answers = {
        person.username: browse(person).get(address).status_code
        for person in (emory_investigator, investigator, coordinator, chair)
    }
    assert answers == {"pi.emory": 200, "pi.musc": 404, "crc.musc": 404, "chair": 403}
    sent = milestone(kind="part_ended", site="EMORY")
    assert browse(investigator).post("/safety/clocks/study/milestones/new/", sent).status_code == 422
    assert browse(coordinator).get("/safety/clocks/study/milestones/new/").status_code == 403
    assert "EMORY" not in browse(investigator).get("/safety/clocks/study/").content.decode()


def test_a_deviation_that_emory_has_reported_is_brought_to_mind(emory, frozen):
    facts = {"category": "consent", "happened_on": date(2025, 6, 18), "description": "Wrong form"}
    deviations.report(participant=emory.screened(), by=emory.coordinator, at=NOW, **facts)
    due = list(study_reminders.due(NOW))
    assert {(each.stage, each.site) for each in due} == {("K8-250704-opened", "EMORY")}
    [line] = study_reminders.still_due({(due[0].object_id, due[0].stage)}, NOW).values()
    assert line.text == "EMO-001 DV 1 K8, by the end of Thu 3 Jul 2025"


def test_a_serious_event_recorded_before_there_were_clocks_gets_them_in_the_next_sweep(musc, coordinator):
    from adverse_events.models import AdverseEvent
    from adverse_events.reporting import report
    from studytracker.dates import PartialDate

    facts = {"term": "Fever", "started": PartialDate(2025, 6), "aware_at": datetime(2025, 6, 2, 12, tzinfo=NOW.tzinfo)}
    row = report(participant=musc.screened(), **facts, by=coordinator, at=NOW)
    AdverseEvent.objects.filter(pk=row.pk).update(is_hospitalization=True)
    for _ in range(2):
        watching.look(NOW)
    assert sorted(row.clocks.values_list("rule_id", flat=True)) == ["K1", "K12", "K1b", "K4", "K4b", "K9"]
    assert row.clocks.get(rule_id="K1b").started_at == facts["aware_at"]
    assert row.participant.deviations.filter(category="late_safety_report").count() == 1
