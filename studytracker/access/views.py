from django.conf import settings
from django.contrib.auth.views import LoginView
from django.shortcuts import resolve_url

from studytracker.demo.people import PEOPLE


class SignIn(LoginView):
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def get_success_url(self):
        """Home, should the way back lead to this very page."""
        wanted = super().get_success_url()
        return resolve_url("home") if wanted.split("?")[0] == self.request.path else wanted

    def get_initial(self):
        return {"username": self.request.GET.get("username", "")[:150]}

    def get_context_data(self, **kwargs):
        people = [(person.username, person.words) for person in PEOPLE] if settings.DEMO else []
        return super().get_context_data(demo_people=people, **kwargs)
