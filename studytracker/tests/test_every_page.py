"""Every address, as everybody: who gets in, who is told no, and who learns nothing."""

import re
from datetime import date, timedelta

import pytest
from django.urls import get_resolver, reverse

from adverse_events.models import Clock, Determination, Milestone, Notification, StudyNotice
from adverse_events.notifications import determine, notify
from adverse_events.reporting import report
from adverse_events.sae_reports import prepare
from adverse_events.study_clocks import of_the_study
from adverse_events.study_telling import reach_milestone, tell
from conftest import NOW, staged
from participants.decisions import record_decision
from participants.holds import propose_hold
from participants.labs import record_lab, record_range
from participants.models import Consent, DsmbDecision, Hold, LabResult, Participant, ProductLot, SiteLabRange
from participants.monitoring import records
from participants.monitoring.asking import ask
from participants.monitoring.models import Query, Verification
from participants.monitoring.verifying import last_entry, verify
from studytracker.access.people import grant
from studytracker.dates import PartialDate
from studytracker.exports.jobs import request_export
from studytracker.exports.models import ExportJob
from studytracker.outbox.models import Mail, Notice
from studytracker.outbox.sweeping import sweep
from visits.attendance import miss
from visits.deviations import report as report_deviation
from visits.models import Visit
from visits.unplanned import log as log_unplanned

DAY0 = date(2025, 5, 31)
ROLES = ["coordinator", "investigator", "emory_coordinator", "chair", "monitor", "administrator", "outsider"]

# name: (address at MUSC or None where there is one for all, roles that get 200). Others at the site get 403.
HAS_A_ROLE = {"coordinator", "investigator", "emory_coordinator", "chair", "monitor", "administrator"}
OPERATES = HAS_A_ROLE - {"monitor"}
ENTERS = {"coordinator", "investigator"}
AT_MUSC = HAS_A_ROLE - {"emory_coordinator"}
PAGES = {
    "home": ([], set(ROLES)),
    "help": ([], set(ROLES)),
    "study": ([], set(ROLES)),
    "versions": ([], HAS_A_ROLE),
    "exports": ([], OPERATES),
    "export_history": ([], OPERATES),
    "compare_odm": ([], {"administrator"}),
    "export": (["export"], OPERATES - {"emory_coordinator"}),
    "reminders": ([], OPERATES),
    "open_matters": ([], OPERATES),
    "next_mails": ([], OPERATES),
    "reminder_preferences": ([], set(ROLES)),
    "change_password": ([], set(ROLES)),
    "acknowledge": (["notice"], ENTERS),
    "participants": ([], HAS_A_ROLE),
    "visits": ([], HAS_A_ROLE),
    "adverse_events": ([], HAS_A_ROLE),
    "screen": ([], ENTERS | {"emory_coordinator"}),
    "participant": (["MUSC-001"], AT_MUSC),
    "patient_profile": (["MUSC-001"], AT_MUSC),
    "criteria": (["MUSC-002"], ENTERS),
    "screening_log": ([], HAS_A_ROLE),
    "failure_reasons": ([], OPERATES),
    "screen_again": (["MUSC-002"], ENTERS),
    "consent_again": (["MUSC-002"], ENTERS),
    "worksheet": (["MUSC-002"], AT_MUSC),
    "confirm_eligibility": (["MUSC-002"], {"investigator"}),
    "facts": (["MUSC-002"], AT_MUSC),
    "enter_labs": (["MUSC-002"], ENTERS),
    "enter_medicine": (["MUSC-002"], ENTERS),
    "enter_history": (["MUSC-002"], ENTERS),
    "enter_sledai": (["MUSC-002"], ENTERS),
    "take_list": (["MUSC-002", "medicines"], ENTERS),
    "void_fact": (["MUSC-001", "lab", "fact"], ENTERS),
    "restore_fact": (["MUSC-001", "lab", "fact"], ENTERS),
    "restore_range": (["MUSC", "range"], ENTERS),
    "lab_ranges": (["MUSC"], ENTERS),
    "void_range": (["MUSC", "range"], ENTERS),
    "enroll": (["MUSC-002"], {"investigator"}),
    "medicines": (["MUSC-001"], AT_MUSC),
    "prepare_dose": (["MUSC-002"], ENTERS),
    "dose": (["MUSC-002"], ENTERS),
    "check_dose": (["MUSC-002"], ENTERS),
    "infuse": (["MUSC-002"], ENTERS),
    "infuse_despite": (["MUSC-002"], {"investigator"}),
    "infusion_day": (["MUSC-001"], AT_MUSC),
    "stop_infusion": (["MUSC-001"], ENTERS),
    "interrupt_infusion": (["MUSC-001"], ENTERS),
    "resume_infusion": (["MUSC-001"], ENTERS),
    "infusion_vitals": (["MUSC-001"], ENTERS),
    "record_decision": (["MUSC-001"], {"chair", "administrator"}),
    "dsmb_decision": (["decision"], AT_MUSC),
    "confirm_decision": (["decision"], {"chair", "administrator"}),
    "product": ([], HAS_A_ROLE),
    "custody": ([], HAS_A_ROLE),
    "new_lot": ([], ENTERS | {"emory_coordinator"}),
    "lot": (["lot"], AT_MUSC),
    "release_lot": (["lot"], {"investigator"}),
    "record_custody": (["lot"], ENTERS),
    "correct_day0": (["MUSC-001"], ENTERS),
    "correct_participant": (["MUSC-001"], ENTERS),
    "correct_consent": (["MUSC-001", "consent"], ENTERS),
    "correct_infusion": (["MUSC-001"], ENTERS),
    "fail_screening": (["MUSC-002"], ENTERS),
    "withdraw": (["MUSC-001"], ENTERS),
    "visit": (["MUSC-001", "W1"], AT_MUSC),
    "correct_visit": (["MUSC-001", "U1"], ENTERS),
    "correct_procedure": (["MUSC-001", "U1", "vitals"], ENTERS),
    "printed_schedule": (["MUSC-001"], AT_MUSC),
    "amend": (["MUSC-001"], ENTERS),
    "planner": ([], HAS_A_ROLE),
    "plan_day0": (["MUSC-002"], AT_MUSC),
    "contact": (["MUSC-001", "W1"], ENTERS),
    "complete_visit": (["MUSC-001", "U1"], ENTERS),
    "score_sledai": (["MUSC-001", "SCR"], ENTERS),
    "record_procedures": (["MUSC-001", "SCR"], ENTERS),
    "log_unplanned": (["MUSC-001", "UNS"], ENTERS),
    "log_visit": (["MUSC-001", "W1"], ENTERS),
    "day_echo": (["MUSC-001", "W1"], ENTERS),
    "book_visit": (["MUSC-001", "W4"], ENTERS),
    "cancel_booking": (["MUSC-001", "W4"], ENTERS),
    "miss_visit": (["MUSC-001", "W1"], ENTERS),
    "calendar": ([], HAS_A_ROLE),
    "deviations": ([], HAS_A_ROLE),
    "deviation": (["MUSC-001", 1], AT_MUSC),
    "report_deviation": (["MUSC-001"], ENTERS),
    "complete_deviation": (["MUSC-001", 1], ENTERS),
    "classify_deviation": (["MUSC-001", 1], {"investigator"}),
    "close_deviation": (["MUSC-001", 1], ENTERS),
    "void_deviation": (["MUSC-001", 1], ENTERS),
    "restore_deviation": (["MUSC-001", 1], ENTERS),
    "report_event": (["MUSC-001"], ENTERS),
    "event": (["MUSC-001", 1], AT_MUSC),
    "complete_event": (["MUSC-001", 1], ENTERS),
    "serious_events": ([], HAS_A_ROLE),
    "organ_systems": ([], HAS_A_ROLE),
    "terms": ([], HAS_A_ROLE),
    "grade_help": ([], HAS_A_ROLE),
    "follow_ups": ([], HAS_A_ROLE),
    "follow_up_event": (["MUSC-001", 1], ENTERS),
    "prepare_report": (["MUSC-001", 2], ENTERS),
    "sae_report": (["MUSC-001", 2, 1], AT_MUSC),
    "sae_report_pdf": (["MUSC-001", 2, 1], AT_MUSC),
    "edit_narrative": (["MUSC-001", 2, 1], ENTERS),
    "attach_document": (["MUSC-001", 2, 1], ENTERS),
    "renew_report": (["MUSC-001", 2, 1], ENTERS),
    "correct_event": (["MUSC-001", 1], ENTERS),
    "regrade_event": (["MUSC-001", 1], ENTERS),
    "judge_as_sponsor": (["MUSC-001", 1], {"chair"}),
    "void_event": (["MUSC-001", 1], ENTERS),
    "restore_event": (["MUSC-001", 1], ENTERS),
    "slots": ([], HAS_A_ROLE),
    "safety_review": ([], HAS_A_ROLE),
    "site_review": (["MUSC"], AT_MUSC),
    "safety_outputs": ([], HAS_A_ROLE),
    "queries": ([], HAS_A_ROLE),
    "query": (["query"], AT_MUSC),
    "answer_query": (["query"], ENTERS),
    "ask_again": (["query"], {"investigator", "monitor"}),
    "close_query": (["query"], {"investigator", "monitor"}),
    "record": (["visits_visit", "visit"], AT_MUSC),
    "ask": (["visits_visit", "visit", "note"], {"investigator", "monitor"}),
    "verification": ([], HAS_A_ROLE),
    "verification_of": (["MUSC-001"], AT_MUSC),
    "take_back_verification": (["mark"], {"monitor"}),
    "dsmb": ([], HAS_A_ROLE),
    "new_meeting": ([], {"chair", "administrator"}),
    "holds": ([], HAS_A_ROLE),
    "new_hold": ([], ENTERS | {"emory_coordinator", "chair"}),
    "hold": (["hold"], AT_MUSC),
    "place_hold": (["hold"], {"investigator", "chair"}),
    "decline_hold": (["hold"], {"investigator", "chair"}),
    "lift_hold": (["hold"], {"chair"}),
    "notify": (["MUSC-001", 2], ENTERS | {"chair"}),
    "determine": (["MUSC-001", 2], ENTERS | {"chair"}),
    "void_notification": (["MUSC-001", 2, "told"], ENTERS | {"chair"}),
    "void_determination": (["MUSC-001", 2, "determined"], ENTERS | {"chair"}),
    "close_clock": (["MUSC-001", 2, "clock"], {"investigator", "chair"}),
    "clocks": ([], HAS_A_ROLE),
    "study_clocks": ([], HAS_A_ROLE),
    "reach_milestone": ([], {"investigator", "chair", "administrator"}),
    "void_milestone": (["milestone"], {"investigator", "chair", "administrator"}),
    "void_study_notice": (["study notice"], {"investigator", "chair", "administrator"}),
    "stopping_rules": ([], HAS_A_ROLE),
    "audit": ([], HAS_A_ROLE),
    "as_of": ([], HAS_A_ROLE),
    "history": (["visits_visit", "visit"], AT_MUSC),
    "mail": (["mail"], OPERATES - {"emory_coordinator"}),
}
PACKAGE = {"datasets": ["visits"], "sites": ["MUSC"], "format": "csv", "level": "coded", "purpose": "a review"}
# Their own tests are below or in their room.
ELSEWHERE = {"signature", "sign_in", "sign_out", "find", "sweep_now", "try_again"}
ELSEWHERE |= {"tell_of_study", "switch_rule", "acknowledge_report", "trail_file", "trail_verifier"}
ELSEWHERE |= {"test_mail", "end_acknowledgement", "alive", "ready"}
ELSEWHERE |= {"sign_in_again", "save_draft", "discard_draft", "make_feed", "revoke_feed", "feed"}
ELSEWHERE |= {"sign_in_again", "save_draft", "discard_draft", "cancel_export", "download_export", "mark_reviewed"}
ELSEWHERE |= {"verify"}
ELSEWHERE |= {"safety_output", "board_meeting", "recommend", "recommendation", "dsmb_packet"}


# A word in place of a row number: the first row of that kind at MUSC.
ROWS = {
    "consent": (Consent, "participant__site"),
    "fact": (LabResult, "site"),
    "range": (SiteLabRange, "site"),
    "mail": (Mail, "site"),
    "notice": (Notice, "site"),
    "visit": (Visit, "site"),
    "hold": (Hold, "site"),
    "lot": (ProductLot, "site"),
    "decision": (DsmbDecision, "site"),
    "export": (ExportJob, "sites"),
    "query": (Query, "site"),
    "mark": (Verification, "site"),
    "told": (Notification, "site"),
    "determined": (Determination, "site"),
    "clock": (Clock, "site"),
    "milestone": (Milestone, "site"),
    "study notice": (StudyNotice, "site"),
}


def row_number(kind):
    model, site = ROWS[kind]
    return model.objects.filter(**{site: "MUSC"}).first().pk


def address(name):
    return reverse(name, args=[row_number(arg) if arg in ROWS else arg for arg in PAGES[name][0]])


@staged
def stage(musc, coordinator, chair, monitor, frozen):
    """MUSC-001 on study with overdue visits, an event and a mail; MUSC-002 ready to enroll."""
    participant = musc.infused(DAY0)
    musc.answered()
    report(participant=participant, term="Fatigue", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    _report_serious(participant, coordinator)
    facts = {"category": "privacy", "happened_on": DAY0, "description": "Fax to a wrong number"}
    report_deviation(participant=participant, by=coordinator, at=NOW, **facts)
    propose_hold(site=participant.site, cause="product", text="Lot warmed up", by=coordinator, at=NOW)
    facts = {"decision": "continue", "decided_on": DAY0, "cut_off_on": DAY0, "document": "Letter 3"}
    record_decision(participant=participant, by=chair, at=NOW, **facts)
    happened = {"attended_on": DAY0, "visit_type": "phone", "note": "Asked", "late_entry_reason": "Letter"}
    done = {"procedures": {"vitals": ""}, "by": coordinator, "at": NOW}
    log_unplanned(participant=participant, kind="UNS", **happened, **done)
    request_export(**PACKAGE, by=coordinator, at=NOW)
    record_lab(participant=participant, test="WBC", collected=DAY0, value=5, unit="10^9/L", by=coordinator, at=NOW)
    limits = {"low": None, "high": 34, "unit": "U/L", "starts_on": DAY0}
    record_range(site=participant.site, test="AST", **limits, by=coordinator, at=NOW)
    sweep(NOW)
    _monitor(participant, monitor)


def _monitor(participant, by):
    """A query about the age, which is compared with its source as well."""
    about = records.reach(by, "participants_participant", participant.pk)
    ask(record=about, column="age", text="Is this the age at screening?", by=by, at=NOW)
    verify(record=about, columns=["age"], seen=last_entry(about), by=by, at=NOW)


def _report_serious(participant, by):
    """AE 2, with its clocks, a notification and a determination."""
    fever = {"term": "Fever", "started": PartialDate(2025, 6), "is_hospitalization": True}
    event = report(participant=participant, **fever, by=by, at=NOW)
    told = {"recipient": "sponsor", "sent_at": NOW, "method": "fax", "reference": "FAX-1", "clocks": []}
    notify(event=event, **told, by=by, at=NOW)
    found = {"kind": "unanticipated_problem", "determined_at": NOW, "note": "Not foreseen"}
    determine(event=event, **found, by=by, at=NOW)
    ended = {"kind": "part_ended", "site": "MUSC", "reached_on": DAY0, "reference": "Letter 1"}
    reach_milestone(**ended, by=by, at=NOW)
    [clock] = [each for each in of_the_study(NOW, ["K15"]) if each.site_id == "MUSC"]
    del told["clocks"]
    tell(clock=clock, **told, by=by, at=NOW)
    prepare(event=event, by=by, at=NOW)


def patterns(resolver):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from patterns(pattern)
        else:
            yield pattern.name


def test_every_address_stands_in_this_table():
    assert set(patterns(get_resolver())) == set(PAGES) | ELSEWHERE


def test_nobody_gets_in_unnamed(stage, client):
    answers = {name: client.get(address(name)) for name in PAGES}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(PAGES, 302)
    assert [name for name, answer in answers.items() if not answer.url.startswith("/sign-in/?next=")] == []


# Where these are looked for, the question whether the role may look at all comes first.
ASKED_FIRST = {"site_review", "mail", "history", "export"}


def status_for(name, role):
    """What the table says that this role gets."""
    args, welcome = PAGES[name]
    if role in welcome:
        return 200
    hidden = args and (role == "emory_coordinator" or role == "outsider" and name not in ASKED_FIRST)
    return 404 if hidden else 403


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_in_where_its_grant_says_so(request, stage, browse, role):
    client = browse(request.getfixturevalue(role))
    answers = {name: client.get(address(name)).status_code for name in PAGES}
    assert answers == {name: status_for(name, role) for name in PAGES}


NOWHERE = {"MUSC": "NOWHERE", "MUSC-001": "MUSC-998", "MUSC-002": "MUSC-998"}  # and a row number that there is not


def test_another_site_s_page_is_the_same_as_a_missing_one(stage, emory, browse, emory_coordinator):
    """The negative side of the table: the row exists, and the answer does not tell."""
    emory.infused(DAY0)
    client = browse(emory_coordinator)
    for name, (given, _) in PAGES.items():
        if given:
            args = [99999 if arg in ROWS else NOWHERE.get(arg, arg) for arg in given]
            theirs, missing = client.get(address(name)), client.get(reverse(name, args=args))
            assert (name, theirs.status_code, missing.status_code) == (name, 404, 404)
            assert (name, theirs.content) == (name, missing.content)


READS = (
    "sae_report",
    "sae_report_pdf",
    "medicines",
    "patient_profile",
    "worksheet",
    "facts",
    "infusion_day",
    "dsmb_decision",
    "lot",
    "site_review",
    "export",
    "hold",
    "participant",
    "visit",
    "printed_schedule",
    "plan_day0",
    "dose",
    "day_echo",
    "event",
    "deviation",
    "mail",
    "history",
    "query",
    "record",
    "verification_of",
)
WRITES = [name for name in PAGES if PAGES[name][0] and name not in READS]


@pytest.mark.parametrize("role", ["emory_coordinator", "monitor", "chair", "administrator", "outsider"])
def test_nobody_writes_without_the_grant(request, stage, browse, role):
    client = browse(request.getfixturevalue(role))
    not_theirs = [name for name in WRITES if role not in PAGES[name][1]]
    answers = {name: client.post(address(name), {}) for name in not_theirs}
    status = 404 if role in ("emory_coordinator", "outsider") else 403
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(not_theirs, status)
    told = {name: "Your role does not let you" in answer.content.decode() for name, answer in answers.items()}
    assert told == dict.fromkeys(not_theirs, status == 403)


TAKES_A_POST = {
    *WRITES,
    "safety_review",
    "organ_systems",
    "site_review",
    "screen",
    "new_hold",
    "new_meeting",
    "new_lot",
    "exports",
    "reach_milestone",
    "reminder_preferences",
    "change_password",
}


def test_what_only_reads_refuses_a_post(stage, browse, coordinator):
    client = browse(coordinator)
    answers = {name: client.post(address(name), {}).status_code for name in PAGES if name not in TAKES_A_POST}
    assert {name: status for name, status in answers.items() if status not in (403, 405)} == {}


def test_only_those_who_operate_at_the_site_try_a_mail_again(stage, browse, client, monitor, emory_coordinator):
    address = reverse("try_again", args=[Mail.objects.filter(site="MUSC").first().pk])
    assert browse(monitor).post(address).status_code == 403
    assert browse(emory_coordinator).post(address).status_code == 404
    for name in (address, reverse("sweep_now"), reverse("find"), reverse("sign_out")):
        assert client.post(name).status_code in (302, 405)
        assert client.post(name).headers.get("Location", "/sign-in/").startswith("/sign-in/")


def test_the_sweep_button_is_a_post_for_those_who_operate(stage, browse, coordinator, monitor):
    assert browse(coordinator).get("/reminders/sweep/").status_code == 405
    assert browse(monitor).post("/reminders/sweep/").status_code == 403


def test_pages_are_kept_out_of_every_cache(stage, browse, coordinator):
    for address in ("/", "/participants/MUSC-001/", "/adverse-events/?format=csv"):
        assert browse(coordinator).get(address).headers["Cache-Control"] == "private, no-store"


def test_signing_in_twice_leads_home_and_never_round_in_circles(browse, coordinator):
    assert browse(coordinator).get("/sign-in/?next=/sign-in/").url == "/"
    assert browse(coordinator).get("/sign-in/?next=https://elsewhere.example/").url == "/"


def test_a_file_holds_only_what_may_be_exported(musc, emory, person, browse, frozen):
    """Coordinator at one site and monitor at the other: both are seen, one may leave."""
    musc.screened()
    emory.screened()
    both = person("crc.both", "coordinator", "MUSC")
    grant(username="crc.both", role="monitor", site="EMORY")
    client = browse(both)
    assert b"EMO-001" in client.get("/participants/").content
    assert b"EMO-001" not in b"".join(client.get("/participants/?format=csv"))


def test_finding_jumps_to_a_visible_participant_only(stage, browse, coordinator, emory_coordinator):
    assert browse(coordinator).get("/participants/find/?q=musc-001").url == "/participants/MUSC-001/"
    assert browse(emory_coordinator).get("/participants/find/?q=MUSC-001").url == "/participants/?identifier=MUSC-001"


@pytest.mark.parametrize("huge", ["9" * 30, str(2**63)])
def test_a_number_no_column_holds_is_a_404(stage, browse, coordinator, huge):
    client = browse(coordinator)
    assert client.get(f"/reminders/{huge}/").status_code == 404
    assert client.get(f"/adverse-events/MUSC-001/{huge}/").status_code == 404


def test_pages_carry_a_strict_policy_and_name_no_other_host(stage, browse, coordinator):
    response = browse(coordinator).get("/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("coordinator", ["Overdue", "MUSC-001", "W1", "Log visit", "Visit matrix"]),
        (
            "investigator",
            ["Reporting clocks", "Ready to enroll", "MUSC-002", "Adverse events to complete", "AE 1: Fatigue"],
        ),
        ("chair", ["Exports", "Visit matrix", "For the sponsor to say", "K4 waits for the sponsor"]),
        ("monitor", ["Visit matrix", "Nothing waits for you"]),
        ("administrator", ["Exports", "of adverse events"]),
        ("outsider", ["hold no role in this trial yet"]),
    ],
)
def test_home_shows_each_role_its_own_work(request, stage, browse, role, words):
    page = browse(request.getfixturevalue(role)).get("/").content.decode()
    assert [word for word in words if word not in page] == []


@pytest.mark.parametrize("role", ["monitor", "administrator"])
def test_home_never_says_that_nothing_is_overdue_beside_an_overdue_visit(request, stage, browse, role):
    page = browse(request.getfixturevalue(role)).get("/").content.decode()
    assert "Overdue 9 d" in page
    assert "nothing overdue" not in page


def test_the_investigator_s_home_begins_with_safety_and_the_coordinator_s_with_visits(
    stage, browse, coordinator, investigator
):
    def first(person):
        return re.search(r'class="worklist-group">([^<]+) <', browse(person).get("/").content.decode())[1]

    assert (first(coordinator), first(investigator)) == ("Overdue", "Reporting clocks")


@pytest.mark.parametrize("many", [1, 5])
def test_home_takes_the_same_queries_however_many_participants(
    musc, browse, coordinator, investigator, frozen, many, django_assert_max_num_queries
):
    """Who enrolls has six more, for the worksheets that say who is ready, two for serious and open events, and one
    each for the milestones of the study and for the holds that somebody proposed."""
    for _ in range(many):
        musc.infused(DAY0)
        musc.screened()
    for person, queries in ((coordinator, 16), (investigator, 26)):
        client = browse(person)
        client.get("/")
        with django_assert_max_num_queries(queries):
            client.get("/")


@pytest.mark.parametrize("many", [1, 5])
@pytest.mark.parametrize(
    ("name", "queries"),
    [
        *(("participants", 9), ("visits", 7), ("adverse_events", 7), ("deviations", 9), ("holds", 8)),
        *(("reminders", 9), ("open_matters", 8), ("product", 9), ("custody", 10)),
        *(("queries", 8), ("verification", 31)),
    ],
)
def test_a_list_takes_the_same_queries_however_many_rows(
    musc, coordinator, browse, frozen, many, name, queries, django_assert_num_queries
):
    for _ in range(many):
        participant = musc.infused(DAY0)
        report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
        miss(visit=participant.visits.get(code="W2"), reason="Illness", by=coordinator, at=NOW)
        propose_hold(cause="product", text="Lot warmed up", by=coordinator, at=NOW)
        sweep(NOW)
    client = browse(coordinator)
    client.get(reverse(name))
    with django_assert_num_queries(queries):
        client.get(reverse(name))


@pytest.mark.parametrize("many", [1, 5])
def test_the_next_mails_take_no_more_queries_for_more_rows(
    musc, coordinator, chair, administrator, browse, frozen, many, django_assert_max_num_queries
):
    """By the people and their times, of which there are three here."""
    for _ in range(many):
        musc.infused(DAY0)
    client = browse(coordinator)
    with django_assert_max_num_queries(66):
        assert client.get("/reminders/next/").status_code == 200


@pytest.mark.parametrize("many", [1, 5])
def test_the_strip_takes_the_same_queries_however_many_rows(
    musc, coordinator, browse, frozen, many, django_assert_max_num_queries
):
    for _ in range(many):
        musc.infused(DAY0)
    client = browse(coordinator)
    with django_assert_max_num_queries(9):
        assert client.get("/visits/?view=strip").status_code == 200


@pytest.mark.parametrize("many", [0, 25])
def test_a_participant_page_takes_the_same_queries_however_much_happened(
    musc, coordinator, browse, frozen, many, django_assert_max_num_queries
):
    participant = musc.infused(DAY0)
    for _ in range(many):
        report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    client = browse(coordinator)
    with django_assert_max_num_queries(20):
        client.get("/participants/MUSC-001/")


@pytest.mark.parametrize("people", [6, 10_000])
def test_home_takes_few_queries_however_many_participants_there_are(
    people, musc, coordinator, browse, frozen, django_assert_max_num_queries
):
    """Every participant has a visit overdue and two under way; scripts/bench_visits.py goes on to 100,000."""
    facts = {"site_id": "MUSC", "protocol_version": "1.0", "screened_on": DAY0, "age": 40, "sex": "F"}
    facts |= {"screened_at": NOW, "screened_by": coordinator}
    rows = Participant.objects.bulk_create(
        Participant(number=number, identifier=f"MUSC-{number:03}", **facts) for number in range(1, people + 1)
    )
    windows = {"W1": (DAY0, 5, 9), "W2": (DAY0, 15, 22), "W4": (DAY0, 16, 30)}
    Visit.objects.bulk_create(
        Visit(
            participant=row,
            site_id="MUSC",
            code=code,
            order=order,
            opens_on=day0 + timedelta(days=first),
            target_on=day0 + timedelta(days=first),
            closes_on=day0 + timedelta(days=last),
        )
        for row in rows
        for order, (code, (day0, first, last)) in enumerate(windows.items())
    )
    client = browse(coordinator)
    with django_assert_max_num_queries(16) as asked:
        page = client.get("/").content.decode()
    assert sum('FROM "visits_' in query["sql"] for query in asked.captured_queries) == 4
    assert f"Overdue: {people}" in page
    assert f"In screening: {people}" in page
    assert page.count("no parts of the criteria answered") == min(people, 20)
    assert page.count('<span class="worklist-what">') == {6: 24, 10_000: 120}[people]  # 50 of a group, 20 in screening
