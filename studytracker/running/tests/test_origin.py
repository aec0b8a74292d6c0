from datetime import date

import pytest
from django.contrib.auth import get_user_model

from studytracker.running import folder, origin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var_folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return tmp_path


def test_an_empty_database_may_be_filled():
    assert not origin.holds_people()
    origin.refuse_real_data()


def test_a_database_with_people_that_no_demo_made_is_left_alone():
    get_user_model().objects.create_user("crc.musc")
    with pytest.raises(folder.FolderRefused, match="holds people and was not made by a demo"):
        origin.refuse_real_data()


def test_a_database_the_demo_filled_is_known_again_with_its_day():
    origin.note_origin(date(2026, 11, 22))
    get_user_model().objects.create_user("crc.musc")
    origin.refuse_real_data()
    assert origin.data_day() == date(2026, 11, 22)


def test_the_note_of_another_database_counts_for_nothing(var_folder):
    (var_folder / folder.DATA_DAY).write_text("day=2026-11-22\ndatabase=another one\n")
    get_user_model().objects.create_user("crc.musc")
    assert origin.data_day() is None
    with pytest.raises(folder.FolderRefused):
        origin.refuse_real_data()
