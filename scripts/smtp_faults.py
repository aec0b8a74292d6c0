"""A mail server that fails on request, and writes down every mail it accepted before it says so.

`fault` is one of FAULTS, or "" for none; `only` limits it to the mails for one address, where the fault is one that
comes after the address is known. The journal has one line a mail: Message-ID, tab, the marks of the body.
"""

import contextlib
import re
import socket
import socketserver
import threading
import time
from pathlib import Path

# What the server itself does. Bad TLS, wrong credentials and a name that does not resolve are set at the client.
FAULTS = (
    *("refuse", "421", "451", "550", "hang before DATA", "hang after DATA", "drop before 250", "accept then drop"),
    "slow",
)
MARK = re.compile(rb"mark-[0-9A-Za-z-]+")
ID = re.compile(rb"^Message-ID: (\S+)", re.M | re.I)
HANGING_SECONDS = 30


class Dropped(Exception):
    """The line is cut without a word."""


class Line(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(Dropped, OSError, ValueError):
            self._talk()

    def _talk(self):
        if self.server.fault == "421":
            return self.say("421 Try later")
        self.say("220 faulty ESMTP")
        self.address = ""
        while words := self.rfile.readline():
            verb = words[:4].upper()
            if verb == b"QUIT":
                return self.say("221 Bye")
            self._answer(verb, words)
        return None

    def _answer(self, verb, words):
        if verb == b"EHLO":
            self.say("250-faulty\r\n250 AUTH PLAIN LOGIN")
        elif verb == b"AUTH":
            self.say("535 Wrong credentials")
        elif verb == b"RCPT":
            self.address = words.decode("latin-1").partition("<")[2].partition(">")[0]
            self.say("550 No such user" if self.strikes("550") else "250 Fine")
        elif verb == b"DATA":
            self._take()
        else:
            self.say("250 Fine")

    def _take(self):
        self.hang_on("hang before DATA")
        self.say("354 Go on")
        body = b""
        while not body.endswith(b"\r\n.\r\n"):
            line = self.rfile.readline()
            if not line:
                raise Dropped  # the sender died
            body += line
        if self.strikes("451"):
            return self.say("451 Not now")
        if self.strikes("drop before 250"):
            raise Dropped
        self.hang_on("hang after DATA")
        self.server.note(body)
        if self.strikes("accept then drop"):
            raise Dropped
        return self.say("250 Accepted")

    def strikes(self, fault):
        return self.server.fault == fault and self.server.only in ("", self.address)

    def hang_on(self, fault):
        if self.strikes(fault):
            self.server.gone.wait(HANGING_SECONDS)
            raise Dropped

    def say(self, words):
        if self.server.fault == "slow":
            time.sleep(0.02)
        self.wfile.write(words.encode() + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(self, journal: Path, port: int = 0):
        super().__init__(("127.0.0.1", port), Line)
        self.journal, self.fault, self.only, self.gone = journal.open("ab", buffering=0), "", "", threading.Event()

    @property
    def port(self):
        return self.server_address[1]

    def note(self, body):
        """One write, before the sender hears that the mail is accepted."""
        plain = body.partition(b"text/html")[0]
        self.journal.write(ID.search(body)[1] + b"\t" + b",".join(sorted(set(MARK.findall(plain)))) + b"\n")

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
