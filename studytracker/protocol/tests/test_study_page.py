from html.parser import HTMLParser

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from studytracker import protocol


@pytest.fixture
def page(client, django_user_model, db):
    client.force_login(django_user_model.objects.create(username="crc.musc"))
    response = client.get(reverse("study"))
    assert response.status_code == 200
    return response.content.decode()


class Words(HTMLParser):
    def __init__(self):
        super().__init__()
        self.words = []

    def handle_data(self, data):
        self.words += data.split()


def words_of(html):
    reader = Words()
    reader.feed(html)
    return " ".join(reader.words)


def test_the_study_page_shows_every_criterion_in_the_words_of_the_record(page, shipped):
    words = words_of(page)
    assert [each.id for each in shipped.criteria if each.text not in words] == []


def test_the_study_page_shows_every_assumption_with_its_why(page, shipped):
    words = words_of(page)
    count = sum(each.count for each in shipped.assumptions())
    assert f"Assumptions: {count} values the registry record does not give" in words
    assert [each.table for each in shipped.assumptions() if each.why not in words] == []


def test_the_study_page_marks_each_assumed_table_where_it_stands(page, shipped):
    # Two badges more: the one in the panel's own sentence explains the mark, the rest stand at the values.
    assert page.count("⚠ assumed") == len(shipped.assumptions()) + 1


def test_the_study_page_shows_the_version_the_hash_and_labelled_days(page, shipped):
    assert f"Protocol version {shipped.version}" in page
    assert shipped.sha256 in page
    assert "Protocol day (infusion = D0)" in page
    assert "D-28 to D-1" in page
    assert "1,000,000 cells per kg" in page


def test_the_study_page_shows_the_basis_of_a_clock_and_what_is_not_configured(page):
    assert "<strong>site policy</strong>" in page
    assert "not configured" in page
    assert "switched off" in page


def test_every_table_of_the_study_page_has_a_caption_and_scoped_headers(page):
    assert page.count("<table") == page.count("<caption") > 10
    assert page.count("<th ") == page.count("<th scope=")


def test_the_study_page_holds_nothing_inline(page):
    content = render_to_string("protocol/clocks.html", {"trial": protocol.current()})
    assert "style=" not in page[page.index("<main") :]
    assert "<script" not in page[page.index("<main") :]
    assert "K16" in content


def test_the_study_page_is_closed_to_the_anonymous(client, db):
    response = client.get(reverse("study"))
    assert (response.status_code, response.url) == (302, f"{reverse('sign_in')}?next={reverse('study')}")
