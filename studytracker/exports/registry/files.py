"""The registry's tables as XML for a partial upload, and the adverse events as a table to copy from.

Elements, their order and attributes are those of its upload schemas (results 2017.04.18, record 2018.05.08).
Without both flags of a partial upload the registry erases every section of the results that a file lacks.
"""

from pathlib import Path

from lxml import etree
from rustpy_xlsxwriter import write_worksheets

from ..formats import text, timeless
from ..tables import UNWRITABLE_IN_XML, xlsx_text
from .tables import Results, words

PRS, RRS = "http://clinicaltrials.gov/prs", "http://clinicaltrials.gov/rrs"
FLOW_GROUP, EVENT_GROUP = "FG1", "EG1"
COLUMNS = (
    "adverseEventType",
    "assessmentType",
    "additionalDescription",
    "organSystemName",
    "sourceVocabulary",
    "term",
    f"{EVENT_GROUP} numEvents",
    f"{EVENT_GROUP} numSubjectsAffected",
    f"{EVENT_GROUP} numSubjects",
)


def write_xml(path: Path, found: Results) -> None:
    root = etree.Element(f"{{{PRS}}}study_collection", nsmap={"prs": PRS, "rrs": RRS})
    study = etree.SubElement(root, "clinical_study", partial_upload="true")
    names = etree.SubElement(study, "id_info")
    _leaf(names, "org_name", found.rules.registry.sponsor)
    _leaf(names, "org_study_id", found.rules.registry.org_study_id)
    result = etree.SubElement(study, f"{{{RRS}}}result", partialUpload="true")
    etree.SubElement(result, "outcomeMeasures")
    _flow(result, found)
    _events(result, found)
    etree.ElementTree(root).write(str(path), xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _leaf(parent, name, value):
    element = etree.SubElement(parent, name)
    element.text = UNWRITABLE_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text(value))
    return element


def _arm(parent, tag, group, found):
    made = etree.SubElement(parent, tag, id=group)
    treatment = found.rules.treatment
    dose = f"{treatment.dose_per_kg:,} {treatment.unit}/kg, {treatment.route}"
    _leaf(made, "description", f"{treatment.product}: {dose}")
    return made, treatment.arm


def _flow(result, found):
    flow = etree.SubElement(result, "participantFlow")
    group, title = _arm(etree.SubElement(flow, "participantFlowGroups"), "flowGroup", FLOW_GROUP, found)
    _leaf(group, "title", title)
    period = etree.SubElement(etree.SubElement(flow, "periods"), "period")
    _achieved(etree.SubElement(period, "completedMilestone"), found.flow.completed)
    reasons = etree.SubElement(period, "dropWithdrawReasons")
    for reason in found.flow.reasons:
        each = etree.SubElement(reasons, "dropWithdrawReason")
        detail = etree.SubElement(etree.SubElement(each, "dropWithdrawReasonDetails"), "reasonDetail")
        _leaf(detail, "reportingGroupId", FLOW_GROUP)
        _leaf(detail, "subjectsAffected", reason.count)
        if reason.name:
            _leaf(each, "otherReasonName", reason.name)
        _leaf(each, "reasonType", reason.kind)
    infused = etree.SubElement(etree.SubElement(period, "milestones"), "milestone")
    _achieved(infused, found.flow.infused)
    _leaf(infused, "titleOther", "Infused")
    _achieved(etree.SubElement(period, "startedMilestone"), found.flow.started)
    _leaf(period, "title", words()["words"]["period"])


def _achieved(milestone, count):
    achieved = etree.SubElement(etree.SubElement(milestone, "milestoneAchievements"), "milestoneAchievement")
    _leaf(achieved, "reportingGroupId", FLOW_GROUP)
    _leaf(achieved, "subjectsAchieve", count)


def _events(result, found):
    reported, events = etree.SubElement(result, "reportedEvents"), found.events
    _leaf(reported, "assessmentType", found.assessment)
    _leaf(reported, "frequencyReportingThreshold", found.threshold)
    _lines(etree.SubElement(reported, "frequentAdverseEvents"), "frequentEvent", found, is_serious=False)
    group, title = _arm(etree.SubElement(reported, "interventionGroups"), "interventionGroup", EVENT_GROUP, found)
    counts = {
        "numDeaths": events.deaths,
        "numSubjectsFrequentEvents": events.affected_other,
        "numSubjectsSeriousEvents": events.affected_serious,
        "partAtRiskAllCauseMort": events.at_risk,
        "partAtRiskFrequentEvents": events.at_risk,
        "partAtRiskSeriousEvents": events.at_risk,
    }
    for name, count in counts.items():
        _leaf(group, name, count)
    _leaf(group, "title", title)
    _lines(etree.SubElement(reported, "seriousAdverseEvents"), "seriousEvent", found, is_serious=True)
    _leaf(reported, "sourceVocabulary", found.vocabulary)
    _leaf(reported, "timeFrame", found.time_frame)


def _lines(parent, tag, found, *, is_serious):
    for line in found.events.lines:
        if line.is_serious is is_serious:
            each = etree.SubElement(parent, tag)
            stats = etree.SubElement(etree.SubElement(each, "adverseEventStats"), "eventStats")
            _leaf(stats, "reportingGroupId", EVENT_GROUP)
            _leaf(stats, "numEvents", line.events)
            _leaf(stats, "numSubjectsAffected", line.affected)
            _leaf(stats, "numSubjects", found.events.at_risk)
            _leaf(each, "organSystemName", line.system)
            if line.vocabulary != found.vocabulary:
                _leaf(each, "sourceVocabulary", line.vocabulary)
            _leaf(each, "term", line.term)


def write_table(path: Path, found: Results) -> None:
    """For typing by hand or pasting: the registry makes its own template for each record, which this is not."""
    rows = [
        dict(
            zip(
                COLUMNS,
                (
                    "Serious" if line.is_serious else "Other",
                    found.assessment,
                    None,
                    xlsx_text(line.system),
                    xlsx_text(line.vocabulary),
                    xlsx_text(line.term),
                    line.events,
                    line.affected,
                    found.events.at_risk,
                ),
                strict=True,
            )
        )
        for line in found.events.lines
    ]
    about = [
        {"what": label, "value": value}
        for label, value in (
            ("Not an upload file", "The registry makes its own template for each record. Copy from here."),
            ("Time frame", xlsx_text(found.time_frame)),
            ("Frequency threshold in percent", float(found.threshold)),
            ("Deaths of all causes", found.events.deaths),
            ("Participants at risk", found.events.at_risk),
            ("Participants with serious events", found.events.affected_serious),
            ("Participants with other events above the threshold", found.events.affected_other),
        )
    ]
    sheets = [("Adverse events", rows or [dict.fromkeys(COLUMNS)]), ("About", about)]
    write_worksheets(sheets, str(path), bold_headers=True)
    timeless(path)
