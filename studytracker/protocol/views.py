from functools import partial

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.web.submission import posted, status_for, submit

from . import approving
from .differences import schedule_differences
from .forms import ApprovalForm

SECTIONS = (
    ("assumptions", "Assumptions"),
    ("registry", "Registry facts"),
    ("sites", "Sites and enrollment"),
    ("treatment", "Treatment"),
    ("criteria", "Criteria"),
    ("measures", "Tests, medicines and history"),
    ("visits", "Planned visits"),
    ("clocks", "Safety clocks"),
    ("safety", "Safety rules"),
    ("sledai", "SLEDAI"),
    ("vocabularies", "Vocabularies"),
)

CRITERION_KINDS = (
    ("structured", "Age, sex and healthy volunteers"),
    ("inclusion", "Inclusion criteria"),
    ("exclusion", "Exclusion criteria"),
)


@require_safe
def study(request):
    trial = protocol.current()
    assumptions = trial.assumptions()
    context = {
        "trial": trial,
        "sections": SECTIONS,
        "assumptions": assumptions,
        "assumed_count": sum(assumption.count for assumption in assumptions),
        "criteria_by_kind": [
            (words, [criterion for criterion in trial.criteria if criterion.kind == kind])
            for kind, words in CRITERION_KINDS
        ],
    }
    return render(request, "protocol/study.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def versions(request):
    """Every adopted version with its approvals, what each changed, and the form for a new approval."""
    require(request.user, Permission.SEE)
    may_approve = request.user.can_somewhere(Permission.APPROVE)
    if request.method == "POST":
        require(request.user, Permission.APPROVE)
    adopted = approving.adopted()
    form = ApprovalForm(posted(request), versions=[each.version for each in adopted], user=request.user)
    made = submit(request, form, partial(approving.approve, by=request.user, at=timezone.now()))
    if made:
        messages.success(request, f"Version {made.adoption.version} is on file as approved at {made.site_id}.")
        return redirect("versions")
    rules = [protocol.version(each.version) for each in adopted]
    changes = [[], *(schedule_differences(*pair) for pair in zip(rules, rules[1:], strict=False))]
    rows = list(zip(adopted, rules, changes, strict=True))
    context = {"rows": rows[::-1], "form": form if may_approve else None, "trial": protocol.current()}
    return render(request, "protocol/versions.html", context, status=status_for(form))
