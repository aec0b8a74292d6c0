"""Sign-in, sign-out and wrong passwords: counted, made to wait, recorded, and telling nobody which accounts exist."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError

from conftest import NOW, staged
from studytracker.access.models import Attempt, Membership
from studytracker.access.passwords import FREE_TRIES, checked, client_address, wait
from studytracker.trust.models import Act, Entry

PASSWORD = "a long pass phrase"  # noqa: S105


@staged
def account(coordinator):
    coordinator.set_password(PASSWORD)
    coordinator.save()
    return coordinator


def sign_in(client, username="crc.musc", password=PASSWORD, **headers):
    return client.post("/sign-in/", {"username": username, "password": password}, **headers)


def told():
    return list(Act.objects.order_by("pk").values_list("kind", "username"))


def test_signing_in_and_out_stands_in_the_trail_with_the_person_and_the_address(account, client, frozen):
    assert sign_in(client).status_code == 302
    client.post("/sign-out/")
    assert told() == [("sign_in", "crc.musc"), ("sign_out", "crc.musc")]
    entries = Entry.objects.filter(table="trust_act").order_by("id")
    assert [(entry.username, entry.role) for entry in entries] == [("crc.musc", "Coordinator")] * 2
    assert Act.objects.first().address == "127.0.0.1"


def test_after_five_wrong_passwords_even_the_right_one_waits_and_then_twice_as_long(account, client, frozen):
    for _ in range(FREE_TRIES):
        assert sign_in(client, password="wrong").status_code == 200
    assert sign_in(client).status_code == 200
    frozen.move_to(NOW + timedelta(seconds=61), tick=False)
    sign_in(client, password="wrong")
    frozen.move_to(NOW + timedelta(seconds=61 + 119), tick=False)
    assert sign_in(client).status_code == 200
    frozen.move_to(NOW + timedelta(seconds=61 + 121), tick=False)
    assert sign_in(client).status_code == 302
    kinds = [kind for kind, _ in told()]
    assert (kinds.count("sign_in_failed"), kinds.count("locked"), kinds[-1]) == (8, 2, "sign_in")
    assert Attempt.objects.get().failures == 0


def test_the_wait_grows_to_an_hour():
    waits = [wait(failures).total_seconds() // 60 for failures in (5, 6, 7, 10, 11, 12, 1000)]
    assert waits == [1, 2, 4, 32, 60, 60, 60]


def test_a_stranger_elsewhere_locks_nobody_out_and_one_lock_leaves_the_site_working(
    account, investigator, client, frozen
):
    for number in range(200):
        checked("crc.musc", "wrong", address=f"203.0.113.{number % 100}", at=NOW)
    assert sign_in(client).status_code == 200  # an address nobody knows is not heard while this goes on
    Attempt.objects.filter(address="127.0.0.1").update(succeeded_at=NOW - timedelta(days=1))
    assert sign_in(client).status_code == 302  # the workstation where the person signed in before is
    investigator.set_password(PASSWORD)
    investigator.save()
    client.post("/sign-out/")
    assert sign_in(client, username="pi.musc").status_code == 302


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_CLIENT_IP"])
def test_no_header_of_the_client_gets_round_the_wait(account, client, frozen, header):
    for number in range(FREE_TRIES):
        sign_in(client, password="wrong", **{header: f"198.51.100.{number}"})
    assert sign_in(client, **{header: "198.51.100.99"}).status_code == 200
    assert Attempt.objects.count() == 1


def test_behind_our_own_proxy_its_word_counts_and_not_what_the_client_put_before(rf, settings):
    settings.TRUSTED_PROXIES = 1
    given = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 192.0.2.7", "REMOTE_ADDR": "10.0.0.1"}
    assert client_address(rf.get("/", **given)) == "192.0.2.7"
    settings.TRUSTED_PROXIES = 0
    assert client_address(rf.get("/", **given)) == "10.0.0.1"
    assert client_address(rf.get("/", REMOTE_ADDR="2001:db8::1:2:3:4")) == "2001:db8::/64"
    assert client_address(rf.get("/", REMOTE_ADDR="")) == "unknown"


@pytest.mark.parametrize("case", ["unknown", "wrong", "disabled", "waiting", "a NUL"])
def test_the_answer_is_the_same_whatever_was_wrong(account, client, frozen, case):
    username = {"unknown": "nobody", "a NUL": "crc.musc\0"}.get(case, "crc.musc")
    if case == "disabled":
        account.is_active = False
        account.save()
    if case == "waiting":
        for _ in range(FREE_TRIES):
            sign_in(client, password="wrong")
    page = sign_in(client, username=username, password="wrong" if case != "waiting" else PASSWORD)
    words = "The username or the password is not right, or too many wrong ones were tried."
    assert (page.status_code, words in page.content.decode()) == (200, case != "a NUL")


def test_a_password_typed_into_the_wrong_box_is_not_kept(account, client, frozen):
    sign_in(client, username="my secret pass phrase", password="x")
    assert told() == [("sign_in_failed", "")]
    assert not Entry.objects.filter(new__contains="my secret").exists()


def test_a_role_ends_by_command_with_its_reason_and_the_last_administrator_stays(coordinator, administrator, command):
    command("end_member", "crc.musc", role="coordinator", site="MUSC", reason="Left the site")
    assert Membership.objects.get(user=coordinator).ended_at is not None
    entry = Entry.objects.filter(table="access_membership").first()
    assert (entry.op, entry.username, entry.reason) == ("U", "end_member", "Left the site")
    with pytest.raises(CommandError, match="last administrator"):
        command("end_member", "admin", role="administrator", reason="x")
    with pytest.raises(CommandError, match="nothing was ended"):
        command("end_member", "crc.musc", role="coordinator", site="MUSC", reason="Again")


def test_looking_at_a_listing_and_taking_it_away_stand_in_the_trail(account, browse, monitor, frozen):
    client = browse(account)
    client.get("/visits/?code=W1")
    client.get("/visits/?format=csv")
    client.get("/audit/?format=json")
    words = list(Act.objects.order_by("pk").values_list("kind", "words"))
    assert words == [
        ("view", "Visits. Visit: W1."),
        ("export", "Visits as CSV. No filter."),
        ("export", "Audit trail as JSON, whole"),
    ]
    page = client.get("/audit/?act=export").content.decode()
    assert "Exported: Visits as CSV. No filter." in page
    assert "Visit: W1" not in page
    assert browse(monitor).get("/audit/?format=json").status_code == 403


def test_the_whole_trail_as_json_is_that_of_the_person_s_sites(
    account, emory_coordinator, browse, musc, emory, frozen
):
    mine, theirs = musc.screened(), emory.screened()
    found = browse(account).get("/audit/?format=json")
    rows = json.loads(b"".join(found.streaming_content))
    keys = {row["row_id"] for row in rows if row["table"] == "participants_participant"}
    assert (keys, str(theirs.pk) in keys) == ({str(mine.pk)}, False)
