from django.apps import AppConfig
from django.core.checks import Tags, register


class ProtocolConfig(AppConfig):
    name = "studytracker.protocol"
    label = "protocol"
    verbose_name = "Protocol"

    def ready(self):
        from .startup import check_adoption, check_protocol

        register(check_protocol)
        register(check_adoption, Tags.database)
