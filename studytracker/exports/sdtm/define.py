"""Define-XML 2.1 of exactly the tables that were written, so that it cannot disagree with them."""

from pathlib import Path

from lxml import etree

from .model import GUIDE, TERMINOLOGY, DatasetModel, Table

ODM, DEF, XLINK = (
    "http://www.cdisc.org/ns/odm/v1.3",
    "http://www.cdisc.org/ns/def/v2.1",
    "http://www.w3.org/1999/xlink",
)
XML = "http://www.w3.org/XML/1998/namespace"
CTCAE_COMMENT = "COM.CTCAE"


def _def(name):
    return f"{{{DEF}}}{name}"


def _odm(name):
    return f"{{{ODM}}}{name}"


def write_define(path: Path, trial, tables: list[tuple[str, Table]], without_records: list[DatasetModel]) -> None:
    root = etree.Element(_odm("ODM"), nsmap={None: ODM, "def": DEF, "xlink": XLINK})
    attributes = {
        "FileOID": f"define.{trial.study}",
        "FileType": "Snapshot",
        "ODMVersion": "1.3.2",
        "CreationDateTime": f"{trial.at:%Y-%m-%dT%H:%M:%S}+00:00",
        _def("Context"): "Submission",
    }
    for name, value in attributes.items():
        root.set(name, value)
    version = _study(root, trial)
    ordered = sorted(
        [*((table.model, file) for file, table in tables), *((model, "") for model in without_records)],
        key=lambda each: each[0].name,
    )
    by_name = {table.name: table for _, table in tables}
    for model, file in ordered:
        _group(version, model, by_name.get(model.name), file)
    for _, table in sorted(tables, key=lambda each: each[1].name):
        for variable in table.variables:
            _item(version, table, variable)
    if "AE" in by_name:
        _comment(version, CTCAE_COMMENT, f"Grades of CTCAE {trial.rules.ctcae.version}, as recorded with each event.")
    for model in without_records:
        _comment(version, f"COM.{model.name}", "Nothing of this kind has been recorded.")
    etree.ElementTree(root).write(str(path), xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _comment(version, oid, words):
    _description(etree.SubElement(version, _def("CommentDef"), OID=oid), words)


def _study(root, trial):
    record = trial.rules.registry
    study = etree.SubElement(root, _odm("Study"), OID=trial.study)
    names = etree.SubElement(study, _odm("GlobalVariables"))
    told = {"StudyName": record.id, "StudyDescription": record.title, "ProtocolName": record.org_study_id}
    for tag, text in told.items():
        etree.SubElement(names, _odm(tag)).text = text
    version = etree.SubElement(
        study, _odm("MetaDataVersion"), OID="MDV.1", Name=f"Study {trial.study}, Data Definitions"
    )
    version.set("Description", f"SDTM of protocol version {trial.rules.version}")
    version.set(_def("DefineVersion"), "2.1.7")
    standards = etree.SubElement(version, _def("Standards"))
    etree.SubElement(standards, _def("Standard"), OID="STD.1", Name="SDTMIG", Type="IG", Version=GUIDE, Status="Final")
    etree.SubElement(
        standards,
        _def("Standard"),
        OID="STD.2",
        Name="CDISC/NCI",
        Type="CT",
        PublishingSet="SDTM",
        Version=TERMINOLOGY,
        Status="Final",
    )
    return version


def _group(version, model, table, file):
    yes_no = {True: "Yes", False: "No"}
    group = etree.SubElement(
        version,
        _odm("ItemGroupDef"),
        OID=f"IG.{model.name}",
        Name=model.name,
        Domain=model.name,
        SASDatasetName=model.name,
        Repeating=yes_no[model.repeating],
        IsReferenceData=yes_no[model.is_reference],
        Purpose="Tabulation",
    )
    group.set(_def("Structure"), model.structure)
    group.set(_def("StandardOID"), "STD.1")
    if table is None:
        group.set(_def("HasNoData"), "Yes")
        group.set(_def("CommentOID"), f"COM.{model.name}")
    else:
        group.set(_def("ArchiveLocationID"), f"LF.{model.name}")
    _description(group, model.label)
    for number, variable in enumerate(table.variables if table else (), 1):
        _reference(group, model, variable, number)
    etree.SubElement(group, _def("Class"), Name=model.class_name)
    if table is not None:
        leaf = etree.SubElement(group, _def("leaf"), ID=f"LF.{model.name}")
        leaf.set(f"{{{XLINK}}}href", file)
        etree.SubElement(leaf, _def("title")).text = file


def _reference(group, model, variable, number):
    reference = etree.SubElement(
        group,
        _odm("ItemRef"),
        ItemOID=f"IT.{model.name}.{variable.name}",
        OrderNumber=str(number),
        Mandatory="Yes" if variable.required else "No",
    )
    if variable.name in model.keys:
        reference.set("KeySequence", str(model.keys.index(variable.name) + 1))
    reference.set("Role", variable.role)


def _item(version, table, variable):
    item = etree.SubElement(
        version,
        _odm("ItemDef"),
        OID=f"IT.{table.name}.{variable.name}",
        Name=variable.name,
        SASFieldName=variable.name,
        DataType=variable.type,
    )
    if variable.type in ("text", "integer", "float"):
        longest = max([len(str(row[variable.name])) for row in table.rows if row[variable.name] is not None] + [1])
        item.set("Length", str(8 if variable.is_number else longest))
    if variable.type == "float":
        item.set("SignificantDigits", "6")
    if variable.name == "AETOXGR":
        item.set(_def("CommentOID"), CTCAE_COMMENT)
    _description(item, variable.label)
    origin = etree.SubElement(item, _def("Origin"))
    kind, source = _origin(table.model, variable)
    origin.set("Type", kind)
    origin.set("Source", source)


def _origin(model, variable):
    if model.is_reference:
        return "Protocol", "Sponsor"
    if variable.name in ("STUDYID", "DOMAIN", "USUBJID") or variable.name.endswith(("SEQ", "DY", "BLFL", "LOBXFL")):
        return "Derived", "Sponsor"
    return "Collected", "Investigator"


def _description(parent, text):
    described = etree.SubElement(etree.SubElement(parent, _odm("Description")), _odm("TranslatedText"))
    described.set(f"{{{XML}}}lang", "en")
    described.text = text
