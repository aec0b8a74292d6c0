"""What a schema does not see in an ODM file: names that lead nowhere, or are given twice."""

from pathlib import Path

from lxml import etree

from .writing import NS

# element: the attribute by which it is defined, and by which others name it
DEFINED = {
    "StudyEventDef": "StudyEventOID",
    "FormDef": "FormOID",
    "ItemGroupDef": "ItemGroupOID",
    "ItemDef": "ItemOID",
    "CodeList": "CodeListOID",
    "User": "UserOID",
    "Location": "LocationOID",
    "MetaDataVersion": "MetaDataVersionOID",
    "Study": "StudyOID",
}
REFERENCES = set(DEFINED.values())


def elements(source, *, tags=None):
    """(element, what it stands in) at each end tag, freed afterwards. No entity is read, no network asked."""
    wanted = None if tags is None else [f"{{{NS}}}{tag}" for tag in tags]
    walk = etree.iterparse(
        source, events=("end",), tag=wanted, resolve_entities=False, no_network=True, load_dtd=False
    )
    for _, element in walk:
        yield element


def local(element) -> str:
    return etree.QName(element).localname


def counted(path: Path) -> dict[str, int]:
    """Groups of data in the file, by what they are a row of."""
    found = {}
    for element in elements(str(path), tags=["ItemGroupData"]):
        found[element.get("ItemGroupOID")] = found.get(element.get("ItemGroupOID"), 0) + 1
        element.clear()
    return found


def dangling(path: Path) -> list[str]:
    """One sentence for each name that leads nowhere, is given twice, or stands in a group it is no part of."""
    found, defined, used, parts = [], {name: set() for name in REFERENCES}, {}, {}
    for element in elements(str(path)):
        if not isinstance(element.tag, str):
            continue
        tag = local(element)
        if tag in DEFINED:
            _define(element, tag, defined, found)
        if tag == "ItemGroupDef":
            parts[element.get("OID")] = {each.get("ItemOID") for each in element.iterfind(f"{{{NS}}}ItemRef")}
        for name in REFERENCES & set(element.attrib):
            used.setdefault((name, element.get(name)), tag)
        if tag == "ItemGroupData":
            found += _strangers(element, parts)
        if tag in ("SubjectData", "ItemGroupData", "ItemDef", "ItemGroupDef"):
            element.clear()
            while element.getprevious() is not None and tag == "SubjectData":
                del element.getparent()[0]
    missing = [
        f"{tag} names the {name} “{oid}”, which is not defined."
        for (name, oid), tag in sorted(used.items())
        if oid not in defined[name]
    ]
    return found + missing


def _define(element, tag, defined, found):
    oid, name = element.get("OID"), DEFINED[tag]
    if oid in defined[name]:
        found.append(f"{tag} “{oid}” is defined twice.")
    defined[name].add(oid)


def _strangers(group, parts):
    known = parts.get(group.get("ItemGroupOID"), set())
    return [
        f"“{each.get('ItemOID')}” is no item of the group “{group.get('ItemGroupOID')}”."
        for each in group.iterfind(f"{{{NS}}}ItemData")
        if each.get("ItemOID") not in known
    ]
