from django.shortcuts import render
from django.views.decorators.http import require_safe

from studytracker import protocol

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
