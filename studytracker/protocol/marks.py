"""What every table of a protocol file shares: frozen, no unknown keys, and where its values come from."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# What a row of a list is called by, the first it has.
NAMES = ("code", "id", "name", "term", "version")

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=40)]
Whole = Annotated[int, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[int, Field(strict=True, ge=1)]
Day = Annotated[date, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]


def _only_quoted(value):
    # A bare 0.1 in TOML is a binary float and would not be the number that was typed.
    if not isinstance(value, str | Decimal):
        raise ValueError('must be a number in quotes, such as "0.5"')
    return value


Number = Annotated[Decimal, BeforeValidator(_only_quoted), Field(allow_inf_nan=False)]


class UnknownCode(LookupError):
    """Nothing in the protocol goes by this code. The text is a sentence for people."""


@dataclass(frozen=True)
class Assumption:
    table: str
    keys: tuple[str, ...]
    value_text: str
    why: str

    @property
    def count(self) -> int:
        return max(len(self.keys), 1)


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Marked(Table):
    """A table whose values may be assumed: `assumes` names the keys, none named means all of them."""

    source: str = ""
    assumption: str = ""
    assumes: tuple[str, ...] = ()

    @property
    def assumed_words(self) -> str:
        return ", ".join(key.replace("_", " ") for key in self.assumes)

    def is_assumed(self, key: str) -> bool:
        return bool(self.assumption) and (not self.assumes or key in self.assumes)


def in_words(value) -> str:
    """A value of the file as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Table):
        return getattr(value, "words", None) or value.label
    if isinstance(value, tuple):
        return ", ".join(in_words(each) for each in value) or "none"
    return str(value)
