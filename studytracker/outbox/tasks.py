"""Doors for Celery: read the clock, call a function."""

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
        ready = sweeping.sweep(timezone.now())
    for mail_id in ready:
        try:
            deliver.delay(mail_id)
        except OperationalError:
            log.warning("The broker took no message. The mails wait for the next sweep.")
            return


@shared_task
def deliver(mail_id):
    with acting("sweep", source="task", reason=f"Delivery of mail {mail_id}"):
        delivery.deliver(mail_id, timezone.now())
