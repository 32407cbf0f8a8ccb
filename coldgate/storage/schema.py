"""What decides in the database, on record: functions, triggers, policies, constraints, grants.

Whoever owns the database can replace any of them, have rows written or read by other rules, and
put it back. The migration step enters a description into the ledger; whatever is in force can be
compared with the last one. Descriptions are made of the catalogues alone, and are the same for
every installation of a version on one kind of server, whatever PostgreSQL it runs on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from coldgate.chain import Finding
from coldgate.errors import MigrationError
from coldgate.storage.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("schema")
FORM: Final = 2  # of descriptions; another one cannot be compared with this
# What only a migration changes. The rest is also for who runs the server to change, and on record.
FIXED: Final = frozenset(
    {
        "cast",
        "column",
        "constraint",
        "function",
        "grant",
        "operator",
        "part",
        "policy",
        "relation",
        "role",
        "rule",
        "trigger",
        "type",
        "unique index",
        "view",
    }
)
_MOST_NAMED: Final = 5
_MOST_TOLD: Final = 1_000
_ADDED: Final = "was added"
_CHANGED: Final = "was changed"
_REMOVED: Final = "is gone"
_UNLIKE: Final = "is not as its whole"
# A view's one source, as PostgreSQL lays a view out. Before 16 its columns are always written with
# that name in front, since then only where there are several sources.
_SOURCE: Final = re.compile(
    r'\n   FROM (?:\( .*\) |[\w"]+\.(?:[\w"]+ )?)([\w"]+)(?=[\n;])', re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was in force: the beginning of each object's digest, by kind and name.

    ``digests`` has one over all of a kind, ``migrations`` one for each file that was applied;
    ``server`` is PostgreSQL's major version.
    """

    form: int
    server: int
    migrations: Mapping[str, str]
    digests: Mapping[str, str]
    objects: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An object that is not as it was."""

    kind: str
    name: str
    change: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.change}"

    def finding(self) -> Finding:
        """As `coldgate ledger verify` tells it."""
        hint = "" if self.kind in FIXED else "; if that was meant, the migration step records it"
        return Finding(place=f"{self.kind} {self.name}", problem=f"{self.change}{hint}")


def describe(connection: Connection) -> Record:
    """What is in force now, read by any role.

    Migrations are left out: not everybody may read that table. The rest of a transaction that the
    connection is in looks for names in PostgreSQL's own schema alone.
    """
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    with connection.transaction():
        connection.execute(_SQL["speak_plainly"])
        for kind, name, definition in connection.execute(_SQL["in_force"]):
            text = _in_one_voice(definition) if kind == "view" else definition
            found[kind][name] = hashlib.sha256(text.encode()).digest()
        server = connection.execute(_SQL["server"]).fetchone()
    return Record(
        form=FORM,
        server=server[0] if server else 0,
        migrations={},
        digests={kind: _digest(objects) for kind, objects in found.items()},
        objects={
            kind: {name: digest[:4].hex() for name, digest in objects.items()}
            for kind, objects in found.items()
        },
    )


def _digest(objects: Mapping[str, bytes]) -> str:
    lines = (f"{name}\n{digest.hex()}\n" for name, digest in sorted(objects.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _in_one_voice(view: str) -> str:
    """A view's definition as every version of PostgreSQL would give it."""
    source = _SOURCE.search(view)
    return re.sub(rf"(?<![\w.\"]){re.escape(source[1])}\.", "", view) if source else view


def recorded(connection: Connection) -> Record | None:
    """What was in force when the migration step entered it last; None: it never did."""
    if not _is_kept(connection):
        return None
    row = connection.execute(_SQL["newest"]).fetchone()
    return _read(row[1]) if row else None


def _is_kept(connection: Connection) -> bool:
    row = connection.execute(_SQL["is_kept"]).fetchone()
    return bool(row and row[0])


def _read(body: bytes) -> Record:
    """An entry's body as a record; one of another form has nothing to compare."""
    told = json.loads(body)
    if told["form"] != FORM:
        return Record(form=told["form"], server=0, migrations={}, digests={}, objects={})
    return Record(**told)


def record(connection: Connection) -> None:
    """Enter what is in force, unless that is what was entered last.

    For the migration step, under its lock. Nothing where there is no ledger yet.
    """
    if not _is_kept(connection):
        return
    now = replace(describe(connection), migrations=migrations(connection))
    if now == recorded(connection):
        return
    body = json.dumps(asdict(now), sort_keys=True, separators=(",", ":")).encode()
    connection.execute(_SQL["record"], {"body": body})


def migrations(connection: Connection) -> dict[str, str]:
    """Digests of the files that were applied, by number and name."""
    return dict(connection.execute(_SQL["migrations"]).fetchall())


def differences(then: Record, now: Record) -> Iterator[Difference]:
    """Each object that is not as it was; of a kind whose digest alone differs, the kind."""
    for kind in sorted(then.objects.keys() | now.objects.keys()):
        before, after = then.objects.get(kind, {}), now.objects.get(kind, {})
        if before == after and then.digests.get(kind) != now.digests.get(kind):
            yield Difference(kind=kind, name="(all)", change=_CHANGED)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                change = _change(kind, there=name in before, here=name in after)
                yield Difference(kind=kind, name=name, change=change)


def _change(kind: str, *, there: bool, here: bool) -> str:
    """What became of an object, ``there`` on record and ``here`` in force."""
    if kind == "part":  # only those that differ are described
        return _UNLIKE if here else _CHANGED
    if there and here:
        return _CHANGED
    return _REMOVED if there else _ADDED


def prove(connection: Connection) -> None:
    """Return if what only migrations change is as the last one left it.

    Raises:
        MigrationError: it is not, or there is no record of it.
    """
    then = recorded(connection)
    if then is None or then.form != FORM:
        raise MigrationError(
            "the database has no record of its schema that this version reads; run "
            "`python -m coldgate.storage migrate` of this version"
        )
    refuse(list(differences(then, describe(connection))))


def compare(connection: Connection) -> list[str]:
    """What is in force, for migrations alone, and not on record; the ledger is told of any news.

    So that what is put in and taken out again leaves a trace. Nothing while a migration step is at
    it, or where the record is of another version.
    """
    at_rest = connection.execute(_SQL["at_rest"]).fetchone()
    then = recorded(connection)
    if not (at_rest and at_rest[0]) or then is None or then.form != FORM:
        return []
    last = connection.execute(_SQL["told_last"]).fetchone()
    found = differences(then, describe(connection))
    fixed = [str(one) for one in found if one.kind in FIXED][:_MOST_TOLD]
    if fixed != (json.loads(last[0]) if last else []):
        connection.execute(_SQL["tell"], (json.dumps(fixed).encode(),))
    return fixed


def refuse(found: Sequence[Difference]) -> None:
    """Raise `MigrationError` if any of these is for migrations only."""
    fixed = [str(one) for one in found if one.kind in FIXED]
    if fixed:
        more = f", and {len(fixed) - _MOST_NAMED} more" if len(fixed) > _MOST_NAMED else ""
        raise MigrationError(
            f"the database is not as its last migration left it: {'; '.join(fixed[:_MOST_NAMED])}"
            f"{more}. `coldgate ledger verify` names everything; put it back as it was or restore "
            "a backup, and run `python -m coldgate.storage migrate`"
        )


def changes(connection: Connection) -> list[Finding]:
    """What is in force and not on record, and what once was."""
    now = replace(describe(connection), migrations=migrations(connection))
    entries = [(entry, _read(body)) for entry, body in connection.execute(_SQL["all"])]
    if not entries or entries[-1][1].form != FORM:
        problem = "is not on record in a form that this version reads: migrate it"
        return [Finding(place="schema", problem=problem)]
    newest = entries[-1][1]
    found = [one.finding() for one in differences(newest, now)]
    found += [
        Finding(place=f"migration {name}", problem="is not the one on record")
        for name in sorted(dict(newest.migrations.items() ^ now.migrations.items()))
    ]
    for (_, then), (entry, later) in pairwise(entries):
        found += _unexplained(f"ledger_entry/{entry}", then, later)
    found += [
        Finding(place=f"ledger_entry/{entry}", problem=f"says that {one}")
        for entry, body in connection.execute(_SQL["told"])
        for one in json.loads(body)
    ]
    return found


def _unexplained(place: str, then: Record, later: Record) -> Iterator[Finding]:
    """What differs between records of the same migrations: no process of ours did that.

    Another server may write the same thing otherwise.
    """
    if (then.form, then.server, then.migrations) != (later.form, later.server, later.migrations):
        return
    for one in differences(then, later):
        if one.kind in FIXED:
            yield Finding(place=place, problem=f"says that {one}, and no migration did that")
