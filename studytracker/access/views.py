from django.conf import settings
from django.contrib.auth.views import LoginView

from studytracker.demo.people import PEOPLE


class SignIn(LoginView):
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def get_initial(self):
        return {"username": self.request.GET.get("username", "")[:150]}

    def get_context_data(self, **kwargs):
        people = [(person.username, person.words) for person in PEOPLE] if settings.DEMO else []
        return super().get_context_data(demo_people=people, **kwargs)
