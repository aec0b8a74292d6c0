"""Adding and ending the roles people hold."""

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction

from studytracker.protocol.models import Site
from studytracker.refusal import Refused

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
