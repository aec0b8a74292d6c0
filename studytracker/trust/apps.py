from django.apps import AppConfig
from django.core.checks import Tags, register


class TrustConfig(AppConfig):
    name = "studytracker.trust"
    label = "trust"
    verbose_name = "Audit trail"

    def ready(self):
        from django.utils import timezone

        from .as_of import now
        from .watch import check_deployed, check_triggers

        timezone.now = now  # pages of the past read the clock as it stood
        register(check_triggers, Tags.database)
        register(check_deployed, deploy=True)
