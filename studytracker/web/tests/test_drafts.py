import json
from datetime import date, timedelta

import pytest

from conftest import NOW
from studytracker.web import drafts
from studytracker.web.models import Draft
from visits.models import Visit

DAY0 = date(2025, 5, 31)
FORM = "/visits/MUSC-001/W1/log/"
TYPED = {"note": "Came by bus", "procedure-cbc": "done", "form_key": "k1", "csrfmiddlewaretoken": "t", "password": "s"}


@pytest.fixture
def crc(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    return browse(coordinator)


def keep(client, typed=TYPED, form=FORM):
    return client.post("/drafts/", typed | {"draft_of": form})


def test_what_is_typed_is_kept_and_comes_back_with_a_notice(crc):
    answer = keep(crc)
    assert (answer.status_code, answer.content.decode()) == (200, "Draft saved 11:00:00")
    page = crc.get(FORM).content.decode()
    assert "What you typed Wed 18 Jun, 11:00 is restored below. It is not saved yet." in page
    assert '"note": ["Came by bus"]' in page


def test_secrets_and_one_time_keys_are_never_kept(crc):
    keep(crc)
    assert json.loads(Draft.objects.get().typed) == {"note": ["Came by bus"], "procedure-cbc": ["done"]}


def test_a_later_draft_takes_the_place_of_the_earlier(crc):
    keep(crc)
    keep(crc, {"note": "Came by train"})
    assert [json.loads(draft.typed) for draft in Draft.objects.all()] == [{"note": ["Came by train"]}]


def test_a_draft_is_no_record(crc):
    before = list(Visit.objects.order_by("pk").values())
    keep(crc)
    assert list(Visit.objects.order_by("pk").values()) == before
    assert b"Came by bus" not in b"".join(crc.get("/visits/?format=csv"))


SAVED = {"attended_on_day": "7", "attended_on_month": "6", "attended_on_year": "2025", "visit_type": "phone"}
SAVED |= {"late_entry_reason": "Note found", "rest_reason": "Oversight", "form_key": "k1"}


def test_saving_the_form_deletes_its_draft_and_a_late_one_is_not_kept(crc):
    keep(crc)
    assert crc.post(FORM, SAVED).status_code == 302
    assert Draft.objects.count() == 0
    assert keep(crc).content == b"Saved"
    assert Draft.objects.count() == 0


def test_a_refused_form_keeps_its_draft(crc):
    keep(crc)
    assert crc.post(FORM, SAVED | {"attended_on_day": "31"}).status_code == 422
    assert Draft.objects.count() == 1


def test_discarding_leads_back_to_the_empty_form(crc):
    keep(crc)
    answer = crc.post("/drafts/discard/", {"draft_of": FORM})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, FORM)
    assert "restored below" not in crc.get(FORM).content.decode()


def test_a_draft_is_its_writer_s_alone(crc, browse, investigator):
    keep(crc)
    colleague = browse(investigator)
    assert "restored below" not in colleague.get(FORM).content.decode()
    colleague.post("/drafts/discard/", {"draft_of": FORM})
    assert Draft.objects.count() == 1


@pytest.mark.parametrize(
    "form", ["", "https://elsewhere.example/", "//elsewhere.example/", "/nowhere/", "/help/\r\nX: y"]
)
def test_only_this_site_s_own_pages_have_drafts(crc, form):
    assert keep(crc, form=form).status_code == 404
    assert crc.post("/drafts/discard/", {"draft_of": form}).status_code == 404
    assert Draft.objects.count() == 0


def test_any_text_can_be_kept_and_too_much_is_said(crc):
    keep(crc, {"note": "\0 🦠"})
    assert json.loads(Draft.objects.get().typed) == {"note": ["\0 🦠"]}
    assert "\0" not in Draft.objects.get().typed
    answer = keep(crc, {"note": "x" * 60_000})
    assert answer.content.decode() == "This is too long to be kept as a draft. Save it soon."


def test_what_is_typed_cannot_close_the_script_it_comes_back_in(crc):
    keep(crc, {"note": "</script><script>alert(1)</script>"})
    assert "</script><script>" not in crc.get(FORM).content.decode()


def test_drafts_of_the_week_before_are_thrown_away(crc, coordinator):
    old = NOW - timedelta(days=drafts.KEPT_DAYS, seconds=1)
    Draft.objects.create(user=coordinator, form="/help/", typed="{}", saved_at=old)
    Draft.objects.create(user=coordinator, form="/study/", typed="{}", saved_at=old + timedelta(seconds=2))
    keep(crc)
    assert sorted(Draft.objects.values_list("form", flat=True)) == ["/study/", FORM]


def test_a_fragment_asked_for_after_the_sign_in_ran_out_is_not_answered_with_the_sign_in_page(crc):
    crc.logout()
    answer = crc.post("/drafts/", TYPED | {"draft_of": FORM}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content, answer.headers["HX-Trigger"]) == (401, b"", "session-expired")
    assert keep(crc).url == "/sign-in/?next=/drafts/"


def test_signing_in_again_from_the_page_gives_the_new_token(crc, coordinator):
    crc.logout()
    coordinator.set_password("a-long-enough-password")
    coordinator.save()
    typed = {"username": "crc.musc", "password": "wrong"}
    refused = crc.post("/sign-in/again/", typed)
    assert (refused.status_code, b"The username or the password is not right" in refused.content) == (422, True)
    answer = crc.post("/sign-in/again/", typed | {"password": "a-long-enough-password"})
    assert answer.status_code == 204
    assert json.loads(answer.headers["HX-Trigger"])["signed-in"]["token"]
    assert keep(crc).status_code == 200
