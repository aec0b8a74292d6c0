from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.test.utils import isolate_apps

from studytracker.dates import PartialDate
from studytracker.web.fields import PartialDateField
from studytracker.web.modelfields import PartialDateModelField


@pytest.fixture
def probe(db):
    """A table of its own, gone with the connection's transaction."""
    with isolate_apps("studytracker.web"):

        class Probe(models.Model):
            id = models.IntegerField(primary_key=True)
            known_on = PartialDateModelField("onset")
            ended_on = PartialDateModelField(null=True, blank=True)

            class Meta:
                app_label = "web"
                db_table = "partial_date_probe"
                ordering = ["known_on"]

            def __str__(self):
                return str(self.known_on)

        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE partial_date_probe"
                " (id integer PRIMARY KEY, known_on varchar(10) NOT NULL, ended_on varchar(10))"
            )
        yield Probe
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE partial_date_probe")


def test_a_partial_date_is_stored_as_its_iso_text(probe):
    probe.objects.create(id=1, known_on=PartialDate(2025, 6))
    with connection.cursor() as cursor:
        cursor.execute("SELECT known_on, ended_on FROM partial_date_probe")
        assert cursor.fetchall() == [("2025-06", None)]
    row = probe.objects.get()
    assert (row.known_on, row.ended_on) == (PartialDate(2025, 6), None)


def test_text_and_whole_days_are_read_before_they_are_stored(probe):
    probe.objects.create(id=1, known_on="2025", ended_on=date(2025, 6, 14))
    row = probe.objects.get()
    assert (row.known_on, row.ended_on) == (PartialDate(2025), PartialDate(2025, 6, 14))


@pytest.mark.parametrize("text", ["yesterday", "2025-02-30", "2025-6-1", "2025-06-14T00:00"])
def test_what_is_no_date_is_not_stored(probe, text):
    with pytest.raises(ValidationError), transaction.atomic():
        probe.objects.create(id=1, known_on=text)
    assert not probe.objects.exists()


def test_filters_and_order_work_on_what_is_known(probe):
    for number, text in enumerate(["2025-06-14", "2025", "2025-06", "2024-12-31", "2025-05-31"]):
        probe.objects.create(id=number, known_on=text)
    ordered = ["2024-12-31", "2025", "2025-05-31", "2025-06", "2025-06-14"]
    assert [row.known_on.iso for row in probe.objects.all()] == ordered
    assert [row.known_on.iso for row in probe.objects.filter(known_on__gte="2025-06")] == ordered[3:]
    assert [row.known_on.iso for row in probe.objects.filter(known_on__lt=PartialDate(2025, 5))] == ordered[:2]
    assert [row.known_on.iso for row in probe.objects.filter(known_on__startswith="2025-0")] == ordered[2:]
    assert probe.objects.filter(known_on=PartialDate(2025)).count() == 1
    assert probe.objects.filter(known_on__in=[PartialDate(2025), date(2025, 6, 14)]).count() == 2
    assert probe.objects.filter(ended_on=None).count() == 5


def test_a_row_is_checked_whole_before_it_is_saved(probe):
    row = probe(id=1, known_on=PartialDate(2025, 6, 14), ended_on="2025-07")
    row.full_clean()
    assert row.ended_on == PartialDate(2025, 7)
    with pytest.raises(ValidationError) as refusal:
        probe(id=1, known_on="2025-02-30").full_clean()
    assert refusal.value.message_dict == {"known_on": ["30 February 2025 does not exist: February 2025 has 28 days."]}


def test_the_field_writes_itself_into_migrations():
    name, path, args, kwargs = PartialDateModelField("onset", null=True).deconstruct()
    assert path == "studytracker.web.modelfields.PartialDateModelField"
    assert kwargs == {"verbose_name": "onset", "null": True, "max_length": 10}
    assert PartialDateModelField(*args, **kwargs).deconstruct()[1:] == (path, args, kwargs)


def test_the_form_field_is_the_three_boxes():
    field = PartialDateModelField("onset", blank=True, help_text="Of the first symptom.").formfield()
    assert type(field) is PartialDateField
    assert (field.required, field.label, field.help_text) == (False, "Onset", "Of the first symptom.")
