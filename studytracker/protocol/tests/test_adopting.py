from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, transaction

from studytracker import protocol
from studytracker.protocol.adopting import AdoptionRefused, adopt
from studytracker.protocol.models import Adoption, AdoptionIsFinal, Site, Slot

pytestmark = pytest.mark.django_db
AT = datetime(2017, 4, 27, 14, 0, tzinfo=UTC)


@pytest.fixture
def empty():
    Site.objects.all().delete()
    Slot.objects.all().delete()
    Adoption._base_manager.all()._raw_delete("default")


@pytest.fixture
def adopted(empty, shipped):
    return adopt(shipped, at=AT)


def amended(edited, *changes):
    return protocol.load(edited(('version = "1.0"', 'version = "1.1"'), *changes, name="1.1.toml"))


def refusal(protocol_, at=AT):
    with pytest.raises(AdoptionRefused) as refused:
        adopt(protocol_, at=at)
    return refused.value.sentences


def test_adopting_makes_sites_slots_and_one_adoption(adopted, shipped):
    assert list(Site.objects.values_list("code", flat=True)) == ["EMORY", "MUSC"]
    assert list(Slot.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert list(Adoption.objects.values_list("version", "sha256", "adopted_at")) == [("1.0", shipped.sha256, AT)]
    assert str(adopted) == (
        f"Protocol 1.0 ({shipped.sha256[:12]}) is adopted. "
        "New sites: MUSC, EMORY. New enrollment slots: 1, 2, 3, 4, 5, 6."
    )


def test_adopting_again_changes_nothing_and_says_so(adopted, shipped):
    again = adopt(shipped, at=datetime(2018, 1, 1, tzinfo=UTC))
    assert str(again) == f"Protocol 1.0 ({shipped.sha256[:12]}) was adopted before; nothing to do."
    assert (Site.objects.count(), Slot.objects.count()) == (2, 6)
    assert list(Adoption.objects.values_list("adopted_at", flat=True)) == [AT]


def test_a_larger_cap_in_a_new_version_adds_slots(adopted, edited):
    assert adopt(amended(edited, ("cap = 6", "cap = 8")), at=AT).new_slots == (7, 8)
    assert Slot.objects.count() == 8
    assert Adoption.objects.count() == 2


def test_a_smaller_cap_is_refused(adopted, edited):
    assert refusal(amended(edited, ("cap = 6", "cap = 5"))) == [
        "The cap would shrink from 6 to 5. Enrollment slots are never taken away: keep 6 or more."
    ]
    assert (Slot.objects.count(), Adoption.objects.count()) == (6, 1)


def test_the_same_version_with_other_bytes_is_refused(adopted, shipped, edited):
    changed = protocol.load(edited(("# The trial", "# A trial")))
    assert refusal(changed) == [
        f"Version 1.0 was adopted with the hash {shipped.sha256[:12]}, but 1.0.toml now has "
        f"{changed.sha256[:12]}. Restore the adopted file, and put the change into a file with a new version."
    ]


def without_emory(edited):
    return amended(
        edited,
        ('code = "EMORY"', 'code = "DUKE"'),
        ('site = "EMORY"', 'site = "DUKE"'),
        ('"EMORY"]', '"DUKE"]'),
        ('["EMORY"]', '["DUKE"]'),
    )


def test_a_site_with_records_cannot_vanish(adopted, edited, django_user_model):
    coordinator = django_user_model.objects.create(username="crc.emory")
    coordinator.memberships.create(site_id="EMORY", role="coordinator")
    assert refusal(without_emory(edited)) == [
        "Site EMORY is not in 1.1.toml, but there are records of it. Keep the site in the file."
    ]
    assert list(Site.objects.values_list("code", flat=True)) == ["EMORY", "MUSC"]


def test_a_site_without_records_may_go(adopted, edited):
    outcome = adopt(without_emory(edited), at=AT)
    assert (outcome.new_sites, outcome.dropped_sites) == (("DUKE",), ("EMORY",))
    assert list(Site.objects.values_list("code", flat=True)) == ["DUKE", "MUSC"]


def test_every_refusal_is_told_at_once(adopted, edited):
    changed = protocol.load(edited(("cap = 6", "cap = 5")))
    assert [sentence.split()[0] for sentence in refusal(changed)] == ["Version", "The"]


def test_a_slot_below_one_is_refused_by_the_database(adopted):
    with pytest.raises(IntegrityError), transaction.atomic():
        Slot.objects.create(number=0)


def test_an_adoption_is_never_changed_or_deleted(adopted):
    adoption = adopted.adoption
    for attempt in (
        adoption.save,
        adoption.delete,
        Adoption.objects.all().delete,
        lambda: Adoption.objects.update(sha256="0" * 64),
    ):
        with pytest.raises(AdoptionIsFinal):
            attempt()


def test_a_site_knows_its_rules_and_its_own_today(settings, adopted):
    site = Site.objects.get(code="EMORY")
    assert str(site) == "EMORY"
    assert site.rules.city == "Atlanta"
    assert site.today(datetime(2017, 7, 1, 3, 59, tzinfo=UTC)) == date(2017, 6, 30)
    assert site.today(datetime(2017, 7, 1, 4, 0, tzinfo=UTC)) == date(2017, 7, 1)


def test_the_command_says_what_it_did(empty, settings, edited, command):
    settings.PROTOCOL_FILE = str(edited())
    said = StringIO()
    command("adopt_protocol", stdout=said)
    command("adopt_protocol", stdout=said)
    assert [line.partition(") ")[2] for line in said.getvalue().splitlines()] == [
        "is adopted. New sites: MUSC, EMORY. New enrollment slots: 1, 2, 3, 4, 5, 6.",
        "was adopted before; nothing to do.",
    ]


def test_the_command_refuses_with_the_sentences(adopted, settings, edited, command):
    settings.PROTOCOL_FILE = str(edited(("cap = 6", 'cap = "6"')))
    with pytest.raises(CommandError) as refused:
        command("adopt_protocol")
    assert str(refused.value) == (
        'Nothing was changed.\n1.0.toml: [enrollment]: key "cap" must be a whole number, not "6".'
    )
