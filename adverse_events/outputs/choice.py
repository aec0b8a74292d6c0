"""Which rows of an output are asked for, as form, as words, and as the key of its signature."""

from dataclasses import dataclass
from typing import Self

from django import forms

from studytracker import protocol
from studytracker.access.grants import Permission

SEPARATOR = "/"


@dataclass(frozen=True)
class Choice:
    """`site` empty: every site that the person sees."""

    site: str = ""
    serious: bool = False
    related: bool = False
    grade: int = 0

    @property
    def parts(self) -> list[str]:
        chosen = [("serious", self.serious), ("related", self.related), (f"grade-{self.grade}", self.grade)]
        return [words for words, is_on in chosen if is_on]

    def key(self, code: str) -> str:
        return SEPARATOR.join([code, self.site, *self.parts])

    @classmethod
    def of_key(cls, key: str) -> tuple[str, Self]:
        """(code of the output, its choice). Raises ValueError."""
        code, site, *parts = key.split(SEPARATOR)
        grades = [int(part.removeprefix("grade-")) for part in parts if part.startswith("grade-")]
        made = cls(site, "serious" in parts, "related" in parts, grades[0] if grades else 0)
        if made.key(code) != key:
            raise ValueError(key)
        return code, made

    def keeps(self, event) -> bool:
        if self.serious and not event.is_serious or self.related and not event.is_related:
            return False
        return (event.grade or 0) >= self.grade

    @property
    def words(self) -> str:
        """'Site: MUSC; serious only'; empty where nothing is filtered."""
        found = [f"Site: {self.site}"] if self.site else []
        found += ["serious only"] * self.serious + ["related only"] * self.related
        return "; ".join(found + ([f"grade {self.grade} or more"] if self.grade else []))

    @property
    def query(self) -> dict:
        found = {"site": self.site} if self.site else {}
        found |= {name: "on" for name in ("serious", "related") if getattr(self, name)}
        return found | ({"grade": str(self.grade)} if self.grade else {})


class ChoiceForm(forms.Form):
    """The filters of the page. `cleaned_data` are arguments of Choice."""

    site = forms.ChoiceField(required=False)
    serious = forms.BooleanField(required=False, label="Serious only")
    related = forms.BooleanField(required=False, label="Related only")
    grade = forms.TypedChoiceField(
        required=False,
        label="Grade at least",
        coerce=int,
        empty_value=0,
        choices=[("", "Any grade"), *((grade, str(grade)) for grade in range(1, 6))],
    )

    def __init__(self, *args, user, is_of_events, **kwargs):
        super().__init__(*args, **kwargs)
        seen = user.sites_where(Permission.SEE)
        codes = [rules.code for rules in protocol.current().sites if rules.code in seen]
        self.fields["site"].choices = [("", "Every site"), *((code, code) for code in codes)]
        if not is_of_events:
            for name in ("serious", "related", "grade"):
                del self.fields[name]
