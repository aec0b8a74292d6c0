"""What the trail needs done regularly, whoever thinks of it: beat, a sweep, or cron."""

from datetime import datetime, timedelta

from . import sealing, watch

BETWEEN_COMPARISONS = timedelta(hours=1)


def keep(at: datetime) -> int:
    """Seal what is settled, note the head of the day, compare the triggers once an hour and
    as soon as they changed. Returns how many it sealed.

    Any number at once does no harm.
    """
    count = sealing.seal(at)
    sealing.anchor(at)
    last = watch.last_compared()
    is_old = last is None or not timedelta(0) <= at - last.at < BETWEEN_COMPARISONS
    if is_old or bool(watch.standing_problems()) != bool(last.problems):
        watch.compare(at)
    return count
