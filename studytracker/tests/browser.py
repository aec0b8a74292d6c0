"""A real browser for a test: people at windows of their own, and a watch over what the pages do there."""

import contextlib
import os
import shutil
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client
from playwright.sync_api import TimeoutError, sync_playwright

NAMES = ("chromium", "google-chrome", "chromium-browser")
# The browser itself would call its maker's servers.
FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 15_000  # milliseconds
PASSWORD = "a-long-enough-password"
# What a Watch finds on pages that behave.
NOTHING = {"elsewhere": [], "complaints": [], "refused": []}
NOT_REQUESTED = ("data", "blob")
# Written for each answer of 400 and above; those are noted with their address.
SAID_ANYWAY = "Failed to load resource: the server responded with a status of"
TELL_OF_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
    console.error("Content policy: " + event.violatedDirective + " " + event.blockedURI));"""


def with_password(user):
    user.set_password(PASSWORD)
    user.save()
    return user


def find_chromium():
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def chromium(program):
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *root])
        yield browser
        browser.close()


class Watch:
    """What was asked of other hosts, complained about in the console, and refused by the server."""

    def __init__(self, context, base):
        self.host = urlsplit(base).netloc
        self.elsewhere, self.complaints, self.refused = [], [], []
        context.on("request", self._note_request)
        context.on("response", self._note_response)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.add_init_script(TELL_OF_VIOLATIONS)

    def _note_request(self, request):
        address = urlsplit(request.url)
        if address.scheme not in NOT_REQUESTED and address.netloc != self.host:
            self.elsewhere.append(request.url)

    def _note_response(self, response):
        if response.status >= 400:
            self.refused.append((response.status, urlsplit(response.url).path))

    def _note_message(self, message):
        if message.type in ("error", "warning") and not message.text.startswith(SAID_ANYWAY):
            self.complaints.append(message.text)

    @property
    def found(self):
        return {"elsewhere": self.elsewhere, "complaints": self.complaints, "refused": self.refused}


class Desk:
    """One person at one window. `clicks` holds the names of what was clicked."""

    def __init__(self, browser, base, **options):
        self.base, self.clicks = base, []
        self.context = browser.new_context(base_url=base, **options)
        self.context.set_default_timeout(PATIENCE)
        self.watch = Watch(self.context, base)
        self.page = self.context.new_page()

    def sign_in(self, username, password):
        self.go("/sign-in/")
        self.type(username=username, password=password)
        self.click("Sign in")

    def is_signed_in_as(self, user):
        """Without the page, for tests that are about something else."""
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        self.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": self.base}])

    def go(self, path):
        return self.page.goto(path)

    @property
    def path(self):
        return urlsplit(self.page.url).path

    def click(self, name, role="button"):
        """Press what leads to another page, and wait for that page."""
        self.clicks.append(name)
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=name, exact=True).click()

    def press(self, name):
        """Press what works within the page."""
        self.clicks.append(name)
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name):
        self.click(name, role="link")

    def type(self, **fields):
        for name, text in fields.items():
            self.page.locator(f"[name={name}]").fill(text)

    def choose(self, **fields):
        for name, label in fields.items():
            self.page.locator(f"[name={name}]").select_option(label=label)

    def tick(self, name, value):
        self.page.locator(f"[name={name}][value='{value}']").check()

    def type_date(self, name, day, month, year):
        self.type(**{f"{name}_day": day, f"{name}_year": year})
        self.choose(**{f"{name}_month": month})

    def typed_date(self, name):
        return [self.page.locator(f"[name={name}_{part}]").input_value() for part in ("day", "month", "year")]

    def text(self, selector):
        """What a person reads there, in one line."""
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def says(self, words):
        """Waits until the page shows these words. If it never does, the failure tells what it shows instead."""
        try:
            self.page.get_by_text(words).first.wait_for(timeout=PATIENCE / 3)
        except TimeoutError as late:
            raise AssertionError(f'{self.path} does not say "{words}" but: {self.text("main")}') from late

    def column(self, header):
        """The cells below a header of the first table, as read."""
        headers = [" ".join(text.split()) for text in self.page.locator("thead th").all_inner_texts()]
        number = headers.index(header) + 1
        return self.page.locator(f"tbody tr > :nth-child({number})").all_inner_texts()

    def download(self, name):
        """The file behind a link, as (name, path)."""
        with self.page.expect_download() as started:
            self.page.get_by_role("link", name=name).click()
        return started.value.suggested_filename, started.value.path()
