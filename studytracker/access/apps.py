from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "studytracker.access"
    label = "access"
    verbose_name = "People and rights"
