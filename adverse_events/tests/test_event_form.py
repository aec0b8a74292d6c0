"""The forms of an event as pages: what is prefilled, what survives a refusal, what is asked."""

from datetime import UTC, date, datetime, time
from html.parser import HTMLParser

import pytest

from adverse_events.forms import CorrectionForm, EventForm, SponsorForm
from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import NOW, staged
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)
ADDRESS = "/adverse-events/MUSC-001/new/"


class Filled(HTMLParser):
    """{name: value} of a page's form, as a browser would send it again."""

    def __init__(self, page):
        super().__init__()
        self.sent, self.select, self.area = {}, None, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name, kind = given.get("name"), given.get("type", "text")
        if tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in given):
            self.sent[name] = given.get("value", "on" if kind == "checkbox" else "")
        elif tag == "select":
            self.select = name
            self.sent[name] = ""
        elif tag == "option" and self.select and "selected" in given:
            self.sent[self.select] = given.get("value", "")
        elif tag == "textarea":
            self.area = name
            self.sent[name] = ""

    def handle_endtag(self, tag):
        self.select = None if tag == "select" else self.select
        self.area = None if tag == "textarea" else self.area

    def handle_data(self, data):
        if self.area:
            self.sent[self.area] += data.removeprefix("\n")


EVENT = {
    "term": 'Shingles, "left" T6',
    "dictionary_term": "Shingles",
    "started_day": "3",
    "started_month": "6",
    "started_year": "2025",
    "started_time": "08:15",
    "is_ongoing": "on",
    "ended_day": "UNK",
    "ended_month": "6",
    "ended_year": "2025",
    "ended_time": "noon",
    "grade": "3",
    **{flag: "on" for flag in ("is_fatal", "is_life_threatening", "is_hospitalization")},
    **{flag: "on" for flag in ("is_incapacity", "is_congenital_anomaly", "is_important_medical_event")},
    "aware_on_day": "4",
    "aware_on_month": "6",
    "aware_on_year": "2025",
    "aware_time": "09:40",
    "causality": "possible",
    "is_suspected": "no",
    "is_related_to_infusion": "no",
    "is_related_to_disease": "yes",
    "is_related_to_medicine": "yes",
    "is_related_to_other": "yes",
    "related_to_text": "Cat scratch",
    "nature": "disease_activity",
    "special_interest": "infection",
    "action_taken": "not_applicable",
    "is_treated": "yes",
    "treatment": "Acyclovir",
    "medication": "",
    "outcome": "recovering",
    "visit": "W1",
    "note": "Called the ward\nand again",
    "confirmed": "on",
}
CORRECTION = EVENT | {"reason": "Misread"}
SPONSOR = {
    "sponsor_received_on_day": "32",
    "sponsor_received_on_month": "6",
    "sponsor_received_on_year": "2025",
    "sponsor_received_time": "10:00",
    "sponsor_causality": "unlikely",
    "sponsor_is_suspected": "yes",
    "expectedness": "unexpected",
    "expectedness_reference": "IB 3",
    "reason": "New data",
    **{f"sponsor_{flag}": "on" for flag in ("is_fatal", "is_life_threatening", "is_hospitalization")},
    **{f"sponsor_{flag}": "on" for flag in ("is_incapacity", "is_congenital_anomaly", "is_important_medical_event")},
}


def boxes_of(form_class, participant):
    """The names of everything the form sends."""
    fields = form_class(participant=participant).fields.items()
    return {f"{name}{sub}" for name, field in fields for sub in getattr(field.widget, "widgets_names", [""])}


def medicine(participant):
    facts = {"drug": "Acyclovir", "drug_class": "other", "route": "oral", "protocol_version": "1.0"}
    facts |= {"recorded_at": NOW, "recorded_by": participant.screened_by, "site": participant.site}
    return participant.medications.create(**facts)


@staged
def participant(musc, frozen):
    return musc.infused(DAY0)


@staged
def event(participant, coordinator):
    return report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)


@pytest.mark.parametrize(
    ("form_class", "typed", "whose", "act"),
    [
        (EventForm, EVENT, "coordinator", "new/"),
        (CorrectionForm, CORRECTION, "coordinator", "1/correct/"),
        (SponsorForm, SPONSOR, "chair", "1/sponsor/"),
    ],
)
def test_every_field_survives_a_refused_save(request, event, browse, form_class, typed, whose, act):
    assert set(typed) == boxes_of(form_class, event.participant)
    if "medication" in typed:
        typed = typed | {"medication": str(medicine(event.participant).pk)}
    client = browse(request.getfixturevalue(whose))
    response = client.post(f"/adverse-events/MUSC-001/{act}", typed)
    assert response.status_code == 422
    again = Filled(response.content.decode()).sent
    assert {name: again.get(name) for name in typed} == typed


def test_an_event_is_saved_with_everything_the_form_has(participant, browse, coordinator):
    typed = EVENT | {"ended_day": "", "ended_month": "", "ended_year": "", "ended_time": ""}
    typed |= {"medication": str(medicine(participant).pk)}
    assert browse(coordinator).post(ADDRESS, typed).status_code == 302
    event = AdverseEvent.objects.get()
    assert (event.started_time, event.visit.code, event.is_suspected, event.is_treated) == (
        time(8, 15),
        "W1",
        False,
        True,
    )
    assert (event.medication.drug, event.treatment) == ("Acyclovir", "Acyclovir")
    assert event.aware_at == datetime(2025, 6, 4, 13, 40, tzinfo=UTC)
    assert (event.nature, event.special_interest, event.dictionary_term) == (
        "disease_activity",
        "infection",
        "Shingles",
    )


def test_a_term_and_some_start_are_enough(participant, browse, coordinator):
    typed = {"term": "Rash", "started_year": "2025", "started_month": "UNK", "started_day": "UNK"}
    assert browse(coordinator).post(ADDRESS, typed | {"is_ongoing": "on"}).status_code == 302
    page = browse(coordinator).get("/adverse-events/MUSC-001/1/").content.decode()
    assert "Still open: grade, causality, outcome, special interest." in page
    assert "UN-UNK-2025" in page
    assert "<dt>Treatment-emergent</dt><dd>Unknown</dd>" in page


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("term=Chills&start=2025-05-31&visit=D0", {"term": "Chills", "started_day": "31", "visit": "D0"}),
        ("start=2025-06", {"started_day": "UNK", "started_month": "6", "started_year": "2025"}),
        ("start=yesterday&term=" + "x" * 201, {"started_year": "", "term": ""}),
        ("visit=%00&start=2025-13", {"visit": "", "started_month": ""}),
        ("start=2025-05-31&time=10%3A31", {"started_day": "31", "started_time": "10:31"}),
        ("start=2025-05-31&time=25%3A00", {"started_day": "31", "started_time": ""}),
        ("start=2025-05&time=10%3A31", {"started_month": "5", "started_time": ""}),
        ("time=10%3A31", {"started_year": "", "started_time": ""}),
    ],
)
def test_an_address_may_bring_the_first_answers_along(participant, browse, coordinator, query, sent):
    page = browse(coordinator).get(f"{ADDRESS}?{query}")
    assert page.status_code == 200
    filled = Filled(page.content.decode()).sent
    assert {name: filled.get(name, "") for name in sent} == sent


def test_the_awareness_needs_its_day_and_its_time(participant, browse, coordinator):
    typed = {"term": "Rash", "started_year": "2025", "aware_time": "09:40"}
    response = browse(coordinator).post(ADDRESS, typed)
    assert "Give the day and the time, or neither." in response.content.decode()
    typed |= {"aware_on_day": "9", "aware_on_month": "3", "aware_on_year": "2025", "aware_time": "02:30"}
    assert "02:30 on Sun 9 Mar 2025 does not exist" in browse(coordinator).post(ADDRESS, typed).content.decode()


@pytest.mark.parametrize(
    ("term", "sentence"),
    [
        ("\u200b\u200d\u00ad", "Give the reported term: the diagnosis, or what was observed."),
        ("fever\u202e", "This holds an invisible sign that turns the direction of text. Type it again."),
        ("x" * 201, "This has 201 characters and 200 fit. Shorten it."),
    ],
)
def test_a_term_that_nobody_could_read_is_refused(participant, browse, coordinator, term, sentence):
    response = browse(coordinator).post(ADDRESS, {"term": term, "started_year": "2025"})
    assert (response.status_code, AdverseEvent.objects.count()) == (422, 0)
    assert sentence in response.content.decode()


def test_letters_of_every_plane_are_kept_as_they_are(participant, browse, coordinator):
    typed = {"term": "😀 fever 𝔸 <b>", "started_year": "2025", "is_ongoing": "on", "note": "😀" * 500}
    assert browse(coordinator).post(ADDRESS, typed).status_code == 302
    event = AdverseEvent.objects.get()
    assert (event.term, event.note) == (typed["term"], typed["note"])
    assert "😀 fever 𝔸 &lt;b&gt;" in browse(coordinator).get(event.get_absolute_url()).content.decode()


def test_the_dictionary_suggests_as_one_types(participant, browse, coordinator):
    page = browse(coordinator).get("/adverse-events/terms/?dictionary_term=infus").content.decode()
    assert '<option value="Infusion related reaction">' in page
    help_page = browse(coordinator).get("/adverse-events/terms/grades/?dictionary_term=Headache").content.decode()
    assert "the general scale applies" in help_page


def test_an_event_found_at_no_visit_of_the_participant_is_refused(participant, browse, coordinator):
    typed = {"term": "Rash", "started_year": "2025", "visit": "W99"}
    assert browse(coordinator).post(ADDRESS, typed).status_code == 422


def test_the_sponsor_answers_on_a_page_of_its_own(event, browse, chair):
    client = browse(chair)
    typed = {"expectedness": "unexpected", "sponsor_is_hospitalization": "on", "sponsor_causality": "possible"}
    assert client.post("/adverse-events/MUSC-001/1/sponsor/", typed).status_code == 302
    page = client.get("/adverse-events/MUSC-001/1/").content.decode()
    assert "Serious: Inpatient hospitalization or prolongation of it" in page
    assert "Expected or unexpected: not answered → <strong>Unexpected</strong>" in page


def test_the_course_of_the_grade_is_drawn_and_told(event, browse, coordinator):
    client = browse(coordinator)
    typed = {"grade": "2", "since_day": "10", "since_month": "6", "since_year": "2025"}
    assert client.post("/adverse-events/MUSC-001/1/grade/", typed).status_code == 302
    typed |= {"grade": "3", "since_day": "12"}
    assert client.post("/adverse-events/MUSC-001/1/grade/", typed).status_code == 302
    page = client.get("/adverse-events/MUSC-001/1/").content.decode()
    assert "Grade 2 since 10-JUN-2025, protocol day 10. Grade 3 since 12-JUN-2025, protocol day 12." in page
    assert page.count("course-bar") == 2
