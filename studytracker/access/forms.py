from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from .passwords import WRONG, WrongPassword, checked, client_address, reauthenticate


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


class ChangePasswordForm(PasswordChangeForm):
    """A wrong old password counts like one at sign-in, so that an open page is no place to guess it."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_mismatch": "The new password was typed in two ways. Type it twice alike.",
    }

    def __init__(self, *args, address, at, **kwargs):
        super().__init__(*args, **kwargs)
        self.address, self.at = address, at

    def clean_old_password(self):
        """Looked at last, in `clean`, so that a form with another fault costs no try."""
        return self.cleaned_data["old_password"]

    def clean(self):
        given = super().clean()
        if self.errors:
            return given
        old = self.cleaned_data["old_password"]
        try:
            reauthenticate(self.user, old, address=self.address, at=self.at)
        except WrongPassword as refusal:
            self.add_error("old_password", refusal.sentences)
        else:
            if self.cleaned_data["new_password1"] == old:
                self.add_error("new_password1", "This is the password you have. Choose another one.")
        return given


class PasswordAgainForm(forms.Form):
    """Asks for the own password once more. `cleaned_data["answered"]` is the proof of it; the password is not kept."""

    password = forms.CharField(
        label="Your password, again",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    what_it_shows = "it is you"

    def __init__(self, *args, user, address, at, **kwargs):
        super().__init__(*args, **kwargs)
        self.user, self.address, self.at = user, address, at
        self.fields["password"].error_messages["required"] = f"Give your password: it shows that {self.what_it_shows}."

    def clean(self):
        """The password is looked at last, so that a form with another fault costs no try."""
        if not self.errors:
            try:
                password = self.cleaned_data["password"]
                answered = reauthenticate(self.user, password, address=self.address, at=self.at)
                self.cleaned_data["answered"] = answered
            except WrongPassword as refusal:
                refusal.add_to(self)
        self.cleaned_data.pop("password", None)
        return self.cleaned_data
