"""Signing on a page: the form, and what a view needs of it."""

from functools import partial

from django import forms

from studytracker.access.forms import PasswordAgainForm
from studytracker.access.passwords import client_address
from studytracker.web.fields import TextField
from studytracker.web.submission import status_for, submit

from .signatures import may_sign, sign, standing
from .subjects import kind_named


class SignForm(PasswordAgainForm):
    """Asks for the password again. What is left in `cleaned_data` are arguments of `signatures.sign`."""

    displayed_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)
    meaning = forms.ChoiceField(
        label="What the signature means",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what the signature means."},
    )
    comment = TextField(label="Comment", required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))
    accepts_open = forms.BooleanField(required=False)
    field_order = ("displayed_hash", "meaning", "comment", "accepts_open", "password")
    what_it_shows = "it is you who signs"

    def __init__(self, *args, subject, open_items, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["meaning"].choices = [(meaning, meaning) for meaning in subject.meanings]
        if len(subject.meanings) == 1:
            self.fields["meaning"].initial = subject.meanings[0]
        if open_items:
            self.fields["accepts_open"].label = f"I sign although this is still open: {'; '.join(open_items)}"
        else:
            del self.fields["accepts_open"]


class SignBox:
    """A subject on its page, to be signed there. `signed` is the Signature just given, if one was."""

    def __init__(self, request, kind, key, *, at):
        self.kind, self.key = kind, key
        self.subject = kind_named(kind)
        self.standing = standing(kind, key)
        self.may_sign = may_sign(self.subject, self.standing.snapshot, request.user)
        self.signed = None
        sent = request.POST if request.method == "POST" and "sign" in request.POST else None
        self.form = SignForm(
            sent,
            subject=self.subject,
            open_items=self.standing.snapshot.open_items,
            user=request.user,
            address=client_address(request),
            at=at,
        )
        if sent is not None:
            self.signed = submit(request, self.form, partial(sign, kind=kind, key=key, by=request.user, at=at))
            self.standing = standing(kind, key)
        self.mine = self.standing.valid_by(request.user)

    @property
    def status(self):
        """409 where something else was displayed than there is now; the page then shows what there is."""
        return 409 if getattr(self.form, "is_overtaken", False) else status_for(self.form)
