"""Taking a version of the protocol into use: its sites and the seats of its cap become rows."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from studytracker import protocol
from studytracker.protocol import version as version_of
from studytracker.refusal import Refused

from .models import Adoption, Site, Slot
from .schema import Protocol


class AdoptionRefused(Refused):
    pass


@dataclass(frozen=True)
class Adopted:
    """What adopting changed; all of it is empty the second time."""

    adoption: Adoption
    is_new: bool
    new_sites: tuple[str, ...]
    dropped_sites: tuple[str, ...]
    new_slots: tuple[int, ...]

    def __str__(self):
        if not self.is_new and not self.new_sites and not self.new_slots and not self.dropped_sites:
            return f"{self.adoption} was adopted before; nothing to do."
        said = [f"{self.adoption} is adopted." if self.is_new else f"{self.adoption} was adopted before."]
        if self.new_sites:
            said.append(f"New sites: {', '.join(self.new_sites)}.")
        if self.dropped_sites:
            said.append(f"Sites no longer in it, and without rows: {', '.join(self.dropped_sites)}.")
        if self.new_slots:
            said.append(f"New enrollment slots: {', '.join(map(str, self.new_slots))}.")
        return " ".join(said)


@transaction.atomic
def adopt(protocol: Protocol, *, at: datetime) -> Adopted:
    """Idempotent. An adopted version never changes: data were stamped with it, so an amendment is a new version."""
    dropped = _sites_not_in(protocol)
    if refusals := [
        *_changed_file(protocol),
        *_smaller_cap(protocol),
        *_sites_in_use(protocol, dropped),
        *_dropped_codes(protocol),
    ]:
        raise AdoptionRefused(*refusals)
    adoption, is_new = Adoption.objects.get_or_create(
        version=protocol.version, defaults={"sha256": protocol.sha256, "adopted_at": at}
    )
    Site.objects.filter(pk__in=[site.pk for site in dropped]).delete()
    return Adopted(
        adoption=adoption,
        is_new=is_new,
        new_sites=_add_missing(Site, "code", [site.code for site in protocol.sites]),
        dropped_sites=tuple(site.code for site in dropped),
        new_slots=_add_missing(Slot, "number", range(1, protocol.enrollment.cap + 1)),
    )


def _add_missing(model, key, wanted) -> tuple:
    held = set(model.objects.values_list(key, flat=True))
    missing = tuple(value for value in wanted if value not in held)
    model.objects.bulk_create([model(**{key: value}) for value in missing], ignore_conflicts=True)
    return missing


def _changed_file(protocol: Protocol) -> list[str]:
    earlier = Adoption.objects.filter(version=protocol.version).exclude(sha256=protocol.sha256).first()
    if earlier is None:
        return []
    return [
        f"Version {protocol.version} was adopted with the hash {earlier.sha256[:12]}, but {protocol.file} now has "
        f"{protocol.sha256[:12]}. Restore the adopted file, and put the change into a file with a new version."
    ]


def _smaller_cap(protocol: Protocol) -> list[str]:
    cap, held = protocol.enrollment.cap, Slot.objects.count()
    if held <= cap:
        return []
    return [f"The cap would shrink from {held} to {cap}. Enrollment slots are never taken away: keep {held} or more."]


def _dropped_codes(protocol: Protocol) -> list[str]:
    """Rows hold these codes for ever, so an amendment may add to them and not take away."""
    others = [version for version in Adoption.objects.values_list("version", flat=True) if version != protocol.version]
    earlier = [version for version in others if in_order(version) < in_order(protocol.version)]
    return [
        f"{what} of version {version} {'is' if len(lost) == 1 else 'are'} missing from {protocol.file}: "
        f"{', '.join(sorted(lost))}. Keep what records may hold."
        for version in sorted(earlier, key=in_order)
        for what, known in _codes(version_of(version)).items()
        if (lost := known - _codes(protocol)[what])
    ]


def _codes(rules: Protocol) -> dict[str, set[str]]:
    terms = {f"{table.name} {term.code}" for table in rules.vocabulary_tables for term in table.terms}
    return {
        "Procedures": {each.code for each in rules.procedures},
        "Terms": terms,
        "Tests": {each.code for each in (*rules.lab_tests, *rules.vital_signs)},
        "Visits before the follow-up": {each.code for each in rules.visits if each.kind != "follow_up"},
        "Visits outside the schedule": {each.code for each in rules.unplanned_visits},
    }


def in_order(version: str) -> tuple[int, ...]:
    """1.10 comes after 1.9."""
    return tuple(map(int, version.split(".")))


def _sites_not_in(protocol: Protocol) -> list[Site]:
    return list(Site.objects.exclude(code__in=[site.code for site in protocol.sites]))


def _sites_in_use(protocol: Protocol, sites: list[Site]) -> list[str]:
    return [
        f"Site {site} is not in {protocol.file}, but there are records of it. Keep the site in the file."
        for site in sites
        if _has_rows(site)
    ]


def _has_rows(site: Site) -> bool:
    """Looks through every table that points at sites, whichever room it belongs to."""
    return any(
        pointer.related_model._base_manager.filter(**{pointer.field.name: site}).exists()
        for pointer in Site._meta.get_fields(include_hidden=True)
        if pointer.auto_created and not pointer.concrete
    )


def adoption_problems() -> list[str]:
    """How the files and the database disagree about the protocol in use, as sentences. Three queries."""
    current = protocol.current()
    adopted = dict(Adoption.objects.values_list("version", "sha256"))
    problems = (
        []
        if current.version in adopted
        else [f"Protocol {current.version} is in use but was never adopted. Run `manage.py adopt_protocol`."]
    )
    for version, sha256 in adopted.items():
        problems += _lost_version(version, sha256)
    missing = set(Site.objects.values_list("code", flat=True)) - {site.code for site in current.sites}
    return problems + [
        f"Site {code} has records but is not in {current.file}. Put it back." for code in sorted(missing)
    ]


def _lost_version(version, sha256):
    """Rows are stamped with this version, so its file must still be there, unchanged."""
    try:
        found = protocol.version(version)
    except (protocol.UnknownCode, protocol.ProtocolError) as error:
        return [f"Protocol {version} was adopted, and its file cannot be read: {error}"]
    return [] if found.sha256 == sha256 else _changed_file(found)
