"""What people did that changed no record, brought into the trail as rows of Act."""

from contextvars import Context

from studytracker.access.models import User

from .acting import acting, current
from .models import Act

Kind = Act.Kind


def note(kind, *, at, username="", address="", words="", site=None) -> Act:
    """One more act. The site is that of the account it is about, unless it is given (a code)."""
    about = User.objects.filter(username=username).first() if username else None
    return Act.objects.create(
        kind=kind,
        at=at,
        username=about.username if about else "",  # a name that no account bears may be a password, typed too early
        site_id=site or (about and home_site(about)),
        address=address,
        words=words[:1000],
    )


def note_by(user, kind, *, at, address="", words="") -> Act:
    """One more act of a person who is signed in, also while the request itself still acts for nobody. One query."""
    return Context().run(_note_by, user, current(), kind, at=at, address=address, words=words)


def _note_by(user, outer, kind, **facts):
    with acting(user, source="web", request_id=outer.request_id if outer else ""):
        facts["words"] = facts["words"][:1000]
        return Act.objects.create(kind=kind, username=user.username, site_id=home_site(user), **facts)


def home_site(user) -> str | None:
    """The one site whose readers of the trail see this person's acts; None for people of several or of all sites."""
    sites = {membership.site_id for membership in user.current_memberships}
    return sites.pop() if len(sites) == 1 else None
