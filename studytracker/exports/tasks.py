"""Doors for Celery: read the clock, call a function. A message only says "look now"; the row is the truth."""

from celery import shared_task
from django.utils import timezone

from studytracker.trust.acting import acting

from . import jobs


@shared_task
def export(pk):
    with acting("exports", source="task"):
        jobs.run(pk, timezone.now)


@shared_task
def look():
    """Takes up what lost its message or its worker, and removes what has expired."""
    with acting("exports", source="task"):
        jobs.work(timezone.now)
