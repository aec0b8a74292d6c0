from django.apps import AppConfig
from django.core.checks import Tags, register


class TrustConfig(AppConfig):
    name = "studytracker.trust"
    label = "trust"
    verbose_name = "Audit trail"

    def ready(self):
        from .watch import check_deployed, check_triggers

        register(check_triggers, Tags.database)
        register(check_deployed, deploy=True)
