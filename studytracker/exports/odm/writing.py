"""ODM files written row by row: the study's definitions, its accounts and sites, then the data.

A Snapshot holds each row as it stands. A Transactional file holds each entry of the audit trail about those rows, with
who, where, when and why.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from django.db import models
from django.db.models import CharField, F, Q, Value
from lxml import etree

import studytracker
from studytracker import protocol
from studytracker.access.models import User
from studytracker.protocol.models import Site
from studytracker.trust.models import Entry

from ..order import Order
from ..tables import UNWRITABLE_IN_XML
from . import model as odm

NS = "http://www.cdisc.org/ns/odm/v1.3"
XML = "http://www.w3.org/XML/1998/namespace"
PARTICIPANTS_AT_ONCE = 100
ENTRIES_AT_ONCE = 1000
LONGEST = {"integer": 20, "text": 32_767}  # where the field sets no limit itself
CHANGES = {"I": "Insert", "U": "Update", "D": "Remove"}


def element(tag, *children, **attributes):
    made = etree.Element(f"{{{NS}}}{tag}", {name: clean(value) for name, value in attributes.items()}, {None: NS})
    for child in children:
        if isinstance(child, str):
            made.text = clean(child)
        else:
            made.append(child)
    return made


def clean(text: str) -> str:
    """XML has no place for control characters."""
    return UNWRITABLE_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def metadata_oid() -> str:
    return f"MDV.{protocol.current().version}"


def metadata_words() -> str:
    rules = protocol.current()
    return f"Protocol {rules.version}, SHA-256 {rules.sha256}"


@contextmanager
def document(path: Path, order: Order, kind: str):
    """Yields the open document below its root, its definitions written."""
    rules = protocol.current()
    attributes = {
        "FileOID": clean(f"{rules.registry.id}.{kind}.{order.export}"),
        "FileType": kind,
        "Granularity": "All",
        "ODMVersion": "1.3.2",
        "CreationDateTime": f"{order.at:%Y-%m-%dT%H:%M:%S}+00:00",
        "SourceSystem": "Study Tracker",
        "SourceSystemVersion": studytracker.__version__,
    }
    with etree.xmlfile(str(path), encoding="utf-8") as file:
        file.write_declaration()
        with file.element(f"{{{NS}}}ODM", attributes, nsmap={None: NS}):
            file.write(_study(rules), pretty_print=True)
            yield file


def _study(rules):
    record = rules.registry
    names = element(
        "GlobalVariables",
        element("StudyName", record.id),
        element("StudyDescription", record.title),
        element("ProtocolName", record.org_study_id),
    )
    version = element(
        "MetaDataVersion",
        OID=metadata_oid(),
        Name=f"Protocol {rules.version}",
        Description=metadata_words(),
    )
    version.append(element("Protocol", element("StudyEventRef", StudyEventOID=odm.STUDY_EVENT, Mandatory="Yes")))
    told = [each for each in odm.records() if odm.to_participant(each)]
    event = element(
        "StudyEventDef", OID=odm.STUDY_EVENT, Name="Record of the participant", Repeating="No", Type="Common"
    )
    event.extend(element("FormRef", FormOID=odm.form_oid(each), Mandatory="No") for each in told)
    version.append(event)
    for each in told:
        group = element("ItemGroupRef", ItemGroupOID=odm.group_oid(each), Mandatory="No")
        version.append(element("FormDef", group, OID=odm.form_oid(each), Name=_name(each), Repeating="No"))
    version.extend(_group(each, oid) for oid, each in odm.by_oid().items())
    version.extend(_item(each, field) for each in odm.records() for field in odm.fields(each))
    lists = [(each, field) for each in odm.records() for field in odm.fields(each) if field.choices]
    version.extend(_list(*pair) for pair in lists)
    return element("Study", names, version, OID=record.id)


def _name(each) -> str:
    return each._meta.label


def _group(each, oid):
    is_of_participant = odm.to_participant(each) and oid == odm.group_oid(each)
    group = element(
        "ItemGroupDef",
        OID=oid,
        Name=_name(each) if oid == odm.group_oid(each) else f"{_name(each)} of the trial",
        Repeating="Yes",
        IsReferenceData="No" if is_of_participant else "Yes",
    )
    group.extend(
        element("ItemRef", ItemOID=odm.item_oid(each, field), Mandatory="No" if field.null else "Yes")
        for field in odm.fields(each)
    )
    return group


def _item(each, field):
    kind = odm.data_type(field)
    attributes = {"OID": odm.item_oid(each, field), "Name": field.name, "DataType": kind}
    if kind in ("text", "integer", "float"):
        attributes["Length"] = str(getattr(field, "max_digits", None) or field.max_length or LONGEST[kind])
    if kind == "float":
        attributes["SignificantDigits"] = str(field.decimal_places)
    words = element("TranslatedText", str(field.verbose_name))
    words.set(f"{{{XML}}}lang", "en")
    item = element("ItemDef", element("Question", words), **attributes)
    if field.choices:
        item.append(element("CodeListRef", CodeListOID=odm.list_oid(each, field)))
    return item


def _list(each, field):
    made = element("CodeList", OID=odm.list_oid(each, field), Name=f"{each._meta.label}.{field.name}", DataType="text")
    for code, label in field.flatchoices:
        words = element("TranslatedText", str(label))
        words.set(f"{{{XML}}}lang", "en")
        made.append(element("CodeListItem", element("Decode", words), CodedValue=str(code)))
    return made


def _people(usernames, sites, rules):
    admin = element("AdminData", StudyOID=rules.registry.id)
    for name in sorted(usernames):
        admin.append(element("User", element("LoginName", name), OID=odm.user_oid(name), UserType="Other"))
    for site in (None, *sorted(sites)):
        version = element(
            "MetaDataVersionRef",
            StudyOID=rules.registry.id,
            MetaDataVersionOID=metadata_oid(),
            EffectiveDate=rules.registry.start_on.isoformat(),
        )
        kind = "Site" if site else "Sponsor"
        admin.append(
            element("Location", version, OID=odm.location_oid(site), Name=site or "All sites", LocationType=kind)
        )
    return admin


def rows_of(each: type[models.Model], sites) -> models.QuerySet:
    """The rows of these sites, and what belongs to no site."""
    path, sites = odm.to_participant(each), list(sites)
    if path and not odm.is_of_either(each):
        return each._base_manager.filter(**{f"{'' if path == 'pk' else f'{path}__'}site__in": sites})
    if any(field.name == "site" for field in odm.relations(each)):
        return each._base_manager.filter(Q(site__in=sites) | Q(site=None))
    return each._base_manager.all()


Tell = Callable[[int], None]


def write_snapshot(path: Path, order: Order, tell: Tell) -> dict[str, int]:
    """Rows by table. `tell` hears how many participants are written."""
    rules, zones = protocol.current(), {site.code: site.zone for site in Site.objects.all()}
    counts = {each._meta.db_table: 0 for each in odm.records()}
    about = {"StudyOID": rules.registry.id, "MetaDataVersionOID": metadata_oid()}
    with document(path, order, "Snapshot") as file:
        file.write(_people(_accounts(order), order.sites, rules), pretty_print=True)
        with file.element(f"{{{NS}}}ReferenceData", about):
            for oid, rows in _reference(order.sites):
                for group in _groups(rows, oid):
                    file.write(group, pretty_print=True)
                    counts[rows.model._meta.db_table] += 1
        with file.element(f"{{{NS}}}ClinicalData", about):
            people = order.participants().order_by("site", "number").values_list("pk", "identifier", "site")
            done = 0
            for some in _batches(people.iterator(PARTICIPANTS_AT_ONCE), PARTICIPANTS_AT_ONCE):
                for subject in _subjects(some, zones, counts):
                    file.write(subject, pretty_print=True)
                tell(done := done + len(some))
    return counts


def _reference(sites) -> Iterator[tuple[str, models.QuerySet]]:
    """(group, rows) of what belongs to no participant."""
    for each in odm.records():
        if odm.is_of_either(each):
            yield odm.trial_oid(each), rows_of(each, sites).filter(**{odm.to_participant(each): None})
        elif not odm.to_participant(each):
            yield odm.group_oid(each), rows_of(each, sites)


def _accounts(order) -> set[str]:
    names = set()
    for each in odm.records():
        for field in filter(odm.is_account, odm.fields(each)):
            found = rows_of(each, order.sites).order_by().values_list(odm.lookup(field), flat=True).distinct()
            names |= {name for name in found if name}
    return names


def _batches(rows, size) -> Iterator[list]:
    while some := list(islice(rows, size)):
        yield some


def _groups(rows, oid) -> Iterator:
    fields = odm.fields(rows.model)
    for pk, *values in rows.order_by("pk").values_list("pk", *map(odm.lookup, fields)):
        yield _item_group(rows.model, oid, pk, zip(fields, values, strict=True))


def _item_group(each, oid, key, values, zone=None):
    group = element("ItemGroupData", ItemGroupOID=oid, ItemGroupRepeatKey=str(key))
    for field, value in values:
        text = odm.told(field, value, zone)
        if text is not None:
            group.append(element("ItemData", ItemOID=odm.item_oid(each, field), Value=text))
    return group


def _subjects(some, zones, counts) -> Iterator:
    """SubjectData of a handful of participants: one query a table."""
    forms = {pk: [] for pk, _, _ in some}
    for each in (each for each in odm.records() if odm.to_participant(each)):
        path, fields = odm.to_participant(each), odm.fields(each)
        rows = each._base_manager.filter(**{f"{path}__in": list(forms)}).order_by("pk")
        site = {pk: zones[code] for pk, _, code in some}
        made = {}
        for owner, pk, *values in rows.values_list(path, "pk", *map(odm.lookup, fields)):
            group = _item_group(each, odm.group_oid(each), pk, zip(fields, values, strict=True), site[owner])
            made.setdefault(owner, []).append(group)
            counts[each._meta.db_table] += 1
        for owner, groups in made.items():
            forms[owner].append(element("FormData", *groups, FormOID=odm.form_oid(each)))
    for pk, identifier, code in some:
        event = element("StudyEventData", *forms[pk], StudyEventOID=odm.STUDY_EVENT)
        yield element(
            "SubjectData", element("SiteRef", LocationOID=odm.location_oid(code)), event, SubjectKey=identifier
        )


def write_transactional(path: Path, order: Order, tell: Tell) -> int:
    """Entries written. The file tells of each in the order of the trail, reference data before participants."""
    rules = protocol.current()
    about = {"StudyOID": rules.registry.id, "MetaDataVersionOID": metadata_oid()}
    names = set(_entries(odm.records()).order_by().values_list("username", flat=True).distinct())
    done = 0
    with document(path, order, "Transactional") as file:
        # Accounts named in old entries may be gone from the rows; accounts in rows may have written nothing.
        file.write(_people(names | _accounts(order), order.sites, rules), pretty_print=True)
        theirs = [each for each in odm.records() if odm.to_participant(each)]
        nobodys = [each for each in odm.records() if odm.is_of_either(each) or each not in theirs]
        for tag, tables, has_subject in (("ReferenceData", nobodys, False), ("ClinicalData", theirs, True)):
            with file.element(f"{{{NS}}}{tag}", about):
                for told in _changes(tables, has_subject, order):
                    file.write(told, pretty_print=True)
                    done += 1
                    if done % ENTRIES_AT_ONCE == 0:
                        tell(done)
    tell(done)
    return done


def _entries(tables):
    return Entry.objects.filter(table__in=[each._meta.db_table for each in tables]).order_by("id")


def _changes(tables, has_subject, order) -> Iterator:
    by_table = {each._meta.db_table: each for each in tables}
    accounts = dict(User.objects.values_list("pk", "username"))
    for some in _batches(_entries(tables).iterator(ENTRIES_AT_ONCE), ENTRIES_AT_ONCE):
        owners = {
            table: _owners(each, [e.row_id for e in some if e.table == table], order)
            for table, each in by_table.items()
        }
        for entry in some:
            owner = owners[entry.table].get(entry.row_id)
            if owner is not None and (owner[0] is not None) == has_subject:
                yield _change(by_table[entry.table], entry, owner, accounts)


def _owners(each, row_ids, order) -> dict[str, tuple]:
    """(identifier, site) by row, for rows within the order; both None where a row belongs to none."""
    if not row_ids:
        return {}
    path, names = odm.to_participant(each), {field.name for field in odm.relations(each)}
    start = "" if path in ("pk", None) else f"{path}__"
    identifier = Value(None, CharField()) if path is None else F(f"{start}identifier")
    site = F("site") if "site" in names else F(f"{start}site") if path else Value(None, CharField())
    rows = rows_of(each, order.sites).filter(pk__in={int(row_id) for row_id in row_ids})
    return {str(pk): told for pk, *told in rows.values_list("pk", identifier, site)}


def _change(each, entry, owner, accounts):
    identifier, site = owner
    values = json.loads(entry.new or "{}")
    by_column = {field.column: field for field in odm.fields(each)}
    told = [
        (by_column[name], _from_trail(by_column[name], value, accounts))
        for name, value in values.items()
        if name in by_column
    ]
    is_of_trial = identifier is None and odm.is_of_either(each)
    group = element(
        "ItemGroupData",
        _audit(entry, site),
        ItemGroupOID=odm.trial_oid(each) if is_of_trial else odm.group_oid(each),
        ItemGroupRepeatKey=entry.row_id,
        TransactionType=CHANGES[entry.op],
    )
    for field, value in told:
        text = odm.told(field, value)
        facts = {"IsNull": "Yes"} if text is None else {"Value": text}
        group.append(
            element("ItemData", ItemOID=odm.item_oid(each, field), TransactionType=CHANGES[entry.op], **facts)
        )
    if identifier is None:
        return group
    form = element("FormData", group, FormOID=odm.form_oid(each), TransactionType="Context")
    event = element("StudyEventData", form, StudyEventOID=odm.STUDY_EVENT, TransactionType="Context")
    return element("SubjectData", event, SubjectKey=identifier, TransactionType="Context")


def _from_trail(field, value, accounts):
    """A value as the trail keeps it, in JSON, as the row would hold it."""
    if odm.is_account(field):
        return accounts.get(value)
    if value is None or field.is_relation or isinstance(value, dict | list):
        return value
    if isinstance(field, models.DateTimeField):
        at = datetime.fromisoformat(value)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    if isinstance(field, models.JSONField):
        return json.loads(value)
    return field.to_python(value)


def _audit(entry, site):
    record = element(
        "AuditRecord",
        element("UserRef", UserOID=odm.user_oid(entry.username)),
        element("LocationRef", LocationOID=odm.location_oid(site)),
        element("DateTimeStamp", entry.at.replace("Z", "+00:00")),
    )
    if entry.reason:
        record.append(element("ReasonForChange", entry.reason))
    record.append(element("SourceID", str(entry.id)))
    return record
