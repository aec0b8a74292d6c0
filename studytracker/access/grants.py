"""Who may do what, on one page. A monitor or an inspector can read it as it stands."""

from enum import StrEnum

from django.db.models import TextChoices


class Permission(StrEnum):
    SEE = "see participants, visits and adverse events"
    SCREEN = "screen participants and answer the criteria"
    RECORD = "record results, vital signs, medicines and history"
    ENROLL = "confirm eligibility and enroll"
    INFUSE = "record the infusion"
    HANDLE_PRODUCT = "record the product and its custody"
    RELEASE_PRODUCT = "release a lot of the product"
    REVIEW_SAFETY = "record and confirm decisions of the DSMB"
    LOG_VISIT = "log visits and mark them missed"
    REPORT_DEVIATION = "report and complete deviations"
    CLASSIFY_DEVIATION = "classify deviations"
    SIGN = "sign what an investigator answers for"
    REPORT_EVENT = "report adverse events"
    NOTIFY = "record who was told of an event, and determinations"
    TELL_OF_STUDY = "record milestones of the study and who was told of them"
    CLOSE_CLOCK = "close a reporting clock as not qualifying"
    SWITCH_RULE = "switch a stopping rule on or off"
    PLACE_TERM = "assign organ systems to terms"
    JUDGE_AS_SPONSOR = "give the sponsor's assessment of adverse events"
    WITHDRAW = "record a withdrawal or a screen failure"
    PROPOSE_HOLD = "propose a hold"
    PLACE_HOLD = "place a hold"
    LIFT_HOLD = "lift a hold"
    AMEND = "move participants to an amended protocol"
    APPROVE = "record that a site's IRB approved a protocol version"
    EXPORT = "export data"
    EXPORT_IDENTIFIED = "export data as recorded, with accounts and free text"
    AUDIT = "read the audit trail"
    OPERATE = "see the delivery of reminders and run it"
    ACKNOWLEDGE = "acknowledge reminders"
    ASK = "ask about values and close queries"
    ANSWER = "answer queries"
    VERIFY = "mark values as compared with their source"


class Role(TextChoices):
    COORDINATOR = "coordinator", "Coordinator"
    INVESTIGATOR = "investigator", "Investigator"
    CHAIR = "chair", "Study chair"
    MONITOR = "monitor", "Monitor (read only)"
    ADMINISTRATOR = "administrator", "Administrator"


P = Permission
_ENTER = frozenset(
    {
        *(P.SEE, P.SCREEN, P.RECORD, P.INFUSE, P.LOG_VISIT, P.REPORT_DEVIATION, P.REPORT_EVENT, P.WITHDRAW),
        *(P.NOTIFY, P.PROPOSE_HOLD, P.HANDLE_PRODUCT, P.AMEND, P.EXPORT, P.AUDIT, P.OPERATE, P.ACKNOWLEDGE),
        *(P.ANSWER, P.PLACE_TERM),
    }
)

# The administrator exports and runs the system but enters no clinical data (separation of duties, 21 CFR 11.10(g)).
# Under which organ system a public table shows a term says nothing about a participant.
GRANTS: dict[str, frozenset[Permission]] = {
    Role.COORDINATOR: _ENTER,
    Role.INVESTIGATOR: _ENTER
    | {P.ENROLL, P.EXPORT_IDENTIFIED, P.CLASSIFY_DEVIATION, P.SIGN, P.CLOSE_CLOCK, P.PLACE_HOLD, P.RELEASE_PRODUCT}
    | {P.TELL_OF_STUDY, P.ASK},
    Role.CHAIR: frozenset(
        {
            *(P.SEE, P.JUDGE_AS_SPONSOR, P.NOTIFY, P.TELL_OF_STUDY, P.CLOSE_CLOCK, P.SWITCH_RULE),
            *(P.PLACE_HOLD, P.LIFT_HOLD, P.REVIEW_SAFETY),
            *(P.APPROVE, P.EXPORT, P.AUDIT, P.OPERATE),
        }
    ),
    # Reads; writes nothing but queries and marks of source verification.
    Role.MONITOR: frozenset({P.SEE, P.AUDIT, P.ASK, P.VERIFY}),
    Role.ADMINISTRATOR: frozenset(
        {
            *(P.SEE, P.TELL_OF_STUDY, P.REVIEW_SAFETY, P.APPROVE, P.EXPORT, P.EXPORT_IDENTIFIED, P.AUDIT, P.OPERATE),
            P.PLACE_TERM,
        }
    ),
}

# These roles always span the whole trial; the others are held at one site each.
TRIAL_WIDE = frozenset({Role.CHAIR, Role.ADMINISTRATOR})
