"""Whose data a database holds. The demo neither fills nor deletes one that may be a trial's."""

from datetime import date
from pathlib import Path

from django.conf import settings
from django.db import connection

from studytracker.running.folder import DATA_DAY, DATABASE, PASSWORD, FolderRefused


def database_name() -> str:
    """The database in words, without its password."""
    if keeps_own_file():
        return str(_own_file())
    database = settings.DATABASES["default"]
    place = f" on {database['HOST']}:{database.get('PORT') or 'default port'}" if database.get("HOST") else ""
    return f"{database['NAME']}{place}"


def keeps_own_file() -> bool:
    database = settings.DATABASES["default"]
    return "sqlite" in database["ENGINE"] and Path(database["NAME"]).resolve() == _own_file()


def _own_file() -> Path:
    return (settings.VAR_DIR / DATABASE).resolve()


def refuse_real_data() -> None:
    if made_by_demo() or not holds_people():
        return
    raise FolderRefused(
        f"The database {database_name()} holds people and was not made by a demo, "
        "so the demo leaves it alone. "
        "Start the demo in another folder, without DATABASE_URL: VAR_DIR=/some/other/folder make demo"
    )


def made_by_demo() -> bool:
    by_hand = keeps_own_file() and (settings.VAR_DIR / PASSWORD).exists()
    return by_hand or _note().get("database") == database_name()


def holds_people() -> bool:
    """Asks the table itself: before the first migration there is none."""
    if keeps_own_file() and not _own_file().exists():
        return False
    with connection.cursor() as cursor:
        if "access_user" not in connection.introspection.table_names(cursor):
            return False
        cursor.execute("SELECT count(*) FROM access_user")
        return cursor.fetchone()[0] > 0


def note_origin(on: date) -> None:
    """Remember that the demo filled this database, and on which day: its dates are counted from there."""
    _note_path().write_text(f"day={on.isoformat()}\ndatabase={database_name()}\n")


def data_day() -> date | None:
    day = _note().get("day")
    return date.fromisoformat(day) if day and made_by_demo() else None


def _note_path() -> Path:
    return settings.VAR_DIR / DATA_DAY


def _note() -> dict[str, str]:
    path = _note_path()
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines)
