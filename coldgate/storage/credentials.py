"""What proves that somebody is the user; times are told by the database's clock alone.

Callers see every row (`visibility.everything`): who asks is what these find out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from coldgate.storage.queries import load_queries
from coldgate.storage.rows import fetch_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("credentials")
_MOST_DEVICES: Final = 20  # of one person; those used last


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRule:
    """So many wrong proofs in a row lock an account for so long."""

    most: int
    lock: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One proof that is being looked at; ``locked_until`` is set when it was the last allowed.

    ``known``: it comes from a session or a device of the user.
    """

    user_id: int
    known: bool
    password_hash: str | None
    locked_until: datetime | None
    totp_sealed: bytes | None  # None: no second component was confirmed
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A second component that waits for its first code."""

    totp_sealed: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit to the identity provider that came back; ``user_id`` None is one to log in."""

    user_id: int | None
    record_digest: bytes | None
    started_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Proof for one signature of one user under one record."""

    sha256: bytes
    user_id: int
    record_digest: bytes


def begin(connection: Connection, user_id: int, rule: LockRule, *, known: bool) -> Attempt | None:
    """Count a proof as wrong until `succeed` says otherwise; None while locked or disabled.

    Strangers are locked out by whoever guesses, somebody ``known`` by who is known only.
    """
    parameters = {"user_id": user_id, "known": known, **asdict(rule)}
    return fetch_one(connection, Attempt, _SQL["begin"], parameters)


def succeed(connection: Connection, attempt: Attempt, step: int | None) -> datetime | None:
    """The time of the proof; None if password, code or user changed or served meanwhile."""
    parameters = {
        "user_id": attempt.user_id,
        "known": attempt.known,
        "password_hash": attempt.password_hash,
        "step": step,
    }
    return _moment(connection, _SQL["succeed"], parameters)


def clear(connection: Connection, user_id: int, *, known: bool | None) -> None:
    """Not to count what was proven in another way; None forgives strangers and known alike."""
    connection.execute(_SQL["clear"], {"user_id": user_id, "known": known})


def is_known(connection: Connection, user_id: int, sha256: bytes) -> bool:
    """Whether the token is of a device from which the user proved itself before."""
    parameters = {"user_id": user_id, "sha256": sha256}
    return connection.execute(_SQL["is_known"], parameters).rowcount == 1


def know(connection: Connection, user_id: int, sha256: bytes) -> None:
    """Know a device of the user by this token, and the one that was used least no more."""
    connection.execute(_SQL["know"], {"user_id": user_id, "sha256": sha256})
    parameters = {"user_id": user_id, "most": _MOST_DEVICES}
    connection.execute(_SQL["forget_oldest_devices"], parameters)


def forget_devices(connection: Connection, user_id: int) -> None:
    """Know no device of the user any more."""
    connection.execute(_SQL["forget_devices"], {"user_id": user_id})


def rehash(connection: Connection, *, user_id: int, old: str, new: str) -> None:
    """Store the same password under greater parameters."""
    connection.execute(_SQL["rehash"], {"user_id": user_id, "old": old, "new": new})


def invited(connection: Connection, sha256: bytes) -> int | None:
    """Whom an invitation in force is for."""
    row = connection.execute(_SQL["invited"], {"sha256": sha256}).fetchone()
    return None if row is None else row[0]


def invite(
    connection: Connection, *, user_id: int, sha256: bytes, lifetime: timedelta
) -> datetime | None:
    """Let a token set the user's password once; until when."""
    parameters = {"user_id": user_id, "sha256": sha256, "lifetime": lifetime}
    return _moment(connection, _SQL["invite"], parameters)


def accept(connection: Connection, *, sha256: bytes, password_hash: str) -> datetime | None:
    """Use an invitation up; its second component and its lock go with the old password."""
    parameters = {"sha256": sha256, "password_hash": password_hash}
    return _moment(connection, _SQL["accept"], parameters)


def change(connection: Connection, *, user_id: int, old: str, new: str) -> datetime | None:
    """Replace one hash by another; None if it was replaced meanwhile."""
    return _moment(connection, _SQL["change"], {"user_id": user_id, "old": old, "new": new})


def enrol(connection: Connection, *, user_id: int, sealed: bytes) -> bool:
    """Keep a second component until it is confirmed; False if one is confirmed."""
    parameters = {"user_id": user_id, "sealed": sealed}
    return connection.execute(_SQL["enrol"], parameters).rowcount == 1


def enrolled(connection: Connection, user_id: int) -> Enrolment | None:
    """The second component that waits to be confirmed, locked."""
    return fetch_one(connection, Enrolment, _SQL["enrolled"], {"user_id": user_id})


def confirm(connection: Connection, *, user_id: int, step: int) -> None:
    """Demand the second component from now on."""
    connection.execute(_SQL["confirm"], {"user_id": user_id, "step": step})


def remove_totp(connection: Connection, user_id: int) -> None:
    """Demand the password alone from now on."""
    connection.execute(_SQL["remove_totp"], {"user_id": user_id})


def admit(
    connection: Connection, limits: Mapping[bytes, int], window: timedelta
) -> list[int] | None:
    """Count an attempt for each of the subjects, by ids; None where one of them had too many."""
    for subject in sorted(limits):
        connection.execute(_SQL["lock_subject"], {"subject": subject})
    for subject, most in limits.items():
        parameters = {"subject": subject, "window": window}
        row = connection.execute(_SQL["attempts"], parameters).fetchone()
        if row is None or row[0] >= most:
            return None
    rows = [connection.execute(_SQL["add_attempt"], {"subject": s}).fetchone() for s in limits]
    return [row[0] for row in rows if row is not None]


def forget_attempts(connection: Connection, ids: Sequence[int]) -> None:
    """Not to count attempts that succeeded."""
    connection.execute(_SQL["forget_attempts"], {"ids": list(ids)})


def start_flow(
    connection: Connection,
    *,
    state_sha256: bytes,
    browser_sha256: bytes,
    user_id: int | None = None,
    record_digest: bytes | None = None,
) -> None:
    """Remember that a browser was sent to the identity provider, and what for."""
    parameters = {
        "state_sha256": state_sha256,
        "browser_sha256": browser_sha256,
        "user_id": user_id,
        "record_digest": record_digest,
    }
    connection.execute(_SQL["start_flow"], parameters)


def end_flow(
    connection: Connection, *, state_sha256: bytes, browser_sha256: bytes, lifetime: timedelta
) -> Visit | None:
    """What the same browser was sent for; None for another one, a second time, or too late."""
    parameters = {
        "state_sha256": state_sha256,
        "browser_sha256": browser_sha256,
        "lifetime": lifetime,
    }
    return fetch_one(connection, Visit, _SQL["end_flow"], parameters)


def issue_ticket(connection: Connection, ticket: Ticket) -> None:
    """Let the ticket serve once."""
    connection.execute(_SQL["issue_ticket"], asdict(ticket))


def use_ticket(connection: Connection, ticket: Ticket, lifetime: timedelta) -> datetime | None:
    """The time of use; None for another user or record, a second time, or too late."""
    return _moment(connection, _SQL["use_ticket"], {**asdict(ticket), "lifetime": lifetime})


def purge_devices(connection: Connection, *, before: datetime) -> int:
    """Know devices no longer that were last used before that time; how many there were."""
    return connection.execute(_SQL["purge_devices"], {"before": before}).rowcount


def purge(connection: Connection, *, before: datetime) -> int:
    """Forget attempts, visits and tickets of before that time; how many there were."""
    names = ("purge_attempts", "purge_flows", "purge_tickets")
    return sum(connection.execute(_SQL[name], {"before": before}).rowcount for name in names)


def _moment(
    connection: Connection, query: bytes, parameters: Mapping[str, object]
) -> datetime | None:
    row = connection.execute(query, parameters).fetchone()
    return None if row is None else row[0]
