import hashlib

import pytest

from studytracker import protocol
from studytracker.protocol import ProtocolError, UnknownCode, load
from studytracker.protocol.startup import check_protocol

from .conftest import SHIPPED

# What is edited, then the table, the key and the sentence that must be told.
SLIPS = {
    "unknown key": (
        ("before = 2\n", "befor = 2\n"),
        ('[[visit]] 3 "W1"', "befor", 'key "befor" is not known. Did you mean "before"?'),
    ),
    "unknown table": (
        ("[status]", "[stats]"),
        ("", "stats", 'key "stats" is not known. Did you mean "status"?'),
    ),
    "missing key": (
        ('phase = "PHASE1"\n', ""),
        ("[registry]", "phase", 'key "phase" is missing. Add it.'),
    ),
    "missing table": (
        ("[status]", "[stats]"),
        ("", "status", 'key "status" is missing. Add it.'),
    ),
    "text for a number": (
        ("cap = 6", 'cap = "6"'),
        ("[enrollment]", "cap", 'key "cap" must be a whole number, not "6".'),
    ),
    "number for a list": (
        ("holidays = []", "holidays = 3"),
        ('[[site]] 1 "MUSC"', "holidays", 'key "holidays" must be a list in square brackets, not 3.'),
    ),
    "number for a flag": (
        ("switched_on = false", "switched_on = 0"),
        ('[[stopping_rule]] 1 "S1"', "switched_on", 'key "switched_on" must be true or false, not 0.'),
    ),
    "quoted date": (
        ("valid_from = 2017-04-01", 'valid_from = "1 April"'),
        (
            '[[consent_form]] 1 "1.0"',
            "valid_from",
            'key "valid_from" must be a date such as 2017-04-01, without quotes, not "1 April".',
        ),
    ),
    "binary float": (
        ('value = "2.0"', "value = 2.0"),
        (
            '[[criterion]] 10 "E2", [[criterion.part]] 2 "E2b"',
            "limit.value",
            'key "limit.value" must be a number in quotes, such as "0.5".',
        ),
    ),
    "unknown anchor": (
        ('anchor = "baseline"', 'anchor = "Baseline"'),
        (
            '[[criterion]] 17 "E9", [[criterion.part]] 1 "E9"',
            "anchor",
            "key \"anchor\" must be one of 'screening' or 'baseline', not \"Baseline\".",
        ),
    ),
    "missing anchor": (
        ('anchor = "baseline"\ninput = "belimumab_on"', 'input = "belimumab_on"'),
        (
            '[[criterion]] 19 "E11", [[criterion.part]] 1 "E11a"',
            "anchor",
            'key "anchor" is missing: a look-back counts from "screening" or from "baseline".',
        ),
    ),
    "two lengths": (
        ("look_back = { days = 90 }", "look_back = { days = 90, months = 3 }"),
        (
            '[[criterion]] 14 "E6", [[criterion.part]] 1 "E6a"',
            "look_back",
            'key "look_back" needs exactly one of days, months, years or ever = true.',
        ),
    ),
    "negative window": (
        ("before = 2\n", "before = -2\n"),
        ('[[visit]] 3 "W1"', "before", 'key "before" must be 0 or more, not -2.'),
    ),
    "visits out of order": (
        ("day = 14\n", "day = 6\n"),
        (
            '[[visit]] 4 "W2"',
            "day",
            'key "day" is 6, but the visit before it is on day 7. List visits by day.',
        ),
    ),
    "infusion on another day": (
        ("day = 0\n", "day = 1\n"),
        ('[[visit]] 2 "D0"', "day", 'key "day" is 1; the infusion is Day 0 by definition.'),
    ),
    "no screening": (
        ('kind = "screening"', 'kind = "follow_up"'),
        ("", "visit", 'key "visit" needs exactly one visit with kind = "screening", not 0.'),
    ),
    "no end": (
        ("end_of_follow_up = true\n", ""),
        ("", "visit", 'key "visit" needs exactly one visit with end_of_follow_up = true, not 0.'),
    ),
    "unknown procedure": (
        ('code = "observation"', 'code = "observed"'),
        (
            '[[visit]] 2 "D0"',
            "procedures",
            'key "procedures" names the procedure "observation", which is not in this file. It has: ',
        ),
    ),
    "unknown site": (
        ('sites = ["MUSC", "EMORY"]', 'sites = ["MUSC", "DUKE"]'),
        (
            '[[consent_form]] 1 "1.0"',
            "sites",
            'key "sites" names the site "DUKE", which is not in this file. It has: MUSC, EMORY.',
        ),
    ),
    "unknown visit": (
        ('after_visits = ["W1", "W2"]', 'after_visits = ["W1", "W3"]'),
        ("[stagger]", "after_visits", 'key "after_visits" names the visit "W3", which is not in this file.'),
    ),
    "time zone": (
        ("America/New_York", "America/Charleston"),
        (
            '[[site]] 1 "MUSC"',
            "time_zone",
            'key "time_zone" is "America/Charleston", which is no time zone. Use a name such as America/New_York.',
        ),
    ),
    "same code twice": (
        ('code = "W2"', 'code = "W1"'),
        (
            '[[visit]] 4 "W1"',
            "code",
            'key "code" is "W1", which [[visit]] 3 "W1" has already. Give each its own.',
        ),
    ),
    "same prefix twice": (
        ('prefix = "EMO"', 'prefix = "MUSC"'),
        (
            '[[site]] 2 "EMORY"',
            "prefix",
            'key "prefix" is "MUSC", which [[site]] 1 "MUSC" has already. Give each its own.',
        ),
    ),
    "part of another bullet": (
        ('id = "E10a"', 'id = "E1a"'),
        (
            '[[criterion]] 18 "E10", [[criterion.part]] 1 "E1a"',
            "id",
            'key "id" is "E1a"; it must be "E10", or "E10" and one small letter.',
        ),
    ),
    "identifier without a number": (
        ("{prefix}-{number:03d}", "{prefix}"),
        (
            "[enrollment]",
            "identifier_format",
            'key "identifier_format" must use both {prefix} and {number}, or two participants get one identifier.',
        ),
    ),
    "identifier with something else": (
        ("{prefix}-{number:03d}", "{site}-{number}"),
        (
            "[enrollment]",
            "identifier_format",
            'key "identifier_format" may use only {prefix} and {number}, such as "{prefix}-{number:03d}".',
        ),
    ),
    "half a clock": (
        ('days = "hours"\n', ""),
        ('[[clock]] 2 "K1b"', "", "needs amount, unit and days together, or none of them."),
    ),
    "clock without its start": (
        ('start_of = "qualifies"\n', ""),
        (
            '[[clock]] 5 "K4"',
            "",
            'needs start_of with start = "determination", and only with determination, notice, visit, anniversary, '
            "study.",
        ),
    ),
    "clock of an unknown notice": (
        ('start_of = "K3"', 'start_of = "K33"'),
        ('[[clock]] 9 "K6"', "start_of", 'key "start_of" names the clock "K33", which is not in this file.'),
    ),
    "clock told to nobody known": (
        ('notify = ["ohrp"]', 'notify = ["ORPH"]'),
        ('[[clock]] 15 "K11"', "notify", 'key "notify" names the recipient "ORPH", which is not in this file.'),
    ),
    "condition on nothing": (
        ("[[clock.when]]\nserious = false\n", "[[clock.when]]\n"),
        ('[[clock]] 3 "K2", [[clock.when]] 1', "", "asks nothing: name at least one fact, such as serious = true."),
    ),
    "stopping rule without a bound": (
        ("participants = 2\n", ""),
        ('[[stopping_rule]] 1 "S1"', "", "needs one bound: participants, or percent with minimum_treated."),
    ),
    "sledai weights": (
        ("weight = 8", "weight = 7"),
        ("[sledai]", "item", 'key "item" has weights that sum to 104; those of SLEDAI-2K sum to 105.'),
    ),
    "sledai items": (
        ("[[sledai.item]]\nnumber = 1\n", "[[ctcae.item]]\nnumber = 1\n"),
        ("[sledai]", "item", 'key "item" lists 23 descriptors; SLEDAI-2K has 24.'),
    ),
    "reminders out of order": (
        ("after_days = 8", "after_days = 1"),
        (
            '[[reminder_stage]] 5 "overdue-again"',
            "after_days",
            'key "after_days" is 1, but the stage before it for the same person comes after 1. List them in order.',
        ),
    ),
    "a stage after one that is repeated": (
        (
            'code = "investigator"',
            'code = "more"\nlabel = "x"\ncounts_from = "closes_on"\nafter_days = 30\n'
            'to = "coordinator"\n\n[[reminder_stage]]\ncode = "investigator"',
        ),
        (
            '[[reminder_stage]] 6 "more"',
            "code",
            'key "code" comes after a stage that is repeated. A repeated stage is a person\'s last.',
        ),
    ),
    "a daily mail in the quiet hours": (
        ("digest_time = 07:00:00", "digest_time = 20:00:00"),
        (
            "[reminders]",
            "digest_time",
            'key "digest_time" lies in the quiet hours, so the daily mail would never go out.',
        ),
    ),
    "vocabulary gone": (
        ('name = "causality"', 'name = "cause"'),
        (
            "",
            "vocabulary",
            'key "vocabulary" has no table with name = "causality". The program needs it: add it.',
        ),
    ),
    "causality undecided": (
        ('label = "Definite"\nrelated = true', 'label = "Definite"'),
        (
            '[[vocabulary]] 3 "causality", [[vocabulary.term]] 1 "definite"',
            "related",
            'key "related" is missing: say true or false for each degree of causality.',
        ),
    ),
    "special interest has the code of none of these": (
        ('code = "ectopic_tissue"', 'code = "none"'),
        (
            '[[vocabulary]] 7 "special_interest", [[vocabulary.term]] 5 "none"',
            "code",
            'key "code" is "none", which says "None of these" by itself.',
        ),
    ),
    "assumed key unknown": (
        ('assumes = ["cap", ', 'assumes = ["kap", '),
        ("[enrollment]", "assumes", 'key "assumes" names "kap", which is no key of this table.'),
    ),
    "assumed without a why": (
        ('assumption = "Published by the trial\'s authors, but not on the registry record."', ""),
        (
            "[published]",
            "assumption",
            'key "assumption" is missing: "assumes" names values, so say why they are assumed.',
        ),
    ),
    "assumed with an empty why": (
        (
            'assumption = "Published by the trial\'s authors, but not on the registry record."\n',
            'assumption = " "\n',
        ),
        ("[published]", "assumption", 'key "assumption" is empty: say why the value is assumed.'),
    ),
    "source of no kind": (
        ('source = "record"', 'source = "me"'),
        (
            "[registry]",
            "source",
            'key "source" is "me"; say "record", "placeholder", or kind and place, such as "guidance: ICH E2A".',
        ),
    ),
    "version and name": (
        ('version = "1.0"', 'version = "1.1"'),
        ("", "version", 'key "version" is "1.1", so the file must be named 1.1.toml, not 1.0.toml.'),
    ),
    "syntax": (
        ("cap = 6", "cap = 6 7"),
        ("line 50, column 9", "", "this is not TOML. Expected newline or end of document after a statement."),
    ),
}


def problems_of(path):
    with pytest.raises(ProtocolError) as refused:
        load(path)
    return refused.value.problems


@pytest.mark.parametrize("change, told", SLIPS.values(), ids=SLIPS)
def test_a_problem_names_file_table_and_key(edited, change, told):
    table, key, sentence = told
    found = [each for each in problems_of(edited(change)) if (each.table, each.key) == (table, key)]
    assert sentence in [each.message[: len(sentence)] for each in found]
    assert {each.file for each in found} == {"1.0.toml"}


def test_a_problem_reads_as_one_line(edited):
    (first, *_) = problems_of(edited(("holidays = []", "holidays = 3")))
    assert str(first) == ('1.0.toml: [[site]] 1 "MUSC": key "holidays" must be a list in square brackets, not 3.')


def test_all_problems_are_told_at_once_whatever_their_kind(edited):
    path = edited(
        ("cap = 6", 'cap = "6"'),
        ("America/New_York", "America/Charleston"),
        ("weight = 8", "weight = 7"),
        ("before = 2\n", "before = -2\n"),
    )
    assert [(each.table, each.key) for each in problems_of(path)] == [
        ("[enrollment]", "cap"),
        ('[[visit]] 3 "W1"', "before"),
        ('[[site]] 1 "MUSC"', "time_zone"),
        ("[sledai]", "item"),
    ]


def test_an_entry_that_is_refused_is_not_told_a_second_time_as_a_list_too_short(edited):
    path = edited(("valid_from = 2017-04-01", "valid_from = 0"))
    assert [each.key for each in problems_of(path)] == ["valid_from"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "site = 3",
        "visit = [1, 2]",
        "[site]\ncode = 3",
        "[[visit]]\nday = true",
        "sledai = []",
        "version = 1.0",
    ],
)
def test_a_file_of_the_wrong_shape_is_refused_with_sentences(tmp_path, text):
    path = tmp_path / "1.0.toml"
    path.write_text(text)
    assert {type(each.message) for each in problems_of(path)} == {str}


def test_a_file_that_is_not_there_says_what_to_set(tmp_path):
    (problem,) = problems_of(tmp_path / "9.9.toml")
    assert problem.message == (
        "cannot be read (No such file or directory). "
        f"Set PROTOCOL_FILE to a protocol file, not {tmp_path / '9.9.toml'}."
    )


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path):
    path = tmp_path / "1.0.toml"
    path.write_bytes(b'version = "1.0"\ntitle = "\xff"\n')
    assert [str(each) for each in problems_of(path)] == [
        "1.0.toml: line 2: holds a byte that is not UTF-8. Save the file as UTF-8."
    ]


def test_a_string_left_open_at_the_end_names_the_last_line(tmp_path):
    path = tmp_path / "1.0.toml"
    path.write_text('version = """1.0\n')
    (problem,) = problems_of(path)
    assert problem.table == "line 2, column 1"


def test_the_hash_is_that_of_the_bytes(shipped):
    assert shipped.sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert shipped.file == "1.0.toml"


def test_the_hash_changes_with_a_comment(shipped, edited):
    changed = load(edited(("# The trial", "# The  trial")))
    assert changed.sha256 != shipped.sha256
    assert changed.model_dump(exclude={"sha256"}) == shipped.model_dump(exclude={"sha256"})


def test_the_current_protocol_is_read_once(settings, edited):
    path = edited()
    settings.PROTOCOL_FILE = str(path)
    first = protocol.current()
    path.unlink()
    assert protocol.current() is first


def test_another_version_is_read_from_the_same_folder(settings, edited):
    edited(('version = "1.0"', 'version = "1.1"'), ("cap = 6", "cap = 8"), name="1.1.toml")
    settings.PROTOCOL_FILE = str(edited())
    assert protocol.current().enrollment.cap == 6
    assert protocol.version("1.1").enrollment.cap == 8
    assert protocol.version("1.0") is protocol.current()


@pytest.mark.parametrize("number", ["2.0", "", "../1.0", "1.0\n"])
def test_a_version_that_is_not_there_is_refused_with_a_sentence(settings, edited, number):
    settings.PROTOCOL_FILE = str(edited())
    with pytest.raises(UnknownCode) as refused:
        protocol.version(number)
    assert str(refused.value) == f'There is no protocol version "{number}" here. There is: 1.0.'


def test_the_system_check_shows_every_problem(settings, edited):
    settings.PROTOCOL_FILE = str(edited(("cap = 6", 'cap = "6"'), ("weight = 8", "weight = 7")))
    errors = check_protocol(None)
    assert [(error.id, error.msg) for error in errors] == [
        ("protocol.E001", '1.0.toml: [enrollment]: key "cap" must be a whole number, not "6".'),
        (
            "protocol.E001",
            '1.0.toml: [sledai]: key "item" has weights that sum to 104; those of SLEDAI-2K sum to 105.',
        ),
    ]
    assert errors[0].hint == f"Correct {settings.PROTOCOL_FILE} and run `manage.py check` again."


def test_the_system_check_is_silent_about_the_shipped_file(settings):
    settings.PROTOCOL_FILE = str(SHIPPED)
    assert check_protocol(None) == []
