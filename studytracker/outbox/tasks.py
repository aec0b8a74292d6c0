"""Doors for Celery: read the clock, call a function. Any number of them may run at once."""

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from studytracker.trust.acting import acting

from . import delivery, sweeping

log = logging.getLogger(__name__)


@shared_task
def sweep():
    with acting("sweep", source="task"):
        sweeping.sweep(timezone.now())
        delivery.drain(timezone.now)


def wake():
    """Ask for a sweep now, once what was written has committed. Without a broker the next sweep finds it."""
    try:
        sweep.delay()
    except OperationalError:
        log.warning("The broker took no message. What is urgent waits for the next sweep.")
