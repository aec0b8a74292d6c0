"""Races at one row, at full size: two editors, one form sent twice, a signature against an edit.

    .venv/bin/python scripts/proof_edits.py [--rounds 5000] [--only sqlite|postgresql]

So many rounds of each kind on SQLite and on a throw-away PostgreSQL, between two processes that start each round
together; every twentieth two editors meet through the page as well. Each kind beside its negative control: a save
without the version, a page whose version nobody looks at, a form without its key, a key that is not unique in the
database, a signature that does not look at what was displayed. Ends with exit code 1 at a lost update, a second
record, a signature over unseen data, or a control that finds nothing.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5_000
CONTROLS = 100
PAGES = 20  # one round in so many goes through the page
TOLD_EVERY = 20  # batches


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    given = parser.parse_args()
    codes, programs = [], throwaway_postgres.find_programs()
    if given.only != "postgresql":
        codes.append(run(given.rounds))
    if given.only != "sqlite" and programs:
        with throwaway_postgres.running(programs) as url:
            codes.append(run(given.rounds, DATABASE_URL=url))
    elif given.only != "sqlite":
        print(f"PostgreSQL left out: {throwaway_postgres.HOW_TO_GET}")
    return max(codes, default=0)


def run(rounds, **environment) -> int:
    """In a process of its own: settings are read once."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        told = {**kept, **environment, "VAR_DIR": folder, "EDITS_ROUNDS": str(rounds), "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, __file__], env=told, cwd=ROOT).returncode


def prove(rounds: int) -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment

    from studytracker.trust.acting import acting
    from studytracker.trust.tests.subject import SETTING

    logging.disable(logging.ERROR)
    setup_test_environment()
    setup_databases(verbosity=0, interactive=False)
    settings.SIGNED_KINDS = settings.SIGNED_KINDS | SETTING
    with acting("proof", source="direct"):
        cast = Participants()
        print(f"{connection.display_name}, {rounds} rounds of each race", flush=True)
        well = [race(rounds, cast) for race in (editors, pages, double_submits, signatures)]
    print("As it must be." if all(well) else "NOT as it must be.", flush=True)
    return 0 if all(well) else 1


class Participants:
    """A coordinator, an investigator and a participant after the infusion, made once."""

    def __init__(self):
        from conftest import NOW, Cast
        from studytracker import protocol
        from studytracker.access.people import grant
        from studytracker.protocol.adopting import adopt

        rules = protocol.current()
        adopt(rules, at=NOW)
        site = rules.sites[0].code
        trial_wide = {"monitor", "administrator", "chair"}

        def named(role):
            return grant(username=f"proof.{role}", role=role, site=None if role in trial_wide else site).user

        self.coordinator, self.investigator = named("coordinator"), named("investigator")
        self.participant = Cast(site, self.coordinator, self.investigator, named).infused()

    def event(self):
        from adverse_events.reporting import report
        from conftest import NOW
        from studytracker.dates import PartialDate

        return report(
            participant=self.participant, term="Rash", started=PartialDate(2025, 6), by=self.coordinator, at=NOW
        )

    def browse(self, user):
        from conftest import Browser

        client = Browser()
        client.force_login(user)
        return client


def batches(name, count, act):
    """What `act(numbers)` told of each batch, with the progress."""
    from studytracker.trust.tests.racing import in_batches

    started, told = time.monotonic(), []
    for done, numbers in enumerate(in_batches(range(count)), start=1):
        told.append(act(numbers))
        if done % TOLD_EVERY == 0:
            seconds = time.monotonic() - started
            print(f"    {name}: {numbers[-1] + 1} of {count}, {(numbers[-1] + 1) / seconds:.0f} a second", flush=True)
    seconds = time.monotonic() - started
    print(f"  {name}: {count} rounds in {seconds:.0f} s, {count / max(seconds, 0.001):.1f} a second", flush=True)
    return told


def editors(rounds, cast) -> bool:
    from studytracker.trust.tests import racing

    def raced(name, count, *save):
        return summed(batches(name, count, lambda numbers: racing.edit_at_once(cast.event(), numbers, *save)))

    found = raced("two editors", rounds)
    print(f"  {found.saved} saved, {found.rounds * 2 - found.saved} told so, {found.lost} lost")
    control = raced("control without the version", CONTROLS, racing.plain)
    print(f"  control: {control.lost} of {control.saved} saved updates lost")
    return found == (rounds, rounds, 0) and control.lost > 0


def pages(rounds, cast) -> bool:
    from studytracker.trust.tests import racing

    count = max(1, rounds // PAGES)
    by_page = partial(racing.edit_by_page_at_once, cast.browse, cast.coordinator, cast.participant)
    found = summed(batches("two editors by the page", count, by_page))
    print(f"  {found.saved} saved, {found.rounds * 2 - found.saved} answered with 409, {found.lost} lost")
    with racing.versions_not_claimed():
        control = summed(batches("control, the version not looked at", CONTROLS // 2, by_page))
    print(f"  control: {control.lost} of {control.saved} saved updates lost")
    return found == (count, count, 0) and control.lost > 0


def double_submits(rounds, cast) -> bool:
    from studytracker.trust.tests import racing
    from studytracker.trust.tests.test_races import TYPED, address

    send = partial(racing.send_twice, cast.browse, cast.coordinator, address(cast.participant), TYPED)
    told = [made for each in batches("double submits", rounds, send) for made in each]
    print(f"  {sum(told)} records; {sum(made != 1 for made in told)} rounds without exactly one")

    def again(numbers, **how):
        """With numbers, and so keys, that were not used before."""
        return send(range(rounds + numbers[0], rounds + numbers[-1] + 1), **how)

    with racing.keys_looked_up_only():
        loose = [made for each in batches("control, the key not unique", CONTROLS, again) for made in each]
    keyless = partial(again, with_key=False)
    plain = [made for each in batches("control without the key", CONTROLS, keyless) for made in each]
    print(f"  controls: {sum(plain)} and {sum(loose)} records in {CONTROLS} rounds each")
    return told == [1] * rounds and sum(plain) > CONTROLS and sum(loose) > CONTROLS


def signatures(rounds, cast) -> bool:
    from studytracker.trust.tests import racing

    race = partial(racing.sign_while_edited, cast.investigator, cast.participant, cast.coordinator)
    found = summed(batches("sign against edit", rounds, race))
    print(f"  {found.signed} signed and then stale, {found.refused} refused, {found.unseen} over unseen data")
    blind = summed(batches("control", CONTROLS, partial(race, displayed=racing.AnyHash)))
    print(f"  control that does not look at what was displayed: {blind.unseen} over unseen data in {CONTROLS}")
    return found.unseen == 0 and blind.unseen > 0


def summed(told):
    total = told[0]
    for each in told[1:]:
        total += each
    return total


if __name__ == "__main__":
    sys.exit(prove(int(os.environ["EDITS_ROUNDS"])) if "EDITS_ROUNDS" in os.environ else main())
