import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError
from django.db import IntegrityError, transaction
from django.http import Http404

from participants.models import Participant
from studytracker.access.grants import GRANTS, Permission, Role
from studytracker.access.models import Membership, User
from studytracker.access.people import MembershipRefused, grant, holders
from studytracker.access.scope import reach


def seen(user):
    user = User.objects.get(pk=user.pk)
    return list(Participant.objects.visible_to(user).order_by("identifier").values_list("identifier", flat=True))


def test_everybody_sees_the_participants_of_their_own_sites_only(
    musc, emory, coordinator, emory_coordinator, investigator, chair, monitor, administrator, outsider
):
    musc.screened()
    emory.screened()
    assert [seen(person) for person in (coordinator, investigator)] == [["MUSC-001"]] * 2
    assert seen(emory_coordinator) == ["EMO-001"]
    assert [seen(person) for person in (chair, monitor, administrator)] == [["EMO-001", "MUSC-001"]] * 3
    assert seen(outsider) == []


def test_an_ended_membership_and_a_disabled_account_see_nothing(musc, coordinator, now):
    musc.screened()
    coordinator.memberships.update(ended_at=now)
    assert seen(coordinator) == []
    coordinator.memberships.update(ended_at=None)
    assert seen(coordinator) == ["MUSC-001"]
    User.objects.filter(pk=coordinator.pk).update(is_active=False)
    assert seen(coordinator) == []


def test_another_site_s_row_is_missing_and_a_row_without_the_right_is_forbidden(musc, emory, coordinator, monitor):
    musc.screened()
    emory.screened()
    rows = Participant.objects.all()
    assert str(reach(rows, coordinator, needs=Permission.SCREEN, identifier="MUSC-001")) == "MUSC-001"
    for identifier in ("EMO-001", "MUSC-999"):
        with pytest.raises(Http404, match="No Participant matches the given query."):
            reach(rows, coordinator, identifier=identifier)
    with pytest.raises(PermissionDenied) as refusal:
        reach(rows, monitor, needs=Permission.SCREEN, identifier="MUSC-001")
    assert str(refusal.value) == "Your role does not let you screen participants and answer the criteria at MUSC."


def test_a_monitor_reads_asks_and_marks_and_writes_nothing_else():
    assert GRANTS[Role.MONITOR] == {Permission.SEE, Permission.AUDIT, Permission.ASK, Permission.VERIFY}


def test_nobody_but_investigators_enrolls():
    assert {role for role, grants in GRANTS.items() if Permission.ENROLL in grants} == {Role.INVESTIGATOR}


def test_the_administrator_and_the_chair_enter_no_clinical_data():
    entering = {
        Permission.SCREEN,
        Permission.ENROLL,
        Permission.INFUSE,
        Permission.LOG_VISIT,
        Permission.REPORT_EVENT,
        Permission.WITHDRAW,
    }
    assert not GRANTS[Role.ADMINISTRATOR] & entering
    assert not GRANTS[Role.CHAIR] & entering


@pytest.mark.parametrize(
    ("role", "site", "sentence"),
    [
        ("coordinator", "NOWHERE", 'Site "NOWHERE" is not in the protocol. Known sites: EMORY, MUSC.'),
        (
            "coordinator",
            None,
            "Coordinators and investigators belong to a site; the study chair and administrators to the whole trial.",
        ),
        (
            "chair",
            "MUSC",
            "Coordinators and investigators belong to a site; the study chair and administrators to the whole trial.",
        ),
    ],
)
def test_a_role_that_does_not_fit_is_refused_with_a_sentence(trial, role, site, sentence):
    with pytest.raises(MembershipRefused) as refusal:
        grant(username="crc.new", role=role, site=site)
    assert refusal.value.sentences == [sentence]
    assert not User.objects.filter(username="crc.new").exists()


def test_the_same_role_is_not_given_twice(coordinator, chair):
    with pytest.raises(MembershipRefused, match="already holds this role at this site"):
        grant(username="crc.musc", role="coordinator", site="MUSC")
    with pytest.raises(MembershipRefused, match="already holds this role for the whole trial"):
        grant(username="chair", role="chair", site=None)


def test_the_database_refuses_a_site_that_does_not_fit_the_role(coordinator):
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(user=coordinator).update(role="administrator")


def test_holders_are_the_active_people_with_the_role_at_the_site(coordinator, emory_coordinator, investigator):
    assert list(holders(Role.COORDINATOR, "MUSC")) == [coordinator]
    User.objects.filter(pk=coordinator.pk).update(is_active=False)
    assert list(holders(Role.COORDINATOR, "MUSC")) == []


def test_the_command_adds_a_member_or_says_why_not(trial, capsys, command):
    command("add_member", "crc.two", role="coordinator", site="MUSC", email="crc.two@example.org")
    assert capsys.readouterr().out == "crc.two now is Coordinator, MUSC.\n"
    assert User.objects.get(username="crc.two").has_usable_password() is False
    with pytest.raises(CommandError, match='Site "X" is not in the protocol'):
        command("add_member", "crc.two", role="coordinator", site="X")


def test_grants_take_one_query_however_many_permissions_are_asked(coordinator, django_assert_num_queries):
    person = User.objects.get(pk=coordinator.pk)
    with django_assert_num_queries(1):
        held = {permission for permission in Permission if person.can(permission, "MUSC")}
        assert held == GRANTS[Role.COORDINATOR]
        assert person.role_words == "Coordinator, MUSC"
