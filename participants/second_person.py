"""A second check: another person confirms, with their own password given again."""

from datetime import timedelta

from studytracker.refusal import Refused

PASSWORD_IS_FRESH = timedelta(minutes=5)


class NotASecondPerson(Refused):
    """The check was made by the first person, or without their own password."""


def check_second_person(*, first, by, answered, at):
    """`answered` comes from `studytracker.access.passwords.reauthenticate`. Raises NotASecondPerson."""
    if first.pk == by.pk:
        raise NotASecondPerson(f"{first} recorded it: the second check is made by another person.")
    if answered.user_id != by.pk or not timedelta(0) <= at - answered.at <= PASSWORD_IS_FRESH:
        raise NotASecondPerson("Give your own password at the check itself.", field="password")
