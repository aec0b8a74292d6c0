"""The export page: what it offers, whom it lets see what, and what it does with bad input."""

import io
import zipfile

import pytest
from django.urls import reverse

from conftest import staged
from studytracker.exports import jobs
from studytracker.exports.datasets import all_datasets
from studytracker.exports.models import Download, ExportJob
from studytracker.exports.privacy import Level

GIVEN = {"datasets": ["visits"], "sites": ["MUSC"], "format": "csv", "level": "coded", "purpose": "for the tests"}


@staged
def at_musc(coordinator, now):
    return jobs.request_export(**GIVEN, by=coordinator, at=now)


@pytest.fixture
def ready(at_musc, settings, tmp_path, now):
    settings.VAR_DIR = tmp_path
    return jobs.run(at_musc.pk, lambda: now)


def test_the_page_asks_for_an_export_once(coordinator, browse):
    page = browse(coordinator)
    for _ in range(2):
        answer = page.post(reverse("exports"), GIVEN | {"form_key": "once"})
        assert answer.status_code == 302
    job = ExportJob.objects.get()
    assert (job.datasets, job.site_codes, job.level, job.state) == (["visits"], ["MUSC"], Level.CODED, "waiting")


def test_the_preview_shows_rows_and_what_is_left_out_and_makes_nothing(musc, coordinator, browse):
    participant = musc.infused()
    given = GIVEN | {"preview": "1", "level": "study_day", "datasets": ["participants", "adverse_events"]}
    page = browse(coordinator).post(reverse("exports"), given).content.decode()
    assert "<td>40 to 49</td>" in page
    assert "Left out: site; enrollment slot; reason for the screen failure" in page
    assert participant.identifier not in page
    assert ExportJob.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"sites": ["EMORY"]}, "Select a valid choice. EMORY is not one of the available choices."),
        ({"datasets": []}, "Choose at least one of them."),
        ({"purpose": " "}, "Say what the export is for."),
        ({"level": "identified"}, "Select a valid choice. identified is not one of the available choices."),
    ],
)
def test_bad_input_gets_a_sentence_and_keeps_what_was_given(coordinator, browse, wrong, sentence):
    answer = browse(coordinator).post(reverse("exports"), GIVEN | {"purpose": "kept words"} | wrong)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert ("kept words" in answer.content.decode()) == ("purpose" not in wrong)
    assert ExportJob.objects.count() == 0


def test_another_site_s_export_is_a_404_like_one_that_never_was(at_musc, emory_coordinator, browse):
    page = browse(emory_coordinator)
    for name, method in (("export", page.get), ("cancel_export", page.post), ("download_export", page.post)):
        there, nowhere = (method(reverse(name, args=[pk])) for pk in (at_musc.pk, at_musc.pk + 1000))
        assert (there.status_code, there.content) == (404, nowhere.content)


def test_an_export_as_recorded_is_seen_only_by_those_who_may_make_one(coordinator, investigator, browse, now):
    given = GIVEN | {"level": "identified", "reason": "a request of the sponsor"}
    job = jobs.request_export(**given, by=investigator, at=now)
    assert [browse(user).get(job.get_absolute_url()).status_code for user in (investigator, coordinator)] == [200, 404]


def test_a_monitor_exports_nothing(at_musc, monitor, browse):
    page = browse(monitor)
    assert [page.get(url).status_code for url in (reverse("exports"), at_musc.get_absolute_url())] == [403, 403]


def test_a_download_gives_the_file_and_is_recorded(ready, coordinator, browse):
    answer = browse(coordinator).post(reverse("download_export", args=[ready.pk]))
    assert zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).testzip() is None
    assert answer["Content-Disposition"] == f'attachment; filename="{ready}-1.zip"'
    assert Download.objects.get().downloaded_by == coordinator


def test_before_it_is_ready_and_after_its_time_there_is_no_file(at_musc, coordinator, browse, settings, tmp_path, now):
    settings.VAR_DIR = tmp_path
    url = reverse("download_export", args=[at_musc.pk])
    assert browse(coordinator).post(url).status_code == 410
    jobs.run(at_musc.pk, lambda: now)
    jobs.expire(now + jobs.KEPT_FOR)
    assert browse(coordinator).post(url).status_code == 410
    assert Download.objects.count() == 0


def test_the_progress_stops_asking_when_there_is_nothing_to_wait_for(
    at_musc, coordinator, browse, settings, tmp_path, now
):
    settings.VAR_DIR = tmp_path
    page = browse(coordinator)
    waiting = page.get(at_musc.get_absolute_url(), headers={"HX-Request": "true"})
    jobs.run(at_musc.pk, lambda: now)
    ended = page.get(at_musc.get_absolute_url(), headers={"HX-Request": "true"})
    assert (waiting.status_code, "hx-trigger" in waiting.content.decode()) == (200, True)
    assert (ended.status_code, "hx-trigger" in ended.content.decode()) == (286, False)


def test_cancelling_twice_says_so(at_musc, coordinator, browse):
    page = browse(coordinator)
    said = [page.post(reverse("cancel_export", args=[at_musc.pk]), follow=True).content.decode() for _ in range(2)]
    assert "was cancelled. No file is kept of it." in said[0]
    assert "had ended already." in said[1]


def test_the_history_takes_the_same_queries_however_many_exports(coordinator, browse, now, django_assert_num_queries):
    page = browse(coordinator)
    for _ in range(3):
        jobs.request_export(**GIVEN, by=coordinator, at=now)
    page.get(reverse("export_history"))
    with django_assert_num_queries(9):
        page.get(reverse("export_history"))
    for _ in range(6):
        jobs.request_export(**GIVEN, by=coordinator, at=now)
    with django_assert_num_queries(9):
        page.get(reverse("export_history"))


def test_every_dataset_names_columns_that_exist_once(trial):
    for dataset in all_datasets().values():
        names = [column.name for column in dataset.columns]
        assert len(names) == len(set(names)), dataset.name
        dataset.rows().values_list(*(column.source for column in dataset.columns)).first()
