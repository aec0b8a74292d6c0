"""Running a domain call for a form, so that its refusals come back as sentences beside what was typed."""

from studytracker.refusal import Refused


def posted(request):
    """What a form is bound to: the POST, even an empty one, else nothing."""
    return request.POST if request.method == "POST" else None


def submit(request, form, act):
    """`act(**cleaned_data)` for a valid POST. Returns its result, or None when there is nothing or it was refused."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        return act(**form.cleaned_data)
    except Refused as refusal:
        refusal.add_to(form)
        return None


def status_for(form):
    """422 for a form that came back with errors, else 200."""
    return 422 if form.is_bound and form.errors else 200
