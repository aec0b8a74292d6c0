import argparse
import contextlib
import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from studytracker.running import CannotRun, address, banner, broker, folder, origin, processes
from studytracker.running.supervisor import StopRequested, Supervisor

SIGN_IN_PAGE = "/sign-in/"
PAGE_SECONDS = 90


def port_number(words: str) -> int:
    if words.isdecimal() and int(words) <= 65535:
        return int(words)
    raise argparse.ArgumentTypeError(f"{words!r} is not a port: give a number from 1 to 65535.")


def refuse_real_data():
    """Looks before any other process starts, and lets go of the database again."""
    try:
        origin.refuse_real_data()
    finally:
        connection.close()


class Command(BaseCommand):
    help = "Run everything on this computer with synthetic data: pages, worker, scheduler and broker."
    requires_system_checks = []  # the preparation runs them, in the environment of the other processes

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1", help="default: reachable from this computer only")
        parser.add_argument("--port", type=port_number, default=8000, help="or the next free one; 0 for any")
        parser.add_argument("--reset", action="store_true", help="delete the demo's data, then stop")

    def handle(self, *, host, port, reset, **options):
        try:
            if reset:
                self.reset(settings.VAR_DIR.resolve())
            else:
                self.run(settings.VAR_DIR.resolve(), host, port)
        except (StopRequested, KeyboardInterrupt):
            self.say("Stopped. The data are kept.")
        except CannotRun as problem:
            raise CommandError(str(problem)) from None

    def reset(self, directory: Path):
        if not origin.keeps_own_file():
            raise CommandError(
                f"DATABASE_URL names the database {origin.database_name()}, and --reset deletes only "
                f"the files in {directory}. Empty that database yourself, or unset DATABASE_URL."
            )
        refuse_real_data()
        with folder.demo_lock(directory):
            removed = folder.remove_demo_files(directory)
        self.say(f"Removed from {directory}: {', '.join(removed) or 'nothing, it was empty'}.")
        self.say("make demo starts afresh.")

    def run(self, directory: Path, host: str, port: int):
        refuse_real_data()
        with (
            folder.demo_lock(directory) as held,
            broker.private_socket(directory) as socket_path,
            contextlib.closing(address.listen(host, port)) as line,
            Supervisor(directory / "logs", say=self.say, keep_open=[held.fileno()]) as children,
        ):
            url = address.url(line)
            if port and not url.endswith(f":{port}"):
                self.say(f"Port {port} is taken; using {url}")
            folder.write_holder(held, f"process {os.getpid()} at {url}")
            redis_url = self.start_broker(children, directory, socket_path)
            env = processes.environment(directory=directory, redis_url=redis_url, site_url=url, host=host)
            web = self.start_rest(children, directory, line, env)
            self.wait_for_page(children, web, url)
            self.welcome(url, directory)
            children.wait()

    def start_broker(self, children, directory, socket_path):
        given = os.environ.get("REDIS_URL")
        if given:
            return given
        server = broker.find_server()
        self.say(f"Starting the broker ({server}) ...")
        data = broker.data_directory(directory, server)
        children.start("broker", broker.broker_command(socket_path, data, server))
        try:
            children.wait(until=lambda: broker.is_ready(socket_path), seconds=20)
        except TimeoutError:
            raise CannotRun(f"The broker does not answer. See {directory}/logs/broker.log") from None
        return broker.broker_url(socket_path)

    def start_rest(self, children, directory, line, env):
        options = {"env": env, "cwd": settings.BASE_DIR}
        self.say("Preparing the database and the synthetic data ...")
        children.finish("prepare", processes.prepare(), **options)
        self.say("Starting worker, web and beat ...")
        children.start("worker", processes.worker(), **options)
        web = children.start("web", processes.web(line.fileno()), pass_fds=[line.fileno()], **options)
        children.finish("first-sweep", processes.ask_for_sweep(), **options)
        children.start("beat", processes.beat(directory / folder.SCHEDULE), **options)
        return web

    def wait_for_page(self, children, web, url):
        page, answers = url + SIGN_IN_PAGE, []

        def answered():
            answers.append(address.page_status(url, SIGN_IN_PAGE))
            return answers[-1] is not None

        try:
            children.wait(until=answered, seconds=PAGE_SECONDS)
        except TimeoutError:
            raise CannotRun(f"{page} did not answer within {PAGE_SECONDS} s.\n{web.end_of_log()}") from None
        if answers[-1] != 200:
            raise CannotRun(f"{page} answered {answers[-1]} instead of 200.\n{web.end_of_log()}")

    def welcome(self, url, directory):
        from studytracker.demo.people import PEOPLE, demo_password

        today = timezone.localdate()
        sends = os.environ.get("EMAIL_URL")
        self.say(
            banner.welcome(
                url=url,
                people=PEOPLE,
                password=demo_password(),
                mails="sent through EMAIL_URL" if sends else f"{url}/reminders/ and {directory}/mail",
                logs=str(directory / "logs"),
                age=banner.age_in_words(origin.data_day(), today),
            )
        )

    def say(self, words):
        self.stdout.write(words)
        self.stdout.flush()
