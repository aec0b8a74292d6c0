"""Doors for Celery: read the clock, call a function."""

from celery import shared_task
from django.utils import timezone

from .acting import acting
from .upkeep import keep


@shared_task
def seal():
    with acting("seal", source="task"):
        keep(timezone.now())
