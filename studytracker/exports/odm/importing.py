"""An ODM snapshot read again: what differs from the record here, or, in an empty deployment, all of it put in.

Nothing of a file is believed: its size, its kind, the study and the protocol, every name and every value are looked at
first. Accounts come without rights and without a password.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import IntegrityError, connection, models, transaction
from lxml import etree

from studytracker import protocol
from studytracker.access.models import User
from studytracker.protocol.models import Adoption, Site
from studytracker.refusal import Refused

from ..reading import snapshot
from . import model as odm
from .checking import dangling, elements
from .writing import NS, metadata_oid, metadata_words, rows_of

LARGEST = 200 * 2**20
AT_ONCE = 500
Row = dict[str, str]


class NotImportable(Refused):
    """The file cannot be read as the record of this trial; the sentence says why."""


@dataclass(frozen=True)
class Contents:
    """What a file holds. `rows`: by table and number of the row, the text of each item by its field."""

    rows: dict[str, dict[int, Row]]
    subjects: frozenset[str]

    @property
    def count(self) -> int:
        return sum(map(len, self.rows.values()))


@dataclass(frozen=True)
class Difference:
    """`here` or `there` is None where the row, or the value, is on one side only."""

    table: str
    number: int
    field: str
    here: str | None
    there: str | None

    def __str__(self):
        if not self.field:
            return f"{self.table} {self.number}: only {'in the file' if self.here is None else 'here'}"
        told = [f"“{side}”" if side is not None else "nothing" for side in (self.here, self.there)]
        return f"{self.table} {self.number}, {self.field}: here {told[0]}, in the file {told[1]}"


def read(path: Path) -> Contents:
    """Raises NotImportable."""
    if path.stat().st_size > LARGEST:
        raise NotImportable(f"The file is larger than {LARGEST // 2**20} MB. Export fewer sites at a time.")
    try:
        _check_head(path)
        if problems := dangling(path):
            raise NotImportable(f"The file does not hang together: {' '.join(problems[:5])}")
        return _contents(path)
    except etree.XMLSyntaxError as error:
        raise NotImportable(f"The file is not XML that can be read: {error.msg}.") from None


def _check_head(path):
    """The kind of file, the study and the protocol, before anything else is read."""
    walk = etree.iterparse(str(path), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False)
    rules, root = protocol.current(), None
    for event, element in walk:
        if root is None:
            root = element
            _check_root(root)
        if event == "end" and element.tag == f"{{{NS}}}MetaDataVersion":
            study = element.getparent().get("OID")
            if study != rules.registry.id:
                raise NotImportable(f"The file is of the study “{study}”, and this is {rules.registry.id}.")
            if (element.get("OID"), element.get("Description")) != (metadata_oid(), metadata_words()):
                told = element.get("Description") or element.get("OID")
                raise NotImportable(f"The file was made under another protocol ({told}), not {rules.version} as here.")
            return
    raise NotImportable("The file defines no study.")


def _check_root(root):
    if root.getroottree().docinfo.doctype:
        raise NotImportable("The file has a document type declaration, which ODM does not need. It is not read.")
    if root.tag != f"{{{NS}}}ODM" or root.get("ODMVersion", "")[:3] != "1.3":
        raise NotImportable("The file is not ODM-XML 1.3.")
    if root.get("FileType") != "Snapshot":
        raise NotImportable("Only a Snapshot can be read in; a Transactional file tells how the record came to be.")


def _contents(path) -> Contents:
    rows, subjects = {each._meta.db_table: {} for each in odm.records()}, set()
    names = {oid: {odm.item_oid(each, f): f for f in odm.fields(each)} for oid, each in odm.by_oid().items()}
    for element in elements(str(path), tags=["ItemGroupData", "SubjectData"]):
        if element.tag == f"{{{NS}}}SubjectData":
            subjects.add(element.get("SubjectKey"))
        else:
            _take(element, rows, names)
        element.clear()
    return Contents(rows, frozenset(subjects))


def _take(group, rows, names):
    oid, key = group.get("ItemGroupOID"), group.get("ItemGroupRepeatKey", "")
    known = names.get(oid)
    if known is None or not (key.isascii() and key.isdigit()):
        raise NotImportable(f"The group “{oid}” with the number “{key}” is no table of the record here.")
    row = {}
    for item in group.iterfind(f"{{{NS}}}ItemData"):
        field = known.get(item.get("ItemOID"))
        if field is None:
            raise NotImportable(f"“{item.get('ItemOID')}” is no field of the record here.")
        row[field.name] = item.get("Value", "")
        _check_value(field, row[field.name], oid, key)
    table = rows[odm.by_oid()[oid]._meta.db_table]
    if int(key) in table:
        raise NotImportable(f"The row {key} of “{oid}” is in the file twice.")
    table[int(key)] = row


def _check_value(field, text, oid, key):
    if odm.is_account(field):
        return
    try:
        odm.value_of(field, text) if not field.is_relation else field.target_field.to_python(text)
    except (ValueError, KeyError, TypeError, ValidationError):
        words = f"“{text[:40]}” is no {odm.data_type(field)} for {field.name} of “{oid}” {key}."
        raise NotImportable(words) from None


def compared(contents: Contents) -> Iterator[Difference]:
    """Each difference between the record here and the file, table by table. Reads in one snapshot; writes nothing."""
    sites = list(Site.objects.values_list("code", flat=True))
    with snapshot():
        for each in odm.records():
            yield from _compared(each, contents.rows[each._meta.db_table], sites)


def _compared(each, there: dict[int, Row], sites):
    fields, table, seen = odm.fields(each), each._meta.db_table, set()
    found = rows_of(each, sites).order_by("pk").values_list("pk", *map(odm.lookup, fields))
    for pk, *values in found.iterator(AT_ONCE):
        seen.add(pk)
        if pk not in there:
            yield Difference(table, pk, "", "", None)
            continue
        for field, value in zip(fields, values, strict=True):
            here, text = odm.told(field, value), there[pk].get(field.name)
            if here != text and not _same(field, here, text):
                yield Difference(table, pk, field.name, here, text)
    yield from (Difference(table, pk, "", None, "") for pk in sorted(there.keys() - seen))


def _same(field, here, there) -> bool:
    """An instant is the same whatever its offset."""
    if here is None or there is None or field.is_relation:
        return False
    return odm.value_of(field, here) == odm.value_of(field, there)


def load(contents: Contents) -> int:
    """Put everything into a deployment that holds no row of the record. Whole or not at all. Returns the rows."""
    _refuse_unready()
    try:
        with transaction.atomic():
            accounts = _accounts(contents)
            for each in odm.records():
                _insert(each, contents.rows[each._meta.db_table], accounts)
            _reset_numbers()
            if left := next(compared(contents), None):
                raise NotImportable(f"What was put in is not what the file holds: {left}. Nothing was kept.")
    except IntegrityError as error:
        raise NotImportable(f"The database refuses what the file holds: {error}. Nothing was kept.") from None
    return contents.count


def _refuse_unready():
    rules = protocol.current()
    if not Adoption.objects.filter(version=rules.version, sha256=rules.sha256).exists():
        raise NotImportable("Adopt the protocol first: manage.py adopt_protocol.")
    if held := next((each for each in odm.records() if each._base_manager.exists()), None):
        words = f"There are rows in {held._meta.db_table} here. A file is loaded into an empty deployment only."
        raise NotImportable(words)


def _accounts(contents) -> dict[str, User]:
    """By name. Those that are not here come without password, role and right, and cannot sign in."""
    names = set()
    for each in odm.records():
        for field in filter(odm.is_account, odm.fields(each)):
            names |= {row[field.name] for row in contents.rows[each._meta.db_table].values() if field.name in row}
    found = {user.username: user for user in User.objects.filter(username__in=names)}
    for name in sorted(names - found.keys()):
        user = User(username=name, is_active=False)
        user.set_unusable_password()
        user.save()
        found[name] = user
    return found


def _insert(each: type[models.Model], rows: dict[int, Row], accounts):
    fields = odm.fields(each)
    made = []
    for number, row in sorted(rows.items()):
        values = {field.attname: _value(field, row.get(field.name), accounts) for field in fields}
        made.append(each(pk=number, **values))
    each._base_manager.bulk_create(made, batch_size=AT_ONCE)


def _value(field, text, accounts):
    if text is None:
        return None
    if odm.is_account(field):
        return accounts[text].pk
    if field.is_relation:
        return field.target_field.to_python(text)
    return odm.value_of(field, text)


def _reset_numbers():
    """The next rows are numbered after those that were put in."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(odm.records())):
            cursor.execute(statement)
