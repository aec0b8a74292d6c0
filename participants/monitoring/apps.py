from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "participants.monitoring"
    label = "monitoring"
