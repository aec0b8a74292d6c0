# A web process that never imported the Celery app would send its messages to amqp://localhost.
from .celery import app as celery_app

__version__ = "0.2.0"
__all__ = ["celery_app"]

from . import clock

clock.install()
