"""One definition of overdue: page, badge, mail, calendar and export name the same visits."""

import csv
import io
import re
from datetime import date, timedelta

from icalendar import Calendar

from conftest import NOW, TODAY, staged
from participants.screening import withdraw
from studytracker.outbox.delivery import deliver
from studytracker.outbox.models import Mail
from studytracker.outbox.sweeping import sweep
from visits import feeds
from visits.attendance import attend, miss
from visits.models import Visit

DAY0S = (8, 9, 10, 18, 40, 17, 35)  # days before TODAY: windows that close tomorrow, today, closed yesterday, long ago


@staged
def site(musc):
    """Visits at every state on both sides of the line: overdue, open, done, missed, after a withdrawal."""
    people = [musc.infused(TODAY - timedelta(days=ago)) for ago in DAY0S[1:]]
    done, missed, left = people[3:]
    late = {"late_entry_reason": "Letter", "by": musc.coordinator, "at": NOW}
    attend(visit=done.visits.get(code="W1"), attended_on=done.infused_on + timedelta(days=7), **late)
    miss(visit=missed.visits.get(code="W1"), reason="Illness or adverse event", by=musc.coordinator, at=NOW)
    facts = {"reason": "pregnancy", "note": "", "by": musc.coordinator, "at": NOW}
    withdraw(participant=left, withdrawn_on=left.infused_on + timedelta(days=12), **facts)
    return musc


def by_the_rule():
    """The oracle: the rows as they are, and the rule in words of its own."""
    return {
        f"{visit.participant.identifier} {visit.code}"
        for visit in Visit.objects.select_related("participant")
        if visit.closes_on
        and visit.closes_on < TODAY
        and not visit.attended_on
        and not visit.missed_at
        and not (visit.participant.withdrawn_on and visit.participant.withdrawn_on <= visit.closes_on)
    }


def on_the_home_page(client):
    page = client.get("/").content.decode()
    group = page[page.index("Overdue <") : page.index("</ul>", page.index("Overdue <"))]
    return {" ".join(found) for found in re.findall(r"/visits/([A-Z0-9-]+)/([A-Z0-9]+)/log/", group)}


def on_the_badges(client):
    """What the matrix shows, cell by cell, whatever the worklist says."""
    found = re.findall(r"(?:Log )?([A-Z]+-\d{3}) ([A-Z0-9]+): Overdue", client.get("/").content.decode())
    return {" ".join(pair) for pair in found}


def in_the_mail():
    for mail in sweep(NOW):
        deliver(mail, NOW)
    [text] = Mail.objects.filter(recipient__username="crc.musc").values_list("body", flat=True)
    paragraphs = text[text.index("Overdue:") :].split("\n\n")[1:]
    lines = [found for each in paragraphs if (found := re.match(r"  ([A-Z]+-\d{3} [A-Z0-9]+)\n", each))]
    other = next((place for place, each in enumerate(paragraphs) if not each.startswith("  ")), len(paragraphs))
    return {found[1] for found in lines[:other]}


def in_the_calendar(user):
    events = Calendar.from_ical(feeds.windows(user, NOW).to_ical()).events
    return {str(event["summary"]).removesuffix(" overdue") for event in events if "overdue" in str(event["summary"])}


def in_the_export(client, address):
    text = b"".join(client.get(address)).decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text))
    return {f"{row['Participant']} {row['Visit']}" for row in rows if row["Status"].startswith("Overdue")}


def test_page_badge_mail_calendar_and_export_agree_on_what_is_overdue(site, browse, coordinator, frozen):
    client = browse(coordinator)
    expected = by_the_rule()
    assert len(expected) == 6
    found = {
        "page": on_the_home_page(client),
        "badges": on_the_badges(client),
        "mail": in_the_mail(),
        "calendar": in_the_calendar(coordinator),
        "export": in_the_export(client, "/visits/?format=csv"),
        "filtered export": in_the_export(client, "/visits/?status=overdue&format=csv"),
    }
    assert found == dict.fromkeys(found, expected)


def test_a_disagreement_would_be_seen(site, browse, coordinator, frozen):
    """The negative control: a row that the mail alone does not know."""
    client = browse(coordinator)
    in_the_mail_before = in_the_mail()
    Visit.objects.filter(code="W8").update(
        target_on=date(2025, 6, 1), opens_on=date(2025, 6, 1), closes_on=date(2025, 6, 1)
    )
    assert on_the_badges(client) - in_the_mail_before != set()
