"""Which entries a person may read: those of rows at the sites where the role lets the trail be read."""

from functools import cache

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from studytracker.access.grants import Permission
from studytracker.protocol.models import Site

from .wording import by_table


@cache
def site_path(table: str) -> str | None:
    """How a row of the table leads to its site, or None when it belongs to the whole trial."""
    return _path(table, "site")


@cache
def participant_path(table: str) -> str | None:
    """How a row leads to its participant's key: 'pk' for the participant itself."""
    if by_table().get(table) is participants():
        return "pk"
    return _path(table, "participant")


def _path(table, wanted) -> str | None:
    """By its own `wanted`, else by that of the row it is a part of, as a procedure is of its visit.

    A part names its whole and cannot do without it: what may be empty leads nowhere, nor does a person of the staff.
    """
    model = by_table().get(table)
    if model is None:
        return None
    fields = [field for field in model._meta.local_concrete_fields if field.is_relation]
    if wanted in {field.name for field in fields}:
        return wanted
    for field in fields:
        owner = field.related_model
        if field.null or owner is model or issubclass(owner, AbstractBaseUser):
            continue
        if path := _path(owner._meta.db_table, wanted):
            return f"{field.name}__{path}"
    return None


@cache
def participants():
    """The model that the rows' `participant` points at; this room knows it by that name alone."""
    for model in by_table().values():
        for field in model._meta.local_concrete_fields:
            if field.name == "participant":
                return field.related_model
    return None


def visible(user, needs=Permission.AUDIT) -> Q:
    """Everything for those who read the trail at every site by a role for the whole trial.

    `needs` is a further permission held at the same site, such as that to export.
    """
    if reads_everything(user, needs):
        return Q()
    return of_sites(user.sites_where(Permission.AUDIT) & user.sites_where(needs))


def of_sites(sites) -> Q:
    """Entries about rows that lead to one of these sites."""
    found = Q(pk__in=[])
    for table, model in by_table().items():
        if path := site_path(table):
            found |= Q(table=table, row_id__in=_keys(model, {f"{path}__in": sites}))
    return found


def reads_everything(user, needs=Permission.AUDIT) -> bool:
    """By a role for the whole trial, and at every site."""
    sites = user.sites_where(Permission.AUDIT) & user.sites_where(needs)
    return bool(sites) and sites == set(Site.objects.values_list("code", flat=True)) and _trial_wide(user)


def of_participant(identifier: str) -> Q:
    found = Q(pk__in=[])
    for table, model in by_table().items():
        if path := participant_path(table):
            lookup = "identifier__iexact" if path == "pk" else f"{path}__identifier__iexact"
            found |= Q(table=table, row_id__in=_keys(model, {lookup: identifier}))
    return found


def identifiers(table: str) -> dict[str, str]:
    """The participant's identifier by row of the table. One query."""
    path = participant_path(table)
    if path is None:
        return {}
    column = "identifier" if path == "pk" else f"{path}__identifier"
    rows = by_table()[table]._base_manager.values_list("pk", column)
    return {str(key): name for key, name in rows if name}


def _keys(model, lookup):
    return model._base_manager.filter(**lookup).annotate(trail_key=Cast("pk", TextField())).values("trail_key")


def _trial_wide(user) -> bool:
    return any(membership.site_id is None for membership in user.current_memberships)
