"""People, and the roles they hold at sites."""

from functools import cached_property
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from studytracker.protocol.models import Site

from .grants import GRANTS, TRIAL_WIDE, Permission, Role


class User(AbstractUser):
    """A person who signs in. `first_name` and `last_name` give the printed name of later signatures."""

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"

    @cached_property
    def current_memberships(self) -> list["Membership"]:
        """One query, then kept with the object, which lives for one request."""
        return list(self.memberships.current().order_by("role", "site"))

    @cached_property
    def grants(self) -> dict[Permission, frozenset[str]]:
        """Site codes by permission, from the memberships held now. An inactive person holds none."""
        held: dict[Permission, set[str]] = {}
        if self.is_active:
            every_site = None
            for membership in self.current_memberships:
                if membership.site_id is None:
                    every_site = every_site or frozenset(Site.objects.values_list("code", flat=True))
                sites = every_site if membership.site_id is None else {membership.site_id}
                for permission in GRANTS[membership.role]:
                    held.setdefault(permission, set()).update(sites)
        return {permission: frozenset(sites) for permission, sites in held.items()}

    def sites_where(self, permission: Permission) -> frozenset[str]:
        return self.grants.get(permission, frozenset())

    def can(self, permission: Permission, site: str) -> bool:
        return site in self.sites_where(permission)

    def can_somewhere(self, permission: Permission) -> bool:
        return bool(self.sites_where(permission))

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(membership.role for membership in self.current_memberships)

    @property
    def role_words(self) -> str:
        return "; ".join(map(str, self.current_memberships)) or "no role yet"

    @property
    def home_zone(self) -> ZoneInfo:
        """The zone in which this person reads the clock: that of the first site held, else of the trial's first."""
        sites = sorted(self.sites_where(Permission.SEE))
        site = Site(sites[0]) if sites else Site.objects.order_by("code").first()
        return site.zone if site else ZoneInfo("UTC")


class MembershipQuerySet(models.QuerySet):
    def current(self):
        return self.filter(ended_at=None)


class Membership(models.Model):
    """One role held at one site, or at every site. Ended, never deleted: old acts keep their meaning."""

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    site = models.ForeignKey(
        Site,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="memberships",
        help_text="Empty: every site.",
    )
    role = models.CharField(max_length=20, choices=Role)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "site", "role"],
                condition=Q(ended_at=None, site__isnull=False),
                name="membership_once_per_site",
                violation_error_message="This person already holds this role at this site.",
            ),
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(ended_at=None, site__isnull=True),
                name="membership_once_trial_wide",
                violation_error_message="This person already holds this role for the whole trial.",
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values),
                name="membership_role_known",
                violation_error_message="This role is not known.",
            ),
            models.CheckConstraint(
                condition=Q(site__isnull=True, role__in=sorted([*TRIAL_WIDE, Role.MONITOR]))
                | Q(site__isnull=False) & ~Q(role__in=sorted(TRIAL_WIDE)),
                name="membership_site_fits_role",
                violation_error_message="Coordinators and investigators belong to a site; "
                "the study chair and administrators to the whole trial.",
            ),
        ]

    def __str__(self):
        return f"{self.get_role_display()}, {self.site_id or 'all sites'}"


class Attempt(models.Model):
    """Wrong passwords for one username from one address, since the last right one."""

    username = models.CharField(max_length=150)
    address = models.CharField(max_length=60)
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["username", "address"], name="attempt_once_per_address"),
        ]

    def __str__(self):
        return f"{self.username} from {self.address}: {self.failures}"

    def is_known(self, since):
        """Whether this person signed in from this address after `since`."""
        return bool(self.succeeded_at) and self.succeeded_at > since
