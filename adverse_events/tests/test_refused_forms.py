"""Every form about an adverse event, refused: each box comes back as it was typed."""

import re
from datetime import date

import pytest

from adverse_events.assessing import assess
from adverse_events.notifications import determine, notify
from adverse_events.reporting import report
from adverse_events.sae_reports import prepare
from adverse_events.study_clocks import of_the_study
from adverse_events.study_telling import reach_milestone, tell
from adverse_events.tests.test_event_form import EVENT, Filled, medicine
from adverse_events.voiding import void
from conftest import NOW, staged
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)
AE = "/adverse-events/MUSC-001/1/"
HIDDEN = {"csrfmiddlewaretoken", "form_key", "opened_version", "next"}
TYPED = "Ω 𝔸 “as typed” <b>"


def day(name, number="32"):
    return {f"{name}_day": number, f"{name}_month": "6", f"{name}_year": "2025"}


COMPLETED = {name: typed for name, typed in EVENT.items() if not name.startswith(("term", "started"))}
for gone in ("is_ongoing", "ended_time", "note"):
    del COMPLETED[gone]
TOLD = day("on") | {"time": "10:45", "method": "email", "addressee": "Desk 2", "reference": TYPED, "note": TYPED}

# name of the form: who, where, what is typed into every box of it. Each has one fault at least.
FORMS = {
    "report, prefilled by address": (
        "coordinator",
        "/adverse-events/MUSC-001/new/?term=Chills&start=2025-06-14&time=10:31&visit=D0",
        EVENT | {"term": TYPED},
    ),
    "complete": ("coordinator", AE + "complete/", COMPLETED | day("ended") | day("aware_on", "31")),
    "grade": ("coordinator", AE + "grade/", day("since", "31") | {"grade": "4", "reason": TYPED}),
    "follow-up": (
        "coordinator",
        AE + "follow-up/",
        day("followed_on") | day("next_on", "31") | {"note": TYPED},
    ),
    "void": ("coordinator", AE + "void/", {"reason": "x" * 501}),
    "restore": ("coordinator", "/adverse-events/MUSC-001/2/restore/", {"reason": "x" * 501}),
    "told": ("coordinator", AE + "told/", TOLD | {"recipient": "fda", "clocks": "K1b"}),
    "determined": (
        "chair",
        AE + "determined/",
        day("on") | {"time": "25:00", "kind": "qualifies", "note": TYPED},
    ),
    "void a notification": ("coordinator", AE + "told/NOTICE/void/", {"reason": "x" * 501}),
    "void a determination": ("coordinator", AE + "determined/DETERMINATION/void/", {"reason": "x" * 501}),
    "does not qualify": ("investigator", AE + "clocks/CLOCK/close/", {"reason": "x" * 401}),
    "narrative": ("coordinator", AE + "reports/1/narrative/", {"narrative": "y" * 20_001}),
    "attachment": (
        "coordinator",
        AE + "reports/1/attach/",
        day("dated_on") | {"title": TYPED, "place": "Binder 2"},
    ),
    "switch a stopping rule": ("chair", "/safety/rules/EXAMPLE/switch/", {"reason": "x" * 501}),
    "milestone": (
        "chair",
        "/safety/clocks/study/milestones/new/",
        day("reached_on") | {"kind": "part_ended", "site": "EMORY", "reference": TYPED},
    ),
    "told of the study": (
        "investigator",
        "/safety/clocks/study/K15/OCCURRENCE/told/",
        TOLD | {"recipient": "sponsor"},
    ),
    "void a milestone": ("investigator", "/safety/clocks/study/milestones/MILESTONE/void/", {"reason": "x" * 501}),
    "void a notice of the study": ("investigator", "/safety/clocks/study/told/STUDY/void/", {"reason": "x" * 501}),
}


@staged
def places(musc, coordinator, frozen):
    """{word in an address: row number}; AE 1 is serious and has everything, AE 2 is voided."""
    participant = musc.infused(DAY0)
    facts = {"term": "Rash", "started": PartialDate(2025, 6), "by": coordinator, "at": NOW}
    event = report(participant=participant, **facts)
    assess(event=event, party="sponsor", sponsor_is_hospitalization=True, by=coordinator, at=NOW)
    void(event=report(participant=participant, **facts | {"term": "Cough"}), reason="Twice", by=coordinator, at=NOW)
    told = {
        "recipient": "sponsor",
        "sent_at": NOW,
        "method": "fax",
        "reference": "FAX-1",
        "by": coordinator,
        "at": NOW,
    }
    found = {"kind": "unanticipated_problem", "determined_at": NOW, "note": "Not foreseen"}
    prepare(event=event, by=coordinator, at=NOW)
    notice = notify(event=event, **told, clocks=[])
    determination = determine(event=event, **found, by=coordinator, at=NOW)
    ended = {"kind": "part_ended", "site": "MUSC", "reached_on": DAY0, "reference": "Letter 1"}
    milestone = reach_milestone(**ended, by=coordinator, at=NOW)
    [clock] = [each for each in of_the_study(NOW, ["K15"]) if each.site_id == "MUSC"]
    return {
        "NOTICE": notice.pk,
        "DETERMINATION": determination.pk,
        "CLOCK": event.clocks.get(rule_id="K1b").pk,
        "MILESTONE": milestone.pk,
        "OCCURRENCE": clock.occurrence,
        "STUDY": tell(clock=clock, **told).pk,
        "EXAMPLE": participant.protocol.stopping_rules[0].id,
        "medicine": medicine(participant).pk,
    }


def boxes(page):
    """The names of everything that the page's form sends."""
    form = re.search(r'<form method="post"[^>]*class="act".*?</form>', page, re.DOTALL)[0]
    return set(re.findall(r'<(?:input|select|textarea)\b[^>]*?\bname="([^"]+)"', form)) - HIDDEN


@pytest.mark.parametrize("name", FORMS)
def test_every_box_survives_a_refused_save(request, places, browse, name):
    whose, address, typed = FORMS[name]
    for word, number in places.items():
        address = address.replace(word, str(number))
    if "medication" in typed:
        typed = typed | {"medication": str(places["medicine"])}
    if "clocks" in typed:
        typed = typed | {"clocks": str(places["CLOCK"])}
    client = browse(request.getfixturevalue(whose))
    page = client.get(address)
    assert page.status_code == 200
    assert boxes(page.content.decode()) - {"confirmed"} == set(typed) - {"confirmed"}
    response = client.post(address, typed)
    assert response.status_code == 422
    again = Filled(response.content.decode()).sent
    assert {box: again.get(box) for box in typed} == typed
