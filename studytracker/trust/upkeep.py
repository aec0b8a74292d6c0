"""What the trail needs done regularly, whoever thinks of it: beat, a sweep, or cron."""

from datetime import datetime, timedelta

from . import sealing, watch

BETWEEN_COMPARISONS = timedelta(hours=1)


def keep(at: datetime) -> int:
    """Seal what is settled, note the head of the day, compare the triggers once an hour. Returns how many it sealed.

    Any number at once does no harm.
    """
    count = sealing.seal(at)
    sealing.anchor(at)
    last = watch.last_compared()
    if last is None or not timedelta(0) <= at - last.at < BETWEEN_COMPARISONS:
        watch.compare(at)
    return count
