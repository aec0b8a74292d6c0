"""Where the demo's pages are: a port that is really free, and whether a page answers there."""

import errno
import http.client
import socket
from urllib.parse import urlsplit

from studytracker.running import CannotRun

TRIED_PORTS = 50


class NoAddress(CannotRun):
    """Nothing can listen there."""


def listen(host: str, port: int) -> socket.socket:
    """Take `port`, or the next free one. The open socket is handed on, so nobody can take it in between."""
    for candidate in range(port, min(port + TRIED_PORTS, 65536)):
        try:
            return _listen_exactly(host, candidate)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise NoAddress(_cannot_listen(host, candidate, problem)) from problem
    raise NoAddress(f"Every port from {port} to {candidate} is taken. Choose another one with --port.")


def _listen_exactly(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_STREAM)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind((host, port))
        line.listen(128)
    except BaseException:
        line.close()
        raise
    return line


def _cannot_listen(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EACCES:
        return f"Port {port} is reserved for the administrator. Choose one above 1023 with --port."
    return f"Nothing can listen on {host} port {port}: {problem.strerror}. Check --host and --port."


def url(line: socket.socket) -> str:
    """The address to type: "any interface" is not one, so the local one stands for it."""
    host, port = line.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def page_status(base: str, path: str, *, seconds: float = 2) -> int | None:
    """The status of a page, or None while nobody answers. Asks directly, past any proxy."""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
