"""Doors for Celery: read the clock, call a function."""

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from . import delivery, sweeping

log = logging.getLogger(__name__)


@shared_task
def sweep():
    for mail_id in sweeping.sweep(timezone.now()):
        try:
            deliver.delay(mail_id)
        except OperationalError:
            log.warning("The broker took no message. The mails wait for the next sweep.")
            return


@shared_task
def deliver(mail_id):
    delivery.deliver(mail_id, timezone.now())
