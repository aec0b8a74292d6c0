from django.apps import AppConfig


class StudyTrackerConfig(AppConfig):
    name = "studytracker"
    label = "studytracker"
    verbose_name = "Study Tracker"
