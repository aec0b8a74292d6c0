from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from .passwords import WRONG, checked, client_address


class SignInForm(AuthenticationForm):
    """Wrong passwords are counted and recorded; the words are the same whatever was wrong."""

    def clean(self):
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            facts = {"address": client_address(self.request), "at": timezone.now(), "request": self.request}
            self.user_cache = checked(username, password, **facts)
            if self.user_cache is None:
                raise ValidationError(WRONG, code="invalid_login")
        return self.cleaned_data
