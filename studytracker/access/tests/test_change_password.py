"""One's own password: changed with the old one, recorded without either, and ending every other session."""

import pytest

from conftest import staged
from studytracker.access.passwords import FREE_TRIES
from studytracker.trust.models import Act, Entry

OLD, NEW = "correct horse battery", "staple of another kind"
ADDRESS = "/password/"


@staged
def account(coordinator, frozen):
    coordinator.set_password(OLD)
    coordinator.save()
    return coordinator


def typed(old=OLD, new=NEW, again=None):
    return {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}


def test_the_new_password_counts_from_then_on_and_the_old_one_no_more(account, browse):
    here, elsewhere = browse(account), browse(account)
    page = here.get("/").content.decode()
    assert f'href="{ADDRESS}"' in page
    answer = here.post(ADDRESS, typed(), follow=True)
    assert "Your password is changed" in answer.content.decode()
    account.refresh_from_db()
    assert (account.check_password(NEW), account.check_password(OLD)) == (True, False)
    assert here.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302


def test_the_trail_tells_who_and_when_and_neither_password(account, browse):
    browse(account).post(ADDRESS, typed())
    act = Act.objects.get(kind=Act.Kind.PASSWORD)
    assert (act.username, act.site_id) == ("crc.musc", "MUSC")
    entry = Entry.objects.filter(table="access_user", op="U").first()
    assert entry.username == "crc.musc"
    account.refresh_from_db()
    told = "".join(f"{each.old}{each.new}" for each in Entry.objects.all())
    assert [secret for secret in (OLD, NEW, account.password) if secret in told] == []


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (typed(again="another"), "typed in two ways"),
        (typed(new="short"), "too short"),
        (typed(new="password1234"), "too common"),
        (typed(new="crc.musc.2026"), "too similar to the username"),
        (typed(new=OLD), "This is the password you have"),
        (typed(old="wrong"), "The password is not right"),
        ({}, "This field is required"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_changes(account, browse, form, words):
    answer = browse(account).post(ADDRESS, form)
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    account.refresh_from_db()
    assert account.check_password(OLD)
    assert not Act.objects.filter(kind=Act.Kind.PASSWORD).exists()


def test_an_open_page_is_no_place_to_guess_the_old_password(account, browse):
    client = browse(account)
    for _ in range(FREE_TRIES):
        client.post(ADDRESS, typed(old="wrong"))
    assert client.post(ADDRESS, typed()).status_code == 422
    assert Act.objects.filter(kind=Act.Kind.LOCKED).count() == 1


def test_a_form_with_another_fault_costs_no_try(account, browse):
    client = browse(account)
    for _ in range(FREE_TRIES):
        client.post(ADDRESS, typed(old="wrong", again="another"))
    assert client.post(ADDRESS, typed()).status_code == 302
