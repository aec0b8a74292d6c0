import json

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

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


@login_not_required
@require_POST
@sensitive_post_parameters("password")
def sign_in_again(request):
    """From the dialog of a page whose sign-in ran out: the page goes on, with the new token that it has to use."""
    form = AuthenticationForm(request, request.POST)
    if not form.is_valid():
        words = " ".join(error for errors in form.errors.values() for error in errors)
        return HttpResponse(words, status=422, content_type="text/plain; charset=utf-8")
    login(request, form.get_user())
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"signed-in": {"token": get_token(request)}})})
