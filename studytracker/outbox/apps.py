from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "studytracker.outbox"
    label = "outbox"
