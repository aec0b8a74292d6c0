"""Terms without a class of a dictionary: put under an organ system by a person, once for every event of the term."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.urls import reverse

from adverse_events import registry
from adverse_events.models import AdverseEvent, DictionaryTerm, OrganSystem
from adverse_events.organ_systems import OrganSystemRefused, assign, placed
from adverse_events.reporting import report
from conftest import NOW, apart
from participants.models import Participant
from studytracker.dates import PartialDate
from studytracker.exports.registry.tables import organ_systems
from studytracker.trust.acting import acting
from studytracker.trust.models import Entry

ADDRESS = reverse("organ_systems")
FATIGUE = {"version": "5.0", "term": "Fatigue", "organ_system": "General disorders"}


@pytest.fixture
def events(musc, emory):
    """Fatigue at both sites, Shingles at Emory, and an event at MUSC that nobody coded."""
    mine, theirs = musc.infused(), emory.infused()
    for participant, by, term in (
        (mine, musc.coordinator, "Fatigue"),
        (mine, musc.coordinator, ""),
        (theirs, emory.coordinator, "Fatigue"),
        (theirs, emory.coordinator, "Shingles"),
    ):
        facts = {"term": f"Said: {term}", "dictionary_term": term, "started": PartialDate.of(participant.infused_on)}
        report(participant=participant, **facts, by=by, at=NOW)
    assert {event.ctcae_version for event in AdverseEvent.objects.all()} == {"5.0"}


def told():
    """[(term, organ system)] as the registry's tables get them."""
    infused = Participant.objects.exclude(infusion=None).select_related("infusion", "site")
    return sorted((event.term, event.system) for event in registry.events(infused))


def rows(events=None):
    found = placed(AdverseEvent.objects.all() if events is None else events)
    return [(row.term, row.events, row.system, row.is_from_dictionary) for row in found]


def test_every_event_of_the_term_is_told_under_the_organ_system_and_no_other(events, coordinator):
    assert rows() == [("Fatigue", 2, "", False), ("Shingles", 1, "", False)]
    made = assign(**FATIGUE | {"term": "fatigue"}, by=coordinator, at=NOW)
    assert (made.term, made.number, made.assigned_at, made.assigned_by) == ("Fatigue", 1, NOW, coordinator)
    assert told() == [("", ""), ("Fatigue", "General disorders"), ("Fatigue", "General disorders"), ("Shingles", "")]
    assert rows() == [("Shingles", 1, "", False), ("Fatigue", 2, "General disorders", False)]


def test_an_event_reported_later_is_told_there_too(events, musc, coordinator):
    assign(**FATIGUE, by=coordinator, at=NOW)
    later = {"term": "Tired", "dictionary_term": "FATIGUE", "started": PartialDate(2025, 6)}
    report(participant=Participant.objects.get(identifier="MUSC-001"), **later, by=coordinator, at=NOW)
    assert told().count(("Fatigue", "General disorders")) == 3


def test_another_organ_system_needs_a_reason_and_the_first_stays_on_record(events, coordinator, administrator):
    assign(**FATIGUE, by=coordinator, at=NOW)
    other = FATIGUE | {"organ_system": "Nervous system disorders"}
    for reason in ("", "  no  "):
        with pytest.raises(OrganSystemRefused, match="Fatigue is under General disorders. Say why it is") as refused:
            assign(**other, reason=reason, by=administrator, at=NOW)
        assert refused.value.field == "reason"
    assign(**other, reason="As the sponsor codes it", by=administrator, at=NOW)
    [row] = [row for row in placed(AdverseEvent.objects.all()) if row.term == "Fatigue"]
    assert row.system == "Nervous system disorders"
    assert [(each.number, each.organ_system, each.reason, each.assigned_by) for each in row.past] == [
        (2, "Nervous system disorders", "As the sponsor codes it", administrator),
        (1, "General disorders", "", coordinator),
    ]


def test_each_assignment_is_in_the_trail_with_its_person(events, coordinator, browse):
    browse(coordinator).post(ADDRESS, {"term": "5.0:Fatigue", "organ_system": "General disorders"})
    entry = Entry.objects.get(table="adverse_events_organsystem")
    assert (entry.op, entry.username, entry.source) == ("I", "crc.musc", "web")
    assert '"organ_system": "General disorders"' in entry.new.replace('":"', '": "')


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"organ_system": "Disorders of mood"}, "Choose one of the listed organ systems."),
        ({"organ_system": "General disorders and administration site conditions"}, "Choose one of the listed"),
        ({"term": "Headache"}, "Choose a term of the record."),
        ({"term": ""}, "Choose a term of the record."),
        ({"version": "6.0"}, "Choose a term of the record."),
    ],
)
def test_what_is_no_term_of_the_record_or_no_organ_system_of_the_registry_is_refused(
    events, coordinator, facts, words
):
    with pytest.raises(OrganSystemRefused, match=words):
        assign(**FATIGUE | facts, by=coordinator, at=NOW)
    assert OrganSystem.objects.count() == 0


def test_the_same_again_changes_nothing(events, coordinator):
    assign(**FATIGUE, by=coordinator, at=NOW)
    with pytest.raises(OrganSystemRefused, match="is under General disorders already. Nothing was changed"):
        assign(**FATIGUE, reason="To be sure", by=coordinator, at=NOW)


def test_the_database_refuses_a_second_first_assignment_and_a_change_without_a_reason(events, coordinator):
    made = assign(**FATIGUE, by=coordinator, at=NOW)
    facts = {"version": "5.0", "organ_system": "Eye disorders", "assigned_at": NOW, "assigned_by": coordinator}
    for number, term in ((made.number, "FATIGUE"), (2, "Fatigue")):
        with pytest.raises(IntegrityError), transaction.atomic():
            OrganSystem.objects.create(term=term, number=number, **facts)


def loaded(name="Fatigue", body_system="Investigations"):
    return DictionaryTerm.objects.create(version="5.0", name=name, body_system=body_system, loaded_at=NOW)


def test_a_loaded_dictionary_comes_before_an_assignment_and_refuses_another(events, coordinator):
    assign(**FATIGUE, by=coordinator, at=NOW)
    loaded()
    assert told().count(("Fatigue", "Investigations")) == 2
    with pytest.raises(OrganSystemRefused, match="has its organ system from the dictionary: Investigations"):
        assign(**FATIGUE, reason="Once more", by=coordinator, at=NOW)


def test_the_class_an_event_was_coded_with_comes_before_both(events, coordinator):
    loaded()
    AdverseEvent.objects.filter(site="EMORY", dictionary_term="Fatigue").update(body_system="Eye disorders")
    assert told() == [("", ""), ("Fatigue", "Eye disorders"), ("Fatigue", "Investigations"), ("Shingles", "")]


def test_a_class_that_the_registry_does_not_have_leaves_the_term_to_a_person(events, coordinator):
    loaded(body_system="Disorders of another dictionary")
    assign(**FATIGUE, by=coordinator, at=NOW)
    assert told().count(("Fatigue", "General disorders")) == 2


def test_the_page_shows_the_terms_of_the_person_s_own_sites(events, browse, coordinator, emory_coordinator, monitor):
    mine, theirs = browse(coordinator).get(ADDRESS).text, browse(emory_coordinator).get(ADDRESS).text
    assert ("Shingles" in mine, "Shingles" in theirs) == (False, True)
    assert "<strong>1 of 1 term has no organ system yet.</strong>" in mine
    assert "<strong>2 of 2 terms have no organ system yet.</strong>" in theirs
    given = {"term": "5.0:Shingles", "organ_system": "Infections and infestations"}
    assert browse(coordinator).post(ADDRESS, given).status_code == 422
    assert browse(monitor).post(ADDRESS, given).status_code == 403
    assert OrganSystem.objects.count() == 0


def test_administrators_and_coordinators_assign_on_the_page(
    events, browse, coordinator, administrator, monitor, frozen
):
    page = browse(coordinator)
    assert (
        '<option value="5.0:Fatigue" selected>Fatigue (none yet)</option>'
        in page.get(f"{ADDRESS}?term=5.0:Fatigue").text
    )
    assert page.post(ADDRESS, {"term": "5.0:Fatigue", "organ_system": "Eye disorders"}).url == ADDRESS
    other = {"term": "5.0:Fatigue", "organ_system": "General disorders"}
    refused = browse(administrator).post(ADDRESS, other)
    assert (refused.status_code, "Say why it is changed" in refused.text) == (422, True)
    browse(administrator).post(ADDRESS, other | {"reason": "Chosen by mistake"})
    shown = browse(monitor).get(ADDRESS).text
    assert "General disorders: admin, 18 Jun 2025" in shown and "Chosen by mistake" in shown
    assert "Eye disorders: crc.musc, 18 Jun 2025" in shown
    assert ("Change…" in shown, '<form method="post" class="act"' in shown) == (False, False)


def test_the_page_is_where_one_looks_for_it(events, browse, administrator):
    link = f'href="{ADDRESS}"'
    for name in ("adverse_events", "exports"):
        assert link in browse(administrator).get(reverse(name)).text, name


def test_the_list_has_as_many_names_as_the_registry(trial):
    assert len(organ_systems()) == len(set(organ_systems())) == 27


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_of_two_first_assignments_at_once_one_is_kept(events, coordinator, administrator):
        def place(by, system):
            try:
                with acting(by, source="direct"):
                    return assign(**FATIGUE | {"organ_system": system}, by=by, at=NOW).number
            except OrganSystemRefused as refused:
                return str(refused)
            finally:
                connections.close_all()

        asked = [(coordinator, "Eye disorders"), (administrator, "General disorders")]
        with ThreadPoolExecutor(2) as pool:
            said = [each.result() for each in [pool.submit(apart, place, *who) for who in asked]]
        assert said.count(1) == 1
        assert OrganSystem.objects.count() == 1
