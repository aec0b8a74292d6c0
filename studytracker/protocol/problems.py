"""What is wrong with a protocol file, told by file, table and key."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic import ValidationError

from .marks import NAMES, Table


@dataclass(frozen=True)
class Problem:
    """`message` is a sentence that names the key, if one is at fault."""

    file: str
    table: str
    key: str
    message: str

    def __str__(self):
        return ": ".join(filter(None, (self.file, self.table, self.message)))


class ProtocolError(Exception):
    """The protocol file cannot be used. `problems` lists everything that is wrong with it."""

    def __init__(self, problems):
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def schema_problems(file: str, data: dict, model: type[Table]) -> Iterator[Problem]:
    """Unknown, missing and ill-typed keys."""
    try:
        model.model_validate(data)
    except ValidationError as refused:
        for error in refused.errors(include_url=False):
            if not _only_follows(error):
                yield _schema_problem(file, data, model, error)


def table_name(data: dict, path: tuple) -> str:
    """Where a table stands, as its author finds it: `[[visit]] 4 "W1"`, or `[enrollment]`."""
    places, here, header = [], data, ""
    for step in path:
        here = here[step]
        if isinstance(step, int):
            places.append(f"[[{header}]] {step + 1}{_quoted_name(here)}")
        else:
            header = f"{header}.{step}" if header else step
    if path and not isinstance(path[-1], int):
        places.append(f"[{header}]")
    return ", ".join(places)


def _quoted_name(row) -> str:
    named = isinstance(row, dict) and next((row[key] for key in NAMES if row.get(key)), None)
    return f' "{named}"' if isinstance(named, str) else ""


def _schema_problem(file, data, model, error) -> Problem:
    of_a_table = error["type"] == "value_error"
    path, keys = _split(data, error["loc"], len(error["loc"]) - (not of_a_table))
    key = ".".join(key if isinstance(key, str) else str(key + 1) for key in keys)
    return Problem(
        file, table_name(data, path), key, _sentence(error, key, keys, _model_at(model, (*path, *keys[:-1])))
    )


def _only_follows(error) -> bool:
    """A list is called too short as well when the entries it has were refused: their own problem says it."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _split(data: dict, location: tuple, deepest: int) -> tuple[tuple, tuple]:
    """The part of a location that leads to a table under a header, and the key inside it."""
    depth, here = 0, data
    for index, step in enumerate(location[:deepest]):
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(here, dict) and not _is_inline(location[: index + 1]):
            depth = index + 1
    return location[:depth], location[depth:]


def _is_inline(path: tuple) -> bool:
    """Written as `limit = { … }` on one line of its table, not under a header of its own."""
    return path[-1] in ("limit", "upper_limit", "look_back")


def _model_at(model: type[Table], path: tuple) -> type[Table]:
    for step in path:
        if isinstance(step, int):
            continue
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == step), None)
        inner = field and _table_type(field.annotation)
        if not inner:
            break
        model = inner
    return model


def _table_type(annotation) -> type[Table] | None:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    return next(filter(None, map(_table_type, get_args(annotation))), None)


def _sentence(error, key, keys, model) -> str:
    kind, given, limits = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f'key "{key}" is not known.{_suggestion(keys[-1], model)}'
    if kind == "missing":
        return f'key "{key}" is missing. Add it.'
    if kind == "value_error":
        return f'key "{key}" {limits["error"]}.' if key else f"{limits['error']}."
    return f'key "{key}" {_demand(kind, limits, error["msg"])}, not {_shown(given)}.'


def _suggestion(key: str, model: type[Table]) -> str:
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else f" Known here: {', '.join(known)}."


def _demand(kind: str, limits: dict, otherwise: str) -> str:
    demands = {
        "literal_error": "must be one of {expected}",
        "int_type": "must be a whole number",
        "bool_type": "must be true or false",
        "string_type": 'must be text in quotes ("…")',
        "string_too_short": "must not be empty",
        "string_too_long": "must have at most {max_length} characters",
        "string_pattern_mismatch": "must fit the pattern {pattern}",
        "greater_than_equal": "must be {ge} or more",
        "too_short": "must have at least {min_length} entry",
        "tuple_type": "must be a list in square brackets",
        "model_type": "must be a table",
        "decimal_parsing": 'must be a number in quotes, such as "0.5"',
    }
    if kind.startswith("date"):
        return "must be a date such as 2017-04-01, without quotes"
    return demands[kind].format(**limits) if kind in demands else f"is refused ({otherwise})"


def _shown(given) -> str:
    if isinstance(given, dict):
        return "a table"
    text = f'"{given}"' if isinstance(given, str) else str(given)
    return text if len(text) <= 60 else f"{text[:57]}…"
