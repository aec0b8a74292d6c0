from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "studytracker.web"
    label = "web"
    verbose_name = "Shared page parts"
