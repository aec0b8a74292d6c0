"""What must hold of an upload file, checked without the registry's schemas: shape, references, and counts that agree.

The shape is that of its upload schemas for the elements that are written here, and stricter: what the schemas leave
open and this file always holds is required. Nothing of it is taken from `files.py`, which writes.
"""

import re
from collections import Counter
from pathlib import Path

from lxml import etree

from .tables import ASSESSMENTS, organ_systems

PRS, RRS = "{http://clinicaltrials.gov/prs}", "{http://clinicaltrials.gov/rrs}"
# element: its children in their order; ? may be missing, * any number. What is not here holds text alone.
SHAPE = {
    f"{PRS}study_collection": "clinical_study",
    "clinical_study": f"id_info {RRS}result",
    "id_info": "org_name org_study_id",
    f"{RRS}result": "outcomeMeasures participantFlow reportedEvents",
    "outcomeMeasures": "outcomeMeasure*",
    "participantFlow": "participantFlowGroups periods",
    "participantFlowGroups": "flowGroup*",
    "flowGroup": "description title",
    "periods": "period*",
    "period": "completedMilestone dropWithdrawReasons milestones startedMilestone title",
    "completedMilestone": "milestoneAchievements",
    "startedMilestone": "milestoneAchievements",
    "milestones": "milestone*",
    "milestone": "milestoneAchievements titleOther",
    "milestoneAchievements": "milestoneAchievement*",
    "milestoneAchievement": "reportingGroupId subjectsAchieve",
    "dropWithdrawReasons": "dropWithdrawReason*",
    "dropWithdrawReason": "dropWithdrawReasonDetails otherReasonName? reasonType",
    "dropWithdrawReasonDetails": "reasonDetail*",
    "reasonDetail": "reportingGroupId subjectsAffected",
    "reportedEvents": "assessmentType frequencyReportingThreshold frequentAdverseEvents interventionGroups "
    "seriousAdverseEvents sourceVocabulary timeFrame",
    "frequentAdverseEvents": "frequentEvent*",
    "seriousAdverseEvents": "seriousEvent*",
    "frequentEvent": "adverseEventStats organSystemName sourceVocabulary? term",
    "seriousEvent": "adverseEventStats organSystemName sourceVocabulary? term",
    "adverseEventStats": "eventStats*",
    "eventStats": "reportingGroupId numEvents numSubjectsAffected numSubjects",
    "interventionGroups": "interventionGroup*",
    "interventionGroup": "description numDeaths numSubjectsFrequentEvents numSubjectsSeriousEvents "
    "partAtRiskAllCauseMort partAtRiskFrequentEvents partAtRiskSeriousEvents title",
}
COUNTS = "subjectsAchieve|subjectsAffected|numEvents|numSubjects.*|numDeaths|partAtRisk.*"
NEEDS_ID = {"flowGroup", "interventionGroup"}


def problems(path: Path) -> list[str]:
    """One sentence for each fault; empty where all holds. No entity is read, no network asked."""
    try:
        tree = etree.parse(str(path), etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError as error:
        return [f"This is no XML: {error.msg}."]
    root = tree.getroot()
    if root.tag != f"{PRS}study_collection":
        return [f"The outermost element is {root.tag}."]
    found = [sentence for element in root.iter(etree.Element) for sentence in _of_shape(element)]
    if found:  # what follows takes the shape for granted
        return found
    result = root.find(f"clinical_study/{RRS}result")
    flow, events = result.find("participantFlow"), result.find("reportedEvents")
    names = Counter(root.xpath("//@id"))
    found += [f"The group {name} is defined twice." for name, times in names.items() if times > 1]
    found += _of_partial(root.find("clinical_study"), result)
    found += _of_references(flow, "participantFlowGroups/flowGroup")
    found += _of_references(events, "interventionGroups/interventionGroup")
    return found + _of_flow(flow) + _of_events(events)


def _of_shape(element) -> list[str]:
    children = [child.tag for child in element.iterchildren(etree.Element)]
    found = []
    if element.tag not in SHAPE:
        if children:
            found.append(f"{element.tag} is not known to hold other elements.")
        elif not (element.text or "").strip():
            found.append(f"{element.tag} is empty.")
        elif re.fullmatch(COUNTS, element.tag) and not re.fullmatch("[0-9]+", element.text):
            found.append(f"{element.tag} is “{element.text}”, which is no whole number.")
    elif not re.fullmatch(_pattern(SHAPE[element.tag]), "".join(f"{tag} " for tag in children)):
        found.append(f"{element.tag} holds {', '.join(children) or 'nothing'}; wanted {SHAPE[element.tag]}.")
    if element.tag in NEEDS_ID and not element.get("id"):
        found.append(f"{element.tag} has no id.")
    return found


def _pattern(words) -> str:
    parts = []
    for word in words.split():
        name = word.rstrip("?*")
        parts.append(f"(?:{re.escape(name)} ){word[len(name) :]}")
    return "".join(parts)


def _of_partial(study, result) -> list[str]:
    flags = {"clinical_study": study.get("partial_upload"), "result": result.get("partialUpload")}
    return [
        f"{name} is not marked as partial: the upload would erase what it does not hold."
        for name, flag in flags.items()
        if flag != "true"
    ]


def _of_references(section, groups) -> list[str]:
    """Each table names each group of its own section once, and no other."""
    defined = [group.get("id") for group in section.iterfind(groups)]
    found = []
    tables = {reference.getparent().getparent() for reference in section.iter("reportingGroupId")}
    tables |= set(section.iter("milestoneAchievements", "dropWithdrawReasonDetails", "adverseEventStats"))
    for table in tables:
        named = [each.text for each in table.iter("reportingGroupId")]
        if sorted(named) != sorted(set(defined)):
            found.append(
                f"{table.tag} names {', '.join(named) or 'no group'}; wanted {', '.join(defined)}, once each."
            )
    return found


def _of_flow(flow) -> list[str]:
    found = []
    for period in flow.iterfind("periods/period"):
        started, completed = (
            _sum(period, f"{name}/milestoneAchievements/milestoneAchievement/subjectsAchieve")
            for name in ("startedMilestone", "completedMilestone")
        )
        left = _sum(period, "dropWithdrawReasons//subjectsAffected")
        if started != completed + left:
            found.append(f"Started {started}, completed {completed}, and the reasons tell of {left}.")
    return found


def _of_events(events) -> list[str]:
    found, seen = [], Counter()
    if events.findtext("assessmentType") not in ASSESSMENTS:
        found.append("assessmentType is not one of the registry's.")
    for event in events.iter("seriousEvent", "frequentEvent"):
        term, system = event.findtext("term"), event.findtext("organSystemName")
        seen[event.tag, term.casefold(), system] += 1
        if system not in organ_systems():
            found.append(f"“{system}” is no organ system of the registry.")
        for each in event.iter("eventStats"):
            many, affected, at_risk = (int(each.findtext(name)) for name in SHAPE["eventStats"].split()[1:])
            if affected > min(many, at_risk):
                found.append(f"{term}: {affected} affected, {many} events, {at_risk} at risk.")
    found += [f"{term} is told twice under {system}." for (_, term, system), times in seen.items() if times > 1]
    return found + _of_totals(events)


def _of_totals(events) -> list[str]:
    found = []
    for group in events.iterfind("interventionGroups/interventionGroup"):
        told = {each.tag: int(each.text) for each in group if re.fullmatch(COUNTS, each.tag)}
        pairs = [("numDeaths", "partAtRiskAllCauseMort")]
        for kind, tag in (("Serious", "seriousEvent"), ("Frequent", "frequentEvent")):
            pairs.append((f"numSubjects{kind}Events", f"partAtRisk{kind}Events"))
            rows = events.xpath(f".//{tag}//eventStats[reportingGroupId=$group]", group=group.get("id"))
            each = [int(row.findtext("numSubjectsAffected")) for row in rows]
            if not max(each, default=0) <= told[f"numSubjects{kind}Events"] <= sum(each):
                found.append(f"numSubjects{kind}Events is {told[f'numSubjects{kind}Events']}; its terms tell {each}.")
        found += [f"{few} is more than {many}." for few, many in pairs if told[few] > told[many]]
    return found


def _sum(element, path) -> int:
    return sum(int(each.text) for each in element.iterfind(path))
