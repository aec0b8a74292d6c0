"""What somebody who owns the database might do to the trail: each takes the guards away, acts, and puts them back."""

import json
from random import Random

from django.db import connection

from studytracker.trust import sealing, triggers, verifier
from studytracker.trust.exported import trail_lines
from studytracker.trust.models import Entry, Seal
from studytracker.trust.replay import verify
from studytracker.trust.verifier import entry_digest, seal_hash
from studytracker.trust.watch import problems

AT = "2025-06-18T15:30:00.000000Z"
GUARDED = ("trust_entry", "trust_seal")


def found(anchors, at) -> list[str]:
    """Everything that the comparison, the playback and the verifier of an exported trail have to say."""
    said = problems()
    if said:
        return said
    said = [sentence for _, sentence in verifier.read(trail_lines(at)).report(anchors).findings]
    return said or [str(difference) for difference in verify().differences]


def tamper(kind, random: Random) -> None:
    """`kind` is a key of KINDS. In the transaction that is open, so that a rollback undoes it."""
    with connection.cursor() as cursor:
        _drop_guards(cursor)
        KINDS[kind](cursor, random)
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no trigger is made where one is still to run
        if kind not in LEFT_OPEN:
            triggers.install(connection)


def _drop_guards(cursor):
    for table in GUARDED:
        for name in _triggers_on(cursor, table):
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))


def _triggers_on(cursor, table):
    if connection.vendor == "sqlite":
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
    else:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = %s::regclass", [table])
    return sorted(name for (name,) in cursor.fetchall())


def edit_an_entry(cursor, random):
    entry = _sealed_entry(random)
    column, other = random.choice(
        [
            ("at", AT),
            ("table_name", "visits_visit"),
            ("row_id", entry.row_id + "1"),
            ("op", "D" if entry.op != "D" else "I"),
            ("new", json.dumps({"note": random.random()})),
            ("old", json.dumps({"note": random.random()})),
            ("actor_id", random.randrange(10**6, 10**7)),
            ("username", f"{entry.username}x"),
            ("role", f"{entry.role}x"),
            ("site", f"{entry.site}x"),
            ("source", "direct" if entry.source != "direct" else "web"),
            ("request_id", f"{entry.request_id}0"),
            ("reason", f"{entry.reason} or not"),
            ("dbrole", f"{entry.dbrole}x"),
        ]
    )
    cursor.execute(f"UPDATE trust_entry SET {column} = %s WHERE id = %s", [other, entry.id])


def remove_entries(cursor, random):
    for _ in range(random.randint(1, 5)):
        cursor.execute("DELETE FROM trust_entry WHERE id = %s", [_sealed_entry(random).id])


def remove_an_entry_with_its_seal(cursor, random):
    entry = _sealed_entry(random)
    cursor.execute("DELETE FROM trust_seal WHERE entry_id = %s", [entry.id])
    cursor.execute("DELETE FROM trust_entry WHERE id = %s", [entry.id])


def remove_an_entry_and_close_the_chain_behind_it(cursor, random):
    cursor.execute("DELETE FROM trust_entry WHERE id = %s", [_sealed_entry(random).id])
    _seal_anew(cursor)


def insert_an_entry(cursor, random):
    """Among those sealed: at a number that is free, or at one made free by moving what follows."""
    _insert_at(cursor, random.choice([0, -random.randint(1, 9), _sealed_entry(random).id]), random)


def _insert_at(cursor, number, random):
    cursor.execute("UPDATE trust_entry SET id = -id - 1000000 WHERE id >= %s", [max(number, 1)])
    cursor.execute("UPDATE trust_entry SET id = -id - 1000000 + 1 WHERE id <= -1000001")
    _insert(cursor, number, random)


def insert_an_entry_with_a_seal(cursor, random):
    _insert_at(cursor, _sealed_entry(random).id, random)
    _seal_anew(cursor)


def _insert(cursor, number, random):
    values = {
        **{"id": number, "at": AT, "table_name": "visits_visit", "row_id": "1", "op": "U"},
        **{"old": '{"note":"a"}', "new": json.dumps({"note": random.random()}), "actor_id": None},
        **dict.fromkeys(("username", "role", "site", "source", "request_id", "reason", "dbrole"), "x"),
    }
    cursor.execute(
        f"INSERT INTO trust_entry ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
        list(values.values()),
    )


def swap_two_entries(cursor, random):
    one, two = _two(random, Entry.objects.filter(id__lte=sealing.head().entry_id).values_list("id", flat=True))
    _swap(cursor, "trust_entry", "id", one, two)


def swap_two_seals(cursor, random):
    one, two = _two(random, Seal.objects.values_list("seq", flat=True))
    _swap(cursor, "trust_seal", "seq", one, two)


def edit_a_seal(cursor, random):
    seq = random.choice(list(Seal.objects.values_list("seq", flat=True)))
    column = random.choice(["at", "previous", "hash", "entry_id"])
    other = {"at": AT, "entry_id": -seq}.get(column, f"{random.getrandbits(256):064x}")
    cursor.execute(f"UPDATE trust_seal SET {column} = %s WHERE seq = %s", [other, seq])


def remove_seals(cursor, random):
    cursor.execute("DELETE FROM trust_seal WHERE seq = %s", [random.choice(list(_seqs()))])


def cut_off_the_tail(cursor, random):
    seq = random.choice(list(_seqs()))
    cursor.execute("DELETE FROM trust_entry WHERE id >= (SELECT entry_id FROM trust_seal WHERE seq = %s)", [seq])
    cursor.execute("DELETE FROM trust_seal WHERE seq >= %s", [seq])


def empty_the_trail(cursor, random):
    cursor.execute("DELETE FROM trust_seal")
    cursor.execute("DELETE FROM trust_entry")


def rewrite_the_chain(cursor, random):
    """The most that an owner can do: an entry changed, and every seal made anew as the sealer makes it."""
    edit_an_entry(cursor, random)
    _seal_anew(cursor)


def drop_a_trigger(cursor, random):
    name, on = random.choice(_row_triggers(cursor))
    cursor.execute(f"DROP TRIGGER {name}" + (f" ON {on}" if connection.vendor == "postgresql" else ""))


def drop_the_seals(cursor, random):
    cursor.execute("DROP TABLE trust_seal")


def change_a_row_while_its_trigger_is_away(cursor, random):
    for name, on in _row_triggers(cursor):
        if on == "protocol_slot":
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {on}" if connection.vendor == "postgresql" else ""))
    if random.random() < 0.5:
        cursor.execute("INSERT INTO protocol_slot VALUES (%s)", [random.randint(100, 900)])
    else:
        cursor.execute("UPDATE protocol_slot SET number = %s WHERE number = 6", [random.randint(100, 900)])


def _row_triggers(cursor):
    """(name, table) of the triggers that write entries."""
    if connection.vendor == "sqlite":
        cursor.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
    else:
        cursor.execute(
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal ORDER BY 2, 1"
        )
    return cursor.fetchall()


def _seal_anew(cursor):
    cursor.execute("DELETE FROM trust_seal")
    previous = verifier.FIRST
    for seq, entry in enumerate(Entry.objects.order_by("id").values(), 1):
        value = seal_hash(seq, entry["id"], AT, previous, entry_digest(entry))
        cursor.execute("INSERT INTO trust_seal VALUES (%s, %s, %s, %s, %s)", [seq, entry["id"], AT, previous, value])
        previous = value


def _seqs():
    return Seal.objects.order_by("seq").values_list("seq", flat=True)


def _sealed_entry(random):
    ids = Entry.objects.filter(id__lte=sealing.head().entry_id).order_by("id").values_list("id", flat=True)
    return Entry.objects.get(id=random.choice(list(ids)))


def _two(random, keys):
    return random.sample(sorted(keys), 2)


def _swap(cursor, table, key, one, two):
    for new, old in ((-1, one), (one, two), (two, -1)):
        cursor.execute(f"UPDATE {table} SET {key} = %s WHERE {key} = %s", [new, old])


KINDS = {
    act.__name__.replace("_", " "): act
    for act in (
        *(edit_an_entry, remove_entries, remove_an_entry_with_its_seal),
        *(remove_an_entry_and_close_the_chain_behind_it, insert_an_entry, insert_an_entry_with_a_seal),
        *(swap_two_entries, swap_two_seals, edit_a_seal, remove_seals, cut_off_the_tail, empty_the_trail),
        *(rewrite_the_chain, drop_a_trigger, drop_the_seals, change_a_row_while_its_trigger_is_away),
    )
}
LEFT_OPEN = {"drop a trigger", "drop the seals"}
# What only somebody who kept the head elsewhere can tell.
ONLY_BY_ANCHOR = {
    "cut off the tail",
    "empty the trail",
    "rewrite the chain",
    "remove an entry and close the chain behind it",
    "insert an entry with a seal",
}
