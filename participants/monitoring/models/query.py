"""A question about one value of one record, and what was said about it. Rows are only added: the state is derived."""

from functools import reduce
from operator import or_

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse

from participants.models import Participant
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site

ASK, ANSWER, ASK_AGAIN, CLOSE = "ask", "answer", "again", "close"
# What may follow what. Nothing follows a close.
FOLLOWS = {ASK: ("",), ANSWER: (ASK, ASK_AGAIN), ASK_AGAIN: (ANSWER,), CLOSE: (ASK, ANSWER, ASK_AGAIN)}
TO_ANSWER, ANSWERED, CLOSED = "open", "answered", "closed"
STATES = {TO_ANSWER: "Waits for an answer", ANSWERED: "Answered", CLOSED: "Closed"}
STATE_AFTER = {ASK: TO_ANSWER, ASK_AGAIN: TO_ANSWER, ANSWER: ANSWERED, CLOSE: CLOSED}


class QueryQuerySet(ScopedQuerySet):
    def with_state(self):
        """Adds `last_kind` and `last_at`, of the newest message."""
        newest = Message.objects.filter(query=OuterRef("pk")).order_by("-number")
        return self.annotate(
            last_kind=Subquery(newest.values("kind")[:1]), last_at=Subquery(newest.values("written_at")[:1])
        )

    def for_page(self):
        return self.with_state().select_related("participant", "asked_by")

    def for_listing(self):
        """The oldest first, each with the words of its `question`."""
        first = Message.objects.filter(query=OuterRef("pk"), number=1)
        return self.for_page().annotate(question=Subquery(first.values("text"))).order_by("asked_at", "pk")

    def of_record(self, record):
        return self.filter(table=record.table, row_id=record.row_id)

    def in_state(self, *states):
        return self.filter(last_kind__in=[kind for kind, state in STATE_AFTER.items() if state in states])

    def not_closed(self):
        return self.with_state().exclude(last_kind=CLOSE)


class Query(models.Model):
    """About a column of a row: `table` and `row_id` as the trail names them. What is told of the record and of the
    value is as it was when somebody asked.
    """

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="queries")
    # The participant's site, kept here so that one index serves each site's listing. It never changes.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    table = models.CharField(max_length=63)
    row_id = models.CharField("record number", max_length=20)
    column = models.CharField(max_length=63)
    record = models.CharField(max_length=300)
    field = models.CharField(max_length=100)
    value = models.CharField("value when it was asked", max_length=2000)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = QueryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "queries"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(table="") & ~Q(row_id="") & ~Q(column=""),
                name="query_about_a_value",
                violation_error_message="Say which value of which record the query is about.",
            ),
        ]
        indexes = [
            models.Index(fields=["table", "row_id"], name="query_of_record"),
            models.Index(fields=["site", "asked_at", "id"], name="query_listing"),
        ]

    def __str__(self):
        return f"Query {self.pk}: {self.record}, {self.field}"

    def get_absolute_url(self):
        return reverse("query", args=[self.pk])

    @property
    def state(self):
        """Reads `last_kind` of `with_state`."""
        return STATE_AFTER[self.last_kind]

    @property
    def state_words(self):
        return STATES[self.state]


def _may_follow():
    """The database's own copy of FOLLOWS."""
    return reduce(or_, (Q(kind=kind, follows__in=before) for kind, before in FOLLOWS.items()))


class Message(models.Model):
    """One thing said of a query, after another one; the database refuses what may not follow."""

    class Kind(models.TextChoices):
        ASK = ASK, "Asked"
        ANSWER = ANSWER, "Answered"
        ASK_AGAIN = ASK_AGAIN, "Asked again"
        CLOSE = CLOSE, "Closed"

    query = models.ForeignKey(Query, models.PROTECT, related_name="messages")
    # The query's participant, kept here so that the row leads to its site by itself.
    participant = models.ForeignKey(Participant, models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    follows = models.CharField("after", max_length=10, choices=Kind, blank=True)
    text = models.CharField(max_length=1000)
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["query", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["query", "number"],
                name="message_number_once",
                violation_error_message="Somebody wrote at the same moment.",
            ),
            models.UniqueConstraint(
                fields=["query"],
                condition=Q(kind=CLOSE),
                name="message_closes_once",
                violation_error_message="The query is closed.",
            ),
            models.CheckConstraint(
                condition=_may_follow(),
                name="message_may_follow",
                violation_error_message="This cannot be said of the query as it stands.",
            ),
            models.CheckConstraint(
                condition=(Q(number=1) & Q(kind=ASK)) | (Q(number__gt=1) & ~Q(kind=ASK)),
                name="message_asks_first",
                violation_error_message="A query begins with its question.",
            ),
            models.CheckConstraint(
                condition=~Q(text=""),
                name="message_has_text",
                violation_error_message="Write a few words.",
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.text}"
