"""Adding and ending the roles people hold."""

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction

from studytracker.protocol.models import Site
from studytracker.refusal import Refused

from .grants import Role
from .models import Membership, User


class MembershipRefused(Refused):
    """The role cannot be given."""


@transaction.atomic
def grant(*, username, role, site, email="", password=None):
    """Give `username` a role (making the account when it is new). `site` is a code, or None for every site.

    Returns the Membership. Raises MembershipRefused with sentences.
    """
    known = list(Site.objects.order_by("code").values_list("code", flat=True))
    if site is not None and site not in known:
        raise MembershipRefused(f'Site "{site}" is not in the protocol. Known sites: {", ".join(known)}.')
    user = User.objects.filter(username=username).first() or User(username=username)
    if email:
        user.email = email
    if password is not None:
        user.set_password(password)
    elif user.pk is None:
        user.set_unusable_password()
    try:
        user.full_clean(exclude=["password"])
        user.save()
        membership = Membership(user=user, role=role, site_id=site)
        membership.full_clean()
    except ValidationError as error:
        raise MembershipRefused(*error.messages) from None
    membership.save()
    return membership


@transaction.atomic
def end(*, username, role, site, at):
    """End a role held at `site`, None for a trial-wide one. The row stays. Raises MembershipRefused."""
    held = Membership.objects.current().filter(user__username=username, role=role, site=site)
    membership = held.select_for_update(of=("self",)).first()
    if membership is None:
        raise MembershipRefused(f"{username} does not hold this role at {site or 'all sites'}, so nothing was ended.")
    if _is_last(membership):
        raise MembershipRefused(f"{username} is the last administrator. Name another one first.")
    membership.ended_at = at
    membership.save(update_fields=["ended_at"])
    return membership


def _is_last(membership):
    """Somebody has to be left who can let people in (21 CFR 11.10(g))."""
    others = Membership.objects.current().filter(role=membership.role, user__is_active=True)
    return membership.role == Role.ADMINISTRATOR and not others.exclude(user=membership.user).exists()


def holders(role, site):
    """The active people who hold `role` at the site code `site`, in a stable order."""
    return User.objects.filter(
        is_active=True,
        pk__in=Membership.objects.current().filter(role=role, site=site).values("user"),
    ).order_by("username")


def system():
    """The account that stands for the program where a row needs a person and none acted. Nobody can sign in to it."""
    facts = {"is_active": False, "password": make_password(None)}
    return User.objects.get_or_create(username="system", defaults=facts)[0]
