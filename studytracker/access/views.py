import json

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.db import transaction
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from studytracker.demo.people import PEOPLE
from studytracker.trust.acts import Kind, note_by

from .forms import ChangePasswordForm, SignInForm
from .passwords import client_address


class SignIn(LoginView):
    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_success_url(self):
        """Home, should the way back lead to this very page."""
        wanted = super().get_success_url()
        return resolve_url("home") if wanted.split("?")[0] == self.request.path else wanted

    def form_valid(self, form):
        answer = super().form_valid(form)
        _note(self.request, Kind.SIGN_IN)
        return answer

    def get_initial(self):
        return {"username": self.request.GET.get("username", "")[:150]}

    def get_context_data(self, **kwargs):
        people = [(person.username, person.words) for person in PEOPLE] if settings.DEMO else []
        return super().get_context_data(demo_people=people, **kwargs)


class ChangePassword(PasswordChangeView):
    """One's own password. It ends every other session of the account."""

    template_name = "registration/change_password.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("home")

    def get_form_kwargs(self):
        facts = {"address": client_address(self.request), "at": timezone.now()}
        return super().get_form_kwargs() | facts

    def form_valid(self, form):
        with transaction.atomic():
            answer = super().form_valid(form)
            _note(self.request, Kind.PASSWORD)
        messages.success(self.request, "Your password is changed. Wherever else you were signed in, you are no more.")
        return answer

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(LogoutView):
    def post(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            _note(request, Kind.SIGN_OUT)
        return super().post(request, *args, **kwargs)


def _note(request, kind):
    note_by(request.user, kind, at=timezone.now(), address=client_address(request))


@login_not_required
@require_POST
@sensitive_post_parameters("password")
def sign_in_again(request):
    """From the dialog of a page whose sign-in ran out: the page goes on, with the new token that it has to use."""
    form = SignInForm(request, request.POST)
    if not form.is_valid():
        words = " ".join(error for errors in form.errors.values() for error in errors)
        return HttpResponse(words, status=422, content_type="text/plain; charset=utf-8")
    login(request, form.get_user())
    _note(request, Kind.SIGN_IN)
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"signed-in": {"token": get_token(request)}})})
