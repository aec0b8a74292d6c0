"""Reading a protocol file: all of it is right, or every problem is told at once."""

import hashlib
import re
import tomllib
from pathlib import Path

from .checking import cross_problems
from .problems import Problem, ProtocolError, schema_problems
from .schema import Contents, Protocol

POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$")


def load(path) -> Protocol:
    path = Path(path)
    raw = _read(path)
    data = _parse(path.name, raw)
    problems = [*schema_problems(path.name, data, Contents), *cross_problems(path.name, data)]
    if problems:
        raise ProtocolError(problems)
    return Protocol.model_validate({**data, "file": path.name, "sha256": hashlib.sha256(raw).hexdigest()})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as refused:
        message = f"cannot be read ({refused.strerror}). Set PROTOCOL_FILE to a protocol file, not {path}."
        raise ProtocolError([Problem(path.name, "", "", message)]) from None


def _parse(file: str, raw: bytes) -> dict:
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as refused:
        line = raw[: refused.start].count(b"\n") + 1
        problem = Problem(file, f"line {line}", "", "holds a byte that is not UTF-8. Save the file as UTF-8.")
    except tomllib.TOMLDecodeError as refused:
        problem = _syntax_problem(file, str(refused), raw)
    raise ProtocolError([problem])


def _syntax_problem(file: str, text: str, raw: bytes) -> Problem:
    found = POSITION.search(text)
    line, column = found.groups() if found else (raw.count(b"\n") + 1, 1)
    reason = POSITION.sub("", text).removesuffix(" (at end of document)")
    return Problem(file, f"line {line}, column {column}", "", f"this is not TOML. {reason}.")
