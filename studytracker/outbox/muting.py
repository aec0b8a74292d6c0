"""What a person wants no mail of, among the stages that the protocol lets people do without."""

from studytracker import protocol

from .models import MutedStage

WHY = "Turned off in the recipient's own preferences"


def optional_stages():
    return [stage for stage in protocol.current().reminder_stages if stage.optional]


def muted(person) -> set[str]:
    """The codes the person turned off; one that the protocol requires by now is told all the same."""
    own = set(MutedStage.objects.filter(user=person).values_list("stage", flat=True))
    return own & {stage.code for stage in optional_stages()}


def cancel_muted(person, untold, at):
    if codes := muted(person):
        untold.filter(stage__in=codes).cancel(WHY, at)
