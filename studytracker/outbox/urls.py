from django.urls import path

from . import matter_views, views

urlpatterns = [
    path("", views.reminders, name="reminders"),
    path("open/", matter_views.open_matters, name="open_matters"),
    path("next/", matter_views.next_mails, name="next_mails"),
    path("preferences/", matter_views.preferences, name="reminder_preferences"),
    path("sweep/", views.sweep_now, name="sweep_now"),
    path("test-mail/", views.test_mail, name="test_mail"),
    path("<row:pk>/", views.mail, name="mail"),
    path("<row:pk>/try-again/", views.try_again, name="try_again"),
    path("matters/<row:pk>/acknowledge/", matter_views.acknowledge, name="acknowledge"),
    path("acknowledgements/<row:pk>/end/", matter_views.end_acknowledgement, name="end_acknowledgement"),
]
