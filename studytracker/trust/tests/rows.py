"""One unsaved row after another for every covered table, and what the trail must say about live rows."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import models

from conftest import NOW, TODAY
from studytracker.dates import PartialDate
from studytracker.trust.coverage import HIDDEN, MASKED, covered_models
from studytracker.trust.models import Entry

MANY = 12  # how many different rows of a table can be asked for
# No field but the key, so nothing to change; or rows that are only added.
KEY_ONLY = {"protocol.Site", "protocol.Slot", "trust.Act", "trust.Signature", "monitoring.Query", "monitoring.Message"}

# By model: the field that the update paths change, and to what.
CHANGES = {
    "protocol.Approval": ("approved_on", date(2025, 1, 31)),
    "protocol.Adoption": ("sha256", "1" * 64),
    "access.User": ("password", "another"),
    "access.Membership": ("ended_at", NOW),
    "access.User_groups": ("group_id", None),
    "access.User_user_permissions": ("permission_id", None),
    "auth.Group": ("name", "renamed"),
    "auth.Group_permissions": ("permission_id", None),
    "outbox.Mail": ("error", "refused"),
    "outbox.Notice": ("stage", "chair"),
    "outbox.Acknowledgement": ("until_on", date(2025, 7, 1)),
    "outbox.Preference": ("digest_time", time(9)),
    "outbox.MutedStage": ("stage", "late"),
    "outbox.Heartbeat": ("at", datetime(2025, 6, 19, 1, 2, 3, 456789, tzinfo=UTC)),
    "participants.Participant": ("age", 55),
    "participants.Consent": ("signed_on", date(2025, 1, 31)),
    "participants.CriterionAnswer": ("evidence", "It's “quoted” \\ 100 %"),
    "participants.Enrollment": ("enrolled_on", date(2025, 2, 1)),
    "participants.Infusion": ("weight_kg", Decimal("72.50")),
    "participants.DsmbDecision": ("document", "Letter 2"),
    "participants.ProductLot": ("donor_lot", "D-8"),
    "participants.DonorTest": ("is_negative", False),
    "participants.CustodyEvent": ("note", "Freezer 2"),
    "participants.Dose": ("weight_kg", Decimal("72.50")),
    "participants.Interruption": ("reason", "Line blocked"),
    "participants.Hold": ("text", "Told by phone"),
    "participants.Day0Correction": ("reason", "misread"),
    "participants.LabResult": ("value", Decimal("3.500000")),
    "participants.SiteLabRange": ("high", Decimal("40.000000")),
    "participants.VitalSign": ("value", Decimal("121.500")),
    "participants.Medication": ("indication", "SLE, “flare”"),
    "participants.MedicalHistory": ("ended", PartialDate(2024, 2)),
    "participants.ListTaken": ("complete_on", date(2025, 2, 1)),
    "participants.SledaiScore": ("total", 8),
    "participants.SledaiItem": ("is_present", False),
    "visits.Visit": ("target_on", date(2025, 3, 1)),
    "visits.VisitProcedure": ("code", "exam"),
    "visits.Booking": ("starts_at", datetime(2025, 7, 1, 13, 30, tzinfo=UTC)),
    "visits.CalendarFeed": ("fetched_at", NOW),
    "visits.ContactAttempt": ("outcome", "No answer, twice"),
    "visits.VersionChange": ("reason", "amended again"),
    "visits.VisitChange": ("what", "moved"),
    "visits.WindowMove": ("new_target_on", date(2025, 3, 1)),
    "visits.Deviation": ("description", "Seen 3 days late"),
    "adverse_events.AdverseEvent": ("is_fatal", True),
    "adverse_events.Assessment": ("sponsor_is_fatal", True),
    "adverse_events.GradeEpisode": ("grade", 4),
    "adverse_events.Confirmation": ("sentence", "Really?"),
    "adverse_events.FollowUp": ("note", "Better"),
    "adverse_events.SaeReport": ("narrative", "Another story"),
    "adverse_events.ReportAttachment": ("place", "Binder 3"),
    "adverse_events.DictionaryTerm": ("definition", "Changed"),
    "adverse_events.MeddraCode": ("code", 7),
    "adverse_events.Clock": ("presumed", "unexpected"),
    "adverse_events.ClockChange": ("words", "Moved"),
    "adverse_events.Determination": ("note", "Seen anew"),
    "adverse_events.Notification": ("reference", "FAX-2"),
    "adverse_events.Fulfilment": ("clock_id", None),
    "adverse_events.InvestigatorAcknowledgement": ("investigator_id", None),
    "adverse_events.Milestone": ("reference", "Letter 2"),
    "adverse_events.StudyNotice": ("reference", "FAX-2"),
    "adverse_events.StudyBreach": ("due_at", datetime(2025, 6, 19, 1, 2, 3, 456789, tzinfo=UTC)),
    "adverse_events.OrganSystem": ("organ_system", "Cardiac disorders"),
    "adverse_events.RuleSwitch": ("reason", "Another"),
    "adverse_events.Trip": ("words", "Counted anew"),
    "adverse_events.TripEvidence": ("words", "Grade 4"),
    "adverse_events.BoardMeeting": ("purpose", "Gate for the next participant"),
    "adverse_events.Recommendation": ("text", "Go on, “slowly”"),
    "adverse_events.ReviewMark": ("marked_at", datetime(2025, 6, 19, 1, 2, 3, 456789, tzinfo=UTC)),
    "monitoring.Verification": ("value", "another"),
    "exports.ExportJob": ("purpose", "for the sponsor"),
    "exports.ExportJob_sites": ("site_id", "EMORY"),
    "exports.Download": ("downloaded_at", datetime(2025, 6, 19, 1, 2, 3, 456789, tzinfo=UTC)),
    "trust.Anchor": ("seq", 9),
    "trust.Backup": ("file", "elsewhere"),
    "trust.Comparison": ("problems", "trail_u_visits_visit is missing"),
}


class Rows:
    """Made in a database with the trial and the coordinator; `fresh(model, n)` is unsaved and differs with n."""

    def __init__(self, coordinator):
        self.by = coordinator
        User, Participant, Slot = (
            apps.get_model(label) for label in ("access.User", "participants.Participant", "protocol.Slot")
        )
        self.users = User.objects.bulk_create(User(username=f"spare-{n}") for n in range(MANY))
        self.groups = Group.objects.bulk_create(Group(name=f"spare {n}") for n in range(MANY))
        self.permissions = list(Permission.objects.order_by("pk")[: MANY + 1])
        self.slots = Slot.objects.bulk_create(Slot(number=500 + n) for n in range(MANY))
        self.participants = Participant.objects.bulk_create(self.participant(n) for n in range(100, 100 + MANY))
        Visit, Infusion = apps.get_model("visits.Visit"), apps.get_model("participants.Infusion")
        Correction = apps.get_model("participants.Day0Correction")
        treated = Participant.objects.bulk_create(self.participant(n) for n in range(200, 200 + MANY))
        self.infusions = Infusion.objects.bulk_create(self._infusion_of(participant) for participant in treated)
        self.visits = Visit.objects.bulk_create(
            Visit(participant=participant, site_id="MUSC", code="YY", order=98) for participant in treated
        )
        Score = apps.get_model("participants.SledaiScore")
        self.scores = Score.objects.bulk_create(self.sledaiscore(n) for n in range(MANY))
        Event = apps.get_model("adverse_events.AdverseEvent")
        self.events = Event.objects.bulk_create(self.adverseevent(n, number=2) for n in range(MANY))
        Report = apps.get_model("adverse_events.SaeReport")
        self.reports = Report.objects.bulk_create(self.saereport(n, number=4) for n in range(MANY))
        Lot = apps.get_model("participants.ProductLot")
        self.lots = Lot.objects.bulk_create(self.productlot(n + 100) for n in range(MANY))
        Term = apps.get_model("adverse_events.DictionaryTerm")
        self.terms = Term.objects.bulk_create(self.dictionaryterm(n, name="Red spots") for n in range(MANY))
        Adoption, Change = apps.get_model("protocol.Adoption"), apps.get_model("visits.VersionChange")
        self.adoptions = Adoption.objects.bulk_create(
            Adoption(version=f"8.{n}", sha256="0" * 64, adopted_at=NOW) for n in range(MANY)
        )
        self.version_changes = Change.objects.bulk_create(
            self._version_change_of(participant) for participant in treated
        )
        self.clocks, self.notifications, self.trips, self.stops = self._safety_rows()
        self.jobs = apps.get_model("exports.ExportJob").objects.bulk_create(self.exportjob(n) for n in range(MANY))
        Query = apps.get_model("monitoring.Query")
        self.queries = Query.objects.bulk_create(self.query(n) for n in range(MANY))
        Meeting = apps.get_model("adverse_events.BoardMeeting")
        self.meetings = Meeting.objects.bulk_create(self.boardmeeting(n, number=500) for n in range(MANY))
        self.corrections = Correction.objects.bulk_create(self.day0correction(n) for n in range(MANY))

    def fresh(self, model, n):
        return getattr(self, model.__name__.lower())(n) if hasattr(self, model.__name__.lower()) else model()

    def change(self, model):
        name, value = CHANGES[model._meta.label]
        spare = {"group_id": self.groups, "permission_id": self.permissions}
        spare |= {"clock_id": self.clocks, "investigator_id": self.users}
        return name, spare[name][-1].pk if name in spare else value

    def site(self, n):
        return self._model("protocol.Site")(code=f"SITE-{n}")

    def slot(self, n):
        return self._model("protocol.Slot")(number=900 + n)

    def adoption(self, n):
        return self._model("protocol.Adoption")(version=f"x{n}", sha256="0" * 64, adopted_at=NOW)

    def user(self, n):
        return self._model("access.User")(username=f"new-{n}", password="secret", date_joined=NOW)

    def membership(self, n):
        return self._model("access.Membership")(user=self.users[n], site_id="MUSC", role="coordinator", started_at=NOW)

    def user_groups(self, n):
        return self._model("access.User_groups")(user=self.users[n], group=self.groups[0])

    def user_user_permissions(self, n):
        return self._model("access.User_user_permissions")(user=self.users[n], permission=self.permissions[0])

    def group(self, n):
        return Group(name=f"new {n}")

    def group_permissions(self, n):
        return self._model("auth.Group_permissions")(group=self.groups[n], permission=self.permissions[0])

    def mail(self, n):
        return self._model("outbox.Mail")(
            key=f"m:{n}", recipient=self.by, site_id="MUSC", created_at=NOW, next_try_at=NOW
        )

    def notice(self, n):
        facts = {"source": "visit", "object_id": n, "stage": "overdue", "site_id": "MUSC", "created_at": NOW}
        return self._model("outbox.Notice")(dedupe_key=f"n:{n}", recipient=self.by, **facts)

    def acknowledgement(self, n):
        facts = {"source": "visit", "object_id": n, "site_id": "MUSC", "until_on": TODAY, "reason": "Booked"}
        return self._model("outbox.Acknowledgement")(acknowledged_at=NOW, acknowledged_by=self.by, **facts)

    def preference(self, n):
        return self._model("outbox.Preference")(user=self.users[n])

    def mutedstage(self, n):
        return self._model("outbox.MutedStage")(user=self.users[n], stage="opens")

    def heartbeat(self, n):
        return self._model("outbox.Heartbeat")(job=f"job-{n}", at=NOW)

    def act(self, n):
        return self._model("trust.Act")(kind="view", at=NOW, username="crc.musc", words=f"page {n}")

    def signature(self, n):
        facts = {
            "kind": "listing",
            "key": "MUSC",
            "number": n + 1,
            "title": "Events",
            "document": "{}",
            "meaning": "x",
        }
        facts |= {"sha256": "0" * 64, "schema_version": 1, "protocol_version": "1.0", "protocol_sha256": "0" * 64}
        facts |= {"entry_number": 1, "printed_name": "A", "username": "a", "role": "Investigator", "held_at": "MUSC"}
        return self._model("trust.Signature")(signed_at=NOW, signed_by=self.by, record_sha256="0" * 64, **facts)

    def anchor(self, n):
        facts = {"seq": 1, "hash": "0" * 60, "told_at": NOW}
        return self._model("trust.Anchor")(day=TODAY + timedelta(days=n), **facts)

    def backup(self, n):
        facts = {"bytes": 2**40, "sha256": "0" * 60, "entries": 7, "seals": 7, "head": "0" * 64}
        return self._model("trust.Backup")(taken_at=NOW, verified_at=NOW, file=f"backup-{n}", **facts)

    def comparison(self, n):
        return self._model("trust.Comparison")(at=NOW, digest="0" * 60)

    def participant(self, n):
        return self._model("participants.Participant")(
            site_id="MUSC",
            number=n + 300,
            identifier=f"SPARE-{n}",
            protocol_version="1.0",
            screened_on=TODAY,
            age=41,
            sex="F",
            screened_at=NOW,
            screened_by=self.by,
        )

    def consent(self, n):
        facts = {"form_version": "1.0", "signed_on": TODAY, "signed_at": NOW, "recorded_at": NOW}
        return self._model("participants.Consent")(participant=self.participants[n], recorded_by=self.by, **facts)

    def criterionanswer(self, n):
        facts = {"part": "I1", "answer": "met", "answered_at": NOW, "answered_by": self.by}
        return self._model("participants.CriterionAnswer")(participant=self.participants[n], **facts)

    def enrollment(self, n):
        facts = {"enrolled_on": TODAY, "enrolled_at": NOW, "enrolled_by": self.by}
        return self._model("participants.Enrollment")(participant=self.participants[n], slot=self.slots[n], **facts)

    def infusion(self, n):
        return self._infusion_of(self.participants[n])

    def _infusion_of(self, participant):
        return self._model("participants.Infusion")(
            participant=participant,
            infused_on=TODAY,
            started_at=NOW,
            weight_kg=Decimal("72.40"),
            planned_cells=10**15,
            lot="UC-1",
            volume_ml=Decimal("150.0"),
            recorded_at=NOW,
            recorded_by=self.by,
        )

    def dsmbdecision(self, n):
        facts = {"decision": "continue", "decided_on": TODAY, "cut_off_on": TODAY, "document": "Letter"}
        facts |= {"site_id": "MUSC", "recorded_at": NOW, "recorded_by": self.by}
        return self._model("participants.DsmbDecision")(participant=self.participants[n], **facts)

    def productlot(self, n):
        facts = {"donor_lot": "D-7", "collected_on": TODAY, "cells_per_unit": 10**12, "volume_ml": Decimal("50.0")}
        facts |= {"viability_percent": Decimal("92.00"), "expires_at": NOW, "recorded_at": NOW, "recorded_by": self.by}
        return self._model("participants.ProductLot")(site_id="MUSC", number=f"SPARE-{n}", **facts)

    def donortest(self, n):
        facts = {"test": "HIV", "is_negative": True, "tested_on": TODAY}
        return self._model("participants.DonorTest")(lot=self.lots[n], site_id="MUSC", **facts)

    def custodyevent(self, n):
        facts = {"number": 1, "kind": "received", "units": 2, "before": 0, "on_hand": 2, "happened_at": NOW}
        facts |= {"recorded_at": NOW, "recorded_by": self.by}
        return self._model("participants.CustodyEvent")(lot=self.lots[n], site_id="MUSC", **facts)

    def dose(self, n):
        facts = {"thawed_at": NOW, "weight_kg": Decimal("72.40"), "weighed_on": TODAY, "dose_per_kg": 10**6}
        facts |= {"target_cells": 10**12, "cells_per_ml": 10**6, "viability_percent": Decimal("90.50")}
        facts |= {"volume_ml": Decimal("80.0"), "prepared_at": NOW, "prepared_by": self.by}
        return self._model("participants.Dose")(
            participant=self.participants[n], site_id="MUSC", lot=self.lots[n], **facts
        )

    def interruption(self, n):
        facts = {"began_at": NOW, "reason": "Chills", "recorded_at": NOW, "recorded_by": self.by}
        infusion = self.infusions[n]
        return self._model("participants.Interruption")(
            infusion=infusion, participant_id=infusion.participant_id, **facts
        )

    def hold(self, n):
        facts = {"cause": "other", "text": f"stop {n}", "reference": f"r{n}", "opened_at": NOW, "opened_by": self.by}
        return self._model("participants.Hold")(site_id="MUSC", **facts)

    def day0correction(self, n):
        facts = {"from_on": TODAY, "to_on": TODAY, "from_started_at": NOW, "reason": "typed wrongly"}
        facts |= {"to_started_at": NOW.replace(hour=14), "corrected_at": NOW, "corrected_by": self.by}
        return self._model("participants.Day0Correction")(infusion=self.infusions[n], **facts)

    def _fact(self, n):
        facts = {"participant": self.participants[n], "site_id": "MUSC", "protocol_version": "1.0"}
        return facts | {"recorded_at": NOW, "recorded_by": self.by}

    def labresult(self, n):
        amount = {
            "value": Decimal("3.4"),
            "unit": "10^3/uL",
            "standard_value": Decimal("3.4"),
            "high": Decimal("11.1"),
        }
        return self._model("participants.LabResult")(
            test="WBC", collected=PartialDate(2025, 6), **amount, **self._fact(n)
        )

    def sitelabrange(self, n):
        facts = {"test": f"T{n}", "high": Decimal("34.5"), "unit": "U/L", "starts_on": TODAY}
        facts |= {"recorded_at": NOW, "recorded_by": self.by}
        return self._model("participants.SiteLabRange")(site_id="MUSC", **facts)

    def vitalsign(self, n):
        amount = {"value": Decimal("120"), "unit": "mmHg", "standard_value": Decimal("120"), "standard_unit": "mmHg"}
        return self._model("participants.VitalSign")(test="SYSBP", measured_on=TODAY, **amount, **self._fact(n))

    def medication(self, n):
        facts = {"drug": "Prednisone", "drug_class": "corticosteroid", "route": "oral", "dose": Decimal("7.5")}
        return self._model("participants.Medication")(started=PartialDate(2024, 2), **facts, **self._fact(n))

    def medicalhistory(self, n):
        return self._model("participants.MedicalHistory")(term="Shingles", category="zoster", **self._fact(n))

    def listtaken(self, n):
        facts = {"subject": "medicines", "complete_on": TODAY, "recorded_at": NOW, "recorded_by": self.by}
        return self._model("participants.ListTaken")(participant=self.participants[n], site_id="MUSC", **facts)

    def sledaiscore(self, n):
        facts = {"assessed_on": TODAY, "variant": "SLEDAI-2K", "look_back_days": 28}
        return self._model("participants.SledaiScore")(**facts, **self._fact(n))

    def sledaiitem(self, n):
        facts = {"code": "rash", "is_present": True, "weight": 2}
        return self._model("participants.SledaiItem")(score=self.scores[n], participant=self.participants[n], **facts)

    def visitprocedure(self, n):
        facts = {"code": "vitals", "is_done": True, "recorded_at": NOW, "recorded_by": self.by}
        return self._model("visits.VisitProcedure")(visit=self.visits[n], **facts)

    def booking(self, n):
        facts = {"starts_at": NOW, "booked_at": NOW, "booked_by": self.by}
        return self._model("visits.Booking")(visit=self.visits[n], **facts)

    def calendarfeed(self, n):
        return self._model("visits.CalendarFeed")(user=self.users[n], token_sha256=f"{n:060}", made_at=NOW)

    def contactattempt(self, n):
        facts = {"tried_on": TODAY, "means": "Telephone", "outcome": "No answer"}
        facts |= {"recorded_at": NOW, "recorded_by": self.by}
        return self._model("visits.ContactAttempt")(visit=self.visits[n], **facts)

    def approval(self, n):
        facts = {"approved_on": TODAY, "recorded_at": NOW, "recorded_by": self.by}
        return self._model("protocol.Approval")(adoption=self.adoptions[n], site_id="MUSC", **facts)

    def versionchange(self, n):
        return self._version_change_of(self.participants[n])

    def _version_change_of(self, participant):
        facts = {"from_version": "1.0", "to_version": "1.1", "consented_on": TODAY, "reason": "amended"}
        facts |= {"changed_at": NOW, "changed_by": self.by}
        return self._model("visits.VersionChange")(participant=participant, **facts)

    def visitchange(self, n):
        return self._model("visits.VisitChange")(change=self.version_changes[n], visit=self.visits[n], what="dropped")

    def windowmove(self, n):
        days = {f"{age}_{end}_on": TODAY for age in ("old", "new") for end in ("target", "opens", "closes")}
        return self._model("visits.WindowMove")(correction=self.corrections[n], visit=self.visits[n], **days)

    def deviation(self, n):
        facts = {"number": 1, "category": "other", "happened_on": TODAY, "found_on": TODAY, "drafted_at": NOW}
        facts |= {"description": "Seen late", "drafted_by": self.by, "site_id": "MUSC"}
        return self._model("visits.Deviation")(participant=self.participants[n], **facts)

    def visit(self, n):
        return self._model("visits.Visit")(participant=self.participants[n], site_id="MUSC", code="ZZ", order=99)

    def adverseevent(self, n, number=1):
        return self._model("adverse_events.AdverseEvent")(
            participant=self.participants[n],
            site_id="MUSC",
            number=number,
            protocol_version="1.0",
            term="Rash",
            started=PartialDate(2025, 6),
            ctcae_version="5.0",
            reported_at=NOW,
            reported_by=self.by,
        )

    def assessment(self, n):
        return self._model("adverse_events.Assessment")(event=self.events[n], number=9, made_at=NOW, made_by=self.by)

    def followup(self, n):
        facts = {"followed_on": TODAY, "note": "No change", "recorded_at": NOW, "recorded_by": self.by}
        return self._model("adverse_events.FollowUp")(event=self.events[n], **facts)

    def saereport(self, n, number=5):
        facts = {"facts": [["Event", "Onset", "–"]], "narrative": "Told", "prepared_at": NOW, "prepared_by": self.by}
        return self._model("adverse_events.SaeReport")(event=self.events[n], number=number, **facts)

    def reportattachment(self, n):
        facts = {"title": "Letter", "place": "Binder", "added_at": NOW, "added_by": self.by}
        return self._model("adverse_events.ReportAttachment")(report=self.reports[n], **facts)

    def confirmation(self, n):
        facts = {"sentence": "Is this so?", "confirmed_at": NOW, "confirmed_by": self.by}
        return self._model("adverse_events.Confirmation")(event=self.events[n], code="grade_5", **facts)

    def dictionaryterm(self, n, name="Green spots"):
        facts = {"body_system": "Invented disorders", "loaded_at": NOW}
        return self._model("adverse_events.DictionaryTerm")(version="5.0", name=f"{name} {n}", **facts)

    def meddracode(self, n):
        return self._model("adverse_events.MeddraCode")(term=self.terms[n], code=900 + n)

    def gradeepisode(self, n):
        facts = {"grade": 2, "since": PartialDate(2025, 6), "recorded_at": NOW, "recorded_by": self.by}
        return self._model("adverse_events.GradeEpisode")(event=self.events[n], **facts)

    def _safety_rows(self):
        """What the tables of clocks and stopping rules point at."""
        clocks = self._model("adverse_events.Clock").objects.bulk_create(self.clock(n, "K2") for n in range(MANY + 1))
        told = self._model("adverse_events.Notification").objects.bulk_create(
            self.notification(n) for n in range(MANY)
        )
        Hold = self._model("participants.Hold")
        held = {"cause": "stopping_rule", "text": "Tripped", "opened_at": NOW, "opened_by": self.by}
        holds = Hold.objects.bulk_create(Hold(**held, reference=f"S{n}") for n in range(2 * MANY))
        trips = self._model("adverse_events.Trip").objects.bulk_create(
            self._trip_of(holds[MANY + n]) for n in range(MANY)
        )
        return clocks, told, trips, holds

    def clock(self, n, rule_id="K1"):
        event = self.events[n % MANY]
        facts = {"rule_id": rule_id, "occurrence": str(n), "because": "serious", "starts": "awareness"}
        facts |= {"protocol_version": "1.0", "opened_at": NOW, "opened_by": self.by, "started_at": NOW}
        return self._model("adverse_events.Clock")(
            event=event, participant_id=event.participant_id, site_id="MUSC", **facts
        )

    def clockchange(self, n):
        facts = {"words": "Opened", "made_at": NOW, "made_by": self.by}
        return self._model("adverse_events.ClockChange")(clock=self.clocks[n], **facts)

    def determination(self, n):
        facts = {"kind": "qualifies", "determined_at": NOW, "note": "Seen", "recorded_at": NOW, "recorded_by": self.by}
        return self._model("adverse_events.Determination")(event=self.events[n], site_id="MUSC", **facts)

    def notification(self, n):
        facts = {"recipient": "sponsor", "sent_at": NOW, "method": "fax", "reference": "FAX-1"}
        facts |= {"recorded_at": NOW, "recorded_by": self.by, "site_id": "MUSC"}
        return self._model("adverse_events.Notification")(event=self.events[n], **facts)

    def fulfilment(self, n):
        return self._model("adverse_events.Fulfilment")(clock=self.clocks[n], notification=self.notifications[n])

    def investigatoracknowledgement(self, n):
        return self._model("adverse_events.InvestigatorAcknowledgement")(
            notification=self.notifications[n], investigator=self.users[0]
        )

    def milestone(self, n):
        facts = {"reached_on": NOW.date(), "reference": "Letter 1", "recorded_at": NOW, "recorded_by": self.by}
        return self._model("adverse_events.Milestone")(kind=f"reached_{n}", **facts)

    def studynotice(self, n):
        facts = {"recipient": "fda", "sent_at": NOW, "method": "fax", "reference": "FAX-1"}
        facts |= {"recorded_at": NOW, "recorded_by": self.by, "rule_id": "K14"}
        return self._model("adverse_events.StudyNotice")(occurrence=f"milestone-1-{n}", **facts)

    def studybreach(self, n):
        facts = {"rule_id": "K14", "due_at": NOW, "found_at": NOW}
        return self._model("adverse_events.StudyBreach")(occurrence=f"milestone-1-{n}", **facts)

    def organsystem(self, n):
        facts = {"organ_system": "Eye disorders", "assigned_at": NOW, "assigned_by": self.by}
        return self._model("adverse_events.OrganSystem")(version="5.0", term=f"Spots {n}", number=1, **facts)

    def ruleswitch(self, n):
        facts = {"rule_id": "S1", "is_on": True, "reason": "Agreed", "switched_at": NOW, "switched_by": self.by}
        return self._model("adverse_events.RuleSwitch")(**facts)

    def trip(self, n):
        return self._trip_of(self.stops[n])

    def _trip_of(self, hold):
        facts = {"rule_id": "S1", "protocol_version": "1.0", "words": "2 of 3", "tripped_at": NOW, "hold": hold}
        return self._model("adverse_events.Trip")(tripped_by=self.by, **facts)

    def tripevidence(self, n):
        facts = {"words": "Grade 3", "counted_at": NOW, "event": self.events[n]}
        return self._model("adverse_events.TripEvidence")(trip=self.trips[n], **facts)

    def boardmeeting(self, n, number=900):
        facts = {"held_on": TODAY, "purpose": "Routine", "cut_off_entry": 7, "document": "Minutes"}
        facts |= {"recorded_at": NOW, "recorded_by": self.by}
        return self._model("adverse_events.BoardMeeting")(number=number + n, **facts)

    def recommendation(self, n):
        facts = {"recommendation": "continue", "text": "Go on", "recorded_at": NOW, "recorded_by": self.by}
        return self._model("adverse_events.Recommendation")(meeting=self.meetings[n], **facts)

    def reviewmark(self, n):
        facts = {"entry_number": 7, "marked_at": NOW, "marked_by": self.by}
        return self._model("adverse_events.ReviewMark")(event=self.events[n], **facts)

    def query(self, n):
        facts = {"table": "visits_visit", "row_id": str(n), "column": "note", "record": "Visit", "field": "Note"}
        facts |= {"participant": self.participants[n], "site_id": "MUSC", "asked_at": NOW, "asked_by": self.by}
        return self._model("monitoring.Query")(**facts)

    def message(self, n):
        facts = {"query": self.queries[n], "number": 1, "kind": "ask", "text": "Why is it?"}
        facts |= {"participant": self.participants[n], "written_at": NOW, "written_by": self.by}
        return self._model("monitoring.Message")(**facts)

    def verification(self, n):
        facts = {"table": "visits_visit", "row_id": str(n), "column": "note", "value": "Seen", "entry_number": 7}
        facts |= {"participant": self.participants[n], "site_id": "MUSC", "verified_at": NOW, "verified_by": self.by}
        return self._model("monitoring.Verification")(**facts)

    def exportjob(self, n):
        facts = {"format": "csv", "level": "coded", "purpose": f"for review {n}", "requested_at": NOW}
        return self._model("exports.ExportJob")(datasets=["visits"], requested_by=self.by, **facts)

    def exportjob_sites(self, n):
        return self._model("exports.ExportJob_sites")(exportjob=self.jobs[n], site_id="MUSC")

    def download(self, n):
        return self._model("exports.Download")(job=self.jobs[n], downloaded_at=NOW, downloaded_by=self.by)

    def _model(self, label):
        return apps.get_model(label)


def models_under_test():
    return sorted(covered_models(), key=lambda model: model._meta.label)


def everything():
    """Every live row: {table: {key: {column: value}}}, read through the models' own field lists."""
    return {model._meta.db_table: live(model) for model in models_under_test()}


def live(model):
    fields = model._meta.local_concrete_fields
    rows = models.QuerySet(model).values_list(*(field.attname for field in fields))
    keyed = ({field.column: value for field, value in zip(fields, row, strict=True)} for row in rows)
    return {str(row[model._meta.pk.column]): row for row in keyed}


def told(model, after_id):
    """[(op, key, old, new)] of the trail since the entry `after_id`, read with the types of the fields."""
    return [
        (entry.op, entry.row_id, read(model, entry.old), read(model, entry.new))
        for entry in Entry.objects.filter(id__gt=after_id, table=model._meta.db_table).order_by("id")
    ]


def last_id():
    return Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0


def read(model, text):
    if text is None:
        return None
    fields = {field.column: field for field in model._meta.local_concrete_fields}
    return {column: _typed(fields[column], value) for column, value in json.loads(text).items()}


def _typed(field, value):
    if value is None or value == HIDDEN:
        return value
    if isinstance(field, models.JSONField):
        return json.loads(value) if isinstance(value, str) else value  # SQLite holds it as text
    if isinstance(field, models.DateTimeField):
        at = datetime.fromisoformat(value)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    if isinstance(field, models.DateField):
        return date.fromisoformat(value)
    if isinstance(field, models.TimeField):
        return time.fromisoformat(value)
    if isinstance(field, models.DecimalField):
        assert isinstance(value, str) and len(value.partition(".")[2]) == field.decimal_places, value
        return Decimal(value)
    if type(field).__name__ == "PartialDateModelField":
        return PartialDate.parse(value)
    if isinstance(field, models.BooleanField):
        assert isinstance(value, bool), value
    return value


def should_be_told(before, after):
    """The oracle: what the trail has to say, from the live rows of a table before and after."""
    said = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old and new and old != new:
            changed = [column for column in old if old[column] != new[column]]
            said.append(("U", key, _masked(old, changed), _masked(new, changed)))
        elif old != new:
            said.append(("D" if old else "I", key, old and _masked(old, old), new and _masked(new, new)))
    return said


def _masked(row, columns):
    return {column: HIDDEN if column in MASKED else row[column] for column in columns}
