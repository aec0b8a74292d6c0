"""Queries: who may say what when, what the database refuses, and where they are seen."""

import re
from datetime import timedelta
from itertools import product

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from conftest import NOW, staged
from participants.monitoring import asking, records
from participants.monitoring.asking import QueryRefused
from participants.monitoring.models import Message, Query
from participants.monitoring.models.query import ANSWER, ANSWERED, ASK, ASK_AGAIN, CLOSE, CLOSED, FOLLOWS, TO_ANSWER
from participants.monitoring.worklist import items
from studytracker.access.models import User
from studytracker.access.people import end
from studytracker.trust.acting import because
from studytracker.trust.models import Entry


@staged
def query(about, monitor):
    return asking.ask(record=about(), column="grade", text="The note says grade 3", by=monitor, at=NOW)


def state(query):
    return Query.objects.with_state().get(pk=query.pk).state


def said(query):
    return [(message.kind, message.text, message.written_by.username) for message in query.messages.all()]


def test_a_code_of_the_protocol_is_asked_about_in_its_words(event, about, monitor, browse):
    type(event).objects.filter(pk=event.pk).update(action_taken="not_applicable", outcome="of_an_earlier_version")
    values = [about().value(name) for name in ("action_taken", "outcome")]
    assert [(value.words, value.code) for value in values] == [
        ("Not applicable", "not_applicable"),
        ("of_an_earlier_version", ""),
    ]
    made = asking.ask(record=about(), column="action_taken", text="Was treatment given?", by=monitor, at=NOW)
    assert made.value == "Not applicable"
    assert "changed since" not in browse(monitor).get(f"/queries/{made.pk}/").text
    made.pk, made.value = None, "not_applicable"  # as an earlier version of the program kept it
    made.save(force_insert=True)
    said = {"kind": "ask", "text": "Was treatment given?", "written_by": monitor, "written_at": NOW}
    made.messages.create(participant=made.participant, number=1, **said)
    assert "changed since" not in browse(monitor).get(f"/queries/{made.pk}/").text


def test_a_query_keeps_the_record_the_field_and_the_value_as_they_were(query, event):
    assert (query.record, query.field, query.value) == ("Adverse event: MUSC-001 AE 1", "CTCAE grade", "2")
    assert (query.site_id, query.participant.identifier, state(query)) == ("MUSC", "MUSC-001", TO_ANSWER)


def test_it_is_answered_asked_again_answered_and_closed(query, coordinator, monitor):
    asking.answer(query=query, text="Typing error", by=coordinator, at=NOW)
    assert state(query) == ANSWERED
    asking.ask_again(query=query, text="Then correct it", by=monitor, at=NOW)
    assert state(query) == TO_ANSWER
    asking.answer(query=query, text="Corrected", by=coordinator, at=NOW)
    asking.close(query=query, text="Seen", by=monitor, at=NOW)
    assert state(query) == CLOSED
    assert [kind for kind, _, _ in said(query)] == [ASK, ANSWER, ASK_AGAIN, ANSWER, CLOSE]


ACTS = {ANSWER: asking.answer, ASK_AGAIN: asking.ask_again, CLOSE: asking.close}


@pytest.mark.parametrize("kind", ACTS)
def test_nothing_is_said_of_a_closed_query(query, coordinator, monitor, kind):
    asking.close(query=query, text="Asked in error", by=monitor, at=NOW)
    with pytest.raises(QueryRefused, match="Nothing was saved"):
        ACTS[kind](query=query, text="One more word", by=coordinator if kind == ANSWER else monitor, at=NOW)
    assert len(said(query)) == 2


def test_an_answer_is_given_once_and_only_an_answer_is_asked_about_again(query, coordinator, monitor):
    with pytest.raises(QueryRefused, match="Only an answer can be asked about again"):
        asking.ask_again(query=query, text="And now?", by=monitor, at=NOW)
    asking.answer(query=query, text="Typing error", by=coordinator, at=NOW)
    with pytest.raises(QueryRefused, match="waits for no answer"):
        asking.answer(query=query, text="Once more", by=coordinator, at=NOW)


def test_only_the_asker_closes_and_nobody_answers_their_own(query, investigator, monitor, coordinator):
    for act in (asking.close, asking.ask_again):
        if act is asking.ask_again:
            asking.answer(query=query, text="Typing error", by=coordinator, at=NOW)
        with pytest.raises(QueryRefused, match="Only monitor, who asked, may ask again or close"):
            act(query=query, text="I say so", by=investigator, at=NOW)
    asking.ask_again(query=query, text="Really?", by=monitor, at=NOW)
    with pytest.raises(QueryRefused, match="You asked this: somebody else answers"):
        asking.answer(query=query, text="Yes", by=monitor, at=NOW)


def test_once_the_asker_may_ask_no_longer_another_who_may_closes(query, investigator):
    end(username="monitor", role="monitor", site=None, at=NOW)
    asking.close(query=Query.objects.get(pk=query.pk), text="The monitor has left", by=investigator, at=NOW)
    assert state(query) == CLOSED


@pytest.mark.parametrize("text", ["", "   ", "ok"])
def test_a_few_words_are_wanted(about, query, coordinator, monitor, text):
    with pytest.raises(QueryRefused, match="Write a few words"):
        asking.answer(query=query, text=text, by=coordinator, at=NOW)
    with pytest.raises(QueryRefused, match="Write a few words"), transaction.atomic():
        asking.ask(record=about(), column="grade", text=text, by=monitor, at=NOW)
    assert Query.objects.count() == 1


KINDS = (ASK, ANSWER, ASK_AGAIN, CLOSE)


@pytest.mark.parametrize(("kind", "follows"), list(product(KINDS, ("", *KINDS))))
def test_the_database_takes_what_may_follow_and_nothing_else(query, coordinator, kind, follows):
    """The whole table of transitions, past every function of ours."""
    number = 1 if kind == ASK else 2
    if kind == ASK:
        query = Query.objects.create(
            **{name: getattr(query, name) for name in ("participant", "table", "row_id", "column", "asked_at")},
            site_id="MUSC",
            asked_by=coordinator,
        )
    facts = {"participant_id": query.participant_id, "text": "By hand", "written_at": NOW, "written_by": coordinator}
    try:
        with transaction.atomic():
            query.messages.create(number=number, kind=kind, follows=follows, **facts)
        taken = True
    except IntegrityError:
        taken = False
    assert taken == (follows in FOLLOWS[kind])


def test_the_database_refuses_a_second_word_at_the_same_place_and_a_second_close(query, coordinator):
    facts = {"participant_id": query.participant_id, "text": "x", "written_at": NOW, "written_by": coordinator}
    query.messages.create(number=2, kind=ANSWER, follows=ASK, **facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        query.messages.create(number=2, kind=ANSWER, follows=ASK, **facts)
    query.messages.create(number=3, kind=CLOSE, follows=ANSWER, **facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        query.messages.create(number=4, kind=CLOSE, follows=ANSWER, **facts)


def test_what_was_said_is_never_changed_or_removed(query):
    for change in (
        lambda: Message.objects.update(text="Something else"),
        lambda: Query.objects.update(value="3"),
        lambda: Message.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="never changed or removed"), transaction.atomic():
            change()


def test_every_word_is_in_the_trail_with_who_said_it(query):
    told = Entry.objects.filter(table__in=["monitoring_query", "monitoring_message"])
    assert sorted(told.values_list("table", "op")) == [("monitoring_message", "I"), ("monitoring_query", "I")]


# Pages


def post(client, name, *args, **data):
    return client.post(reverse(name, args=args), data)


def test_a_monitor_asks_a_coordinator_answers_and_the_monitor_closes(event, browse, monitor, coordinator):
    asker, site = browse(monitor), browse(coordinator)
    table = event._meta.db_table
    page = asker.get(reverse("record", args=[table, event.pk])).content.decode()
    assert reverse("ask", args=[table, event.pk, "grade"]) in page
    made = post(asker, "ask", table, event.pk, "grade", text="The note says grade 3", form_key="k1")
    query = Query.objects.get()
    assert made.url == query.get_absolute_url()
    home = site.get("/").content.decode()
    assert f'<a href="{reverse("queries")}?state=open">Queries to answer: 1</a>' in home
    assert reverse("answer_query", args=[query.pk]) in home
    assert "Queries to answer" not in asker.get("/").content.decode()
    assert post(site, "answer_query", query.pk, text="Typing error, corrected").status_code == 302
    assert f'<a href="{reverse("queries")}?state=answered">Queries answered: 1</a>' in asker.get("/").content.decode()
    assert post(asker, "close_query", query.pk, text="Seen, thank you").status_code == 302
    assert said(query) == [
        ("ask", "The note says grade 3", "monitor"),
        ("answer", "Typing error, corrected", "crc.musc"),
        ("close", "Seen, thank you", "monitor"),
    ]
    assert "Queries answered" not in asker.get("/").content.decode()


def test_a_form_sent_twice_asks_once(event, browse, monitor):
    client, table = browse(monitor), event._meta.db_table
    for _ in range(2):
        post(client, "ask", table, event.pk, "grade", text="The note says grade 3", form_key="k1")
    assert Query.objects.count() == 1


def test_a_refused_word_keeps_what_was_typed(query, browse, coordinator, monitor):
    page = post(browse(coordinator), "answer_query", query.pk, text="")
    assert (page.status_code, "Write a few words" in page.content.decode()) == (422, True)
    asking.close(query=query, text="Asked in error", by=monitor, at=NOW)
    page = post(browse(coordinator), "answer_query", query.pk, text="My long answer")
    assert (page.status_code, "My long answer" in page.content.decode()) == (422, True)
    assert "This query waits for no answer." in page.content.decode()


def test_the_page_says_when_the_value_has_changed_since(query, event, browse, monitor):
    client = browse(monitor)
    assert "(changed since)" not in client.get(query.get_absolute_url()).content.decode()
    with because("The note says so"):
        event.grade = 3
        event.save()
    page = client.get(query.get_absolute_url()).content.decode()
    assert "<dt>Value when it was asked</dt><dd>2</dd>" in page
    assert "<dt>Value now</dt><dd>3 <strong>(changed since)</strong></dd>" in page


def test_the_record_s_own_page_shows_how_many_are_open(query, event, browse, coordinator, monitor):
    address = reverse("record", args=[event._meta.db_table, event.pk])
    shown = f'<a href="{address}">Queries (1 open)<span class="visually-hidden"> of MUSC-001 AE 1</span></a>'
    assert shown in browse(coordinator).get(event.get_absolute_url()).content.decode()
    asking.close(query=query, text="Asked in error", by=monitor, at=NOW)
    page = browse(coordinator).get(event.get_absolute_url()).content.decode()
    assert f'<a href="{address}">Queries<span' in page


def test_another_site_neither_sees_nor_answers(query, event, browse, emory_coordinator, emory_investigator):
    client = browse(emory_investigator)
    assert [client.get(reverse("query", args=[pk])).status_code for pk in (query.pk, 99999)] == [404, 404]
    assert post(browse(emory_coordinator), "answer_query", query.pk, text="Not mine").status_code == 404
    assert client.get(reverse("record", args=[event._meta.db_table, event.pk])).status_code == 404
    assert post(client, "ask", event._meta.db_table, event.pk, "grade", text="Not mine").status_code == 404
    assert "MUSC-001" not in client.get("/queries/").content.decode()


def test_a_monitor_of_one_site_asks_there_only(event, emory, person, browse):
    theirs = emory.infused()
    client = browse(person("monitor.emory", "monitor", "EMORY"))
    assert client.get(reverse("record", args=[event._meta.db_table, event.pk])).status_code == 404
    assert post(client, "ask", "participants_participant", theirs.pk, "age", text="Is it 41?").status_code == 302


@pytest.mark.parametrize("place", ["nothing", "auth_group", "trust_entry", "access_user", "monitoring_query"])
def test_only_records_of_participants_have_such_a_page(place, browse, monitor, query):
    assert browse(monitor).get(f"/records/{place}/1/").status_code == 404
    assert browse(monitor).get(f"/records/{query.table}/{query.row_id}/ask/no_such_field/").status_code == 404


@pytest.mark.parametrize("kind", records.KINDS, ids=[kind.label for kind in records.KINDS])
def test_every_kind_of_record_leads_to_its_participant_and_has_its_fields(kind, db):
    names = {field.name for field in kind.fields()}
    assert set(kind.source) <= names
    assert list(kind.rows(site__in=["MUSC"])) == []


# The list


def listed(client, **filters):
    page = client.get(reverse("queries"), filters).content.decode()
    return re.findall(r'<a href="/queries/(\d+)/">', page)


def test_the_list_is_filtered_by_site_state_and_age(participant, emory, about, monitor, coordinator, browse):
    old = NOW - timedelta(days=20)
    first = asking.ask(record=about(), column="grade", text="An old one", by=monitor, at=old)
    second = asking.ask(record=about(), column="term", text="A new one", by=monitor, at=NOW)
    theirs = records.reach(monitor, "participants_participant", emory.infused().pk)
    third = asking.ask(record=theirs, column="age", text="Elsewhere", by=monitor, at=NOW)
    asking.answer(query=second, text="Answered", by=coordinator, at=NOW)
    client = browse(monitor)
    keys = [str(each.pk) for each in (first, second, third)]
    assert listed(client) == keys
    assert listed(client, site="EMORY") == [keys[2]]
    assert listed(client, state="answered") == [keys[1]]
    assert listed(client, state="open") == [keys[0], keys[2]]
    assert listed(client, age="14") == [keys[0]]
    asking.close(query=first, text="Too old", by=monitor, at=NOW)
    assert (listed(client, age="14"), listed(client, state="closed")) == ([], [keys[0]])


@pytest.mark.parametrize("many", [1, 10])
def test_list_home_and_record_take_the_same_queries_however_many_there_are(
    about, event, monitor, coordinator, browse, many, django_assert_max_num_queries
):
    for _ in range(many):
        asking.ask(record=about(), column="grade", text="How many?", by=monitor, at=NOW)
    client = browse(coordinator)
    client.get("/")
    for address, most in (
        (reverse("queries"), 10),
        ("/", 18),
        (reverse("record", args=[event._meta.db_table, event.pk]), 9),
        (reverse("verification_of", args=["MUSC-001"]), 36),
    ):
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200


def test_the_worklist_gives_each_their_own(query, coordinator, investigator, monitor, administrator):
    def groups(person):
        return [item.group for item in items(User.objects.get(pk=person.pk), NOW)]

    people = (coordinator, investigator, monitor, administrator)
    assert [groups(each) for each in people] == [["Queries to answer"], ["Queries to answer"], [], []]
    asking.answer(query=query, text="Answered", by=coordinator, at=NOW)
    assert [groups(each) for each in people] == [[], [], ["Queries answered"], []]
