from datetime import date
from typing import NamedTuple

from studytracker.running import banner


class Person(NamedTuple):
    username: str
    words: str


def test_the_box_names_address_accounts_password_and_the_way_out():
    text = banner.welcome(
        url="http://127.0.0.1:8001",
        people=[Person("crc.musc", "Coordinator, MUSC"), Person("monitor", "Monitor, read only")],
        password="plain-words",
        mails="var/mail",
        logs="var/logs",
        age="made today",
    )
    assert text.splitlines() == [
        "+--------------------------------------------------+",
        "| Study Tracker demo   http://127.0.0.1:8001       |",
        "| SYNTHETIC DATA: do not use for real participants |",
        "+--------------------------------------------------+",
        "| Sign in as  Role                                 |",
        "| crc.musc    Coordinator, MUSC                    |",
        "| monitor     Monitor, read only                   |",
        "|                                                  |",
        "| Password for all of them: plain-words            |",
        "+--------------------------------------------------+",
        "| Mails  var/mail                                  |",
        "| Logs   var/logs                                  |",
        "| Data   made today                                |",
        "| Stop   Ctrl-C                                    |",
        "| Reset  stop it, then: make demo-reset            |",
        "+--------------------------------------------------+",
    ]


def test_fresh_data_are_from_today():
    assert banner.age_in_words(date(2026, 11, 22), date(2026, 11, 22)) == "made today, all dates relative to today"


def test_older_data_say_their_day():
    words = banner.age_in_words(date(2026, 11, 21), date(2026, 11, 22))
    assert words == 'from 2026-11-21 (1 day ago): "today" in the stories is that day. Reset to make it afresh'


def test_data_of_unknown_age_promise_nothing():
    assert banner.age_in_words(None, date(2026, 11, 22)) == "already there; its dates do not move with the calendar"
