"""The accounts of the demonstration. Roles, not persons."""

import os
import secrets
from typing import NamedTuple

from django.conf import settings

from studytracker.access.grants import Role


class DemoPerson(NamedTuple):
    username: str
    words: str
    site: str
    role: str


PEOPLE = (
    DemoPerson("crc.musc", "Coordinator, MUSC", "MUSC", Role.COORDINATOR),
    DemoPerson("crc.emory", "Coordinator, Emory", "EMORY", Role.COORDINATOR),
    DemoPerson("pi.musc", "Investigator, MUSC", "MUSC", Role.INVESTIGATOR),
    DemoPerson("pi.emory", "Investigator, Emory", "EMORY", Role.INVESTIGATOR),
    DemoPerson("chair", "Study chair, all sites", "", Role.CHAIR),
    DemoPerson("monitor", "Monitor, read only, all sites", "", Role.MONITOR),
    DemoPerson("admin", "Administrator, all sites", "", Role.ADMINISTRATOR),
)


def demo_password() -> str:
    """One password for every demonstration account: DEMO_PASSWORD, else made once and kept in the var folder."""
    given = os.environ.get("DEMO_PASSWORD")
    if given:
        return given
    path = settings.VAR_DIR / "demo-password"
    if not path.exists():
        path.write_text("-".join(secrets.token_hex(2) for _ in range(4)))
        path.chmod(0o600)
    return path.read_text()
