"""The box a person sees when the demo is up. Plain ASCII: some terminals show nothing else."""

from datetime import date

SYNTHETIC = "SYNTHETIC DATA: do not use for real participants"


def box(*parts: list[str]) -> str:
    """Each part is a list of lines; a rule stands between two parts."""
    width = max(len(line) for part in parts for line in part)
    rule = f"+{'-' * (width + 2)}+"
    rows = [[f"| {line:<{width}} |" for line in part] for part in parts if part]
    return "\n".join([rule, *(line for part in rows for line in [*part, rule])])


def columns(rows) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]


def welcome(*, url: str, people, password: str, mails: str, logs: str, age: str) -> str:
    sign_ins = [("Sign in as", "Role"), *((person.username, person.words) for person in people)]
    return box(
        [f"Study Tracker demo   {url}", SYNTHETIC],
        [*columns(sign_ins), "", f"Password for all of them: {password}"],
        columns(
            [
                ("Mails", mails),
                ("Logs", logs),
                ("Data", age),
                ("Stop", "Ctrl-C"),
                ("Reset", "stop it, then: make demo-reset"),
            ]
        ),
    )


def age_in_words(loaded: date | None, today: date) -> str:
    """The demo's dates are counted from the day it was filled; they do not move with the calendar."""
    if loaded is None:
        return "already there; its dates do not move with the calendar"
    days = (today - loaded).days
    if days <= 0:
        return "made today, all dates relative to today"
    past = "1 day ago" if days == 1 else f"{days} days ago"
    return f'from {loaded.isoformat()} ({past}): "today" in the stories is that day. Reset to make it afresh'
