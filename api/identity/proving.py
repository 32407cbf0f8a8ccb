"""Whether somebody is the user: password and code, counted, locked and of equal work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from api.identity import totp
from coldgate.storage import credentials, identity, quality, records
from coldgate.storage.credentials import LockRule

if TYPE_CHECKING:
    from datetime import datetime

    from api.context import Context
    from coldgate.storage.connection import Connection
    from coldgate.storage.credentials import Attempt
    from coldgate.storage.identity import UserRow

LOCK: Final = LockRule(most=5, lock=timedelta(minutes=15))
SYSTEM: Final = "coldgate"


class Refusal(Enum):
    """Why a proof is none."""

    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody offers as proof."""

    password: str
    code: str | None
    device: str | None = None  # token of a device that may be known


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Who it is, at which time of the database."""

    user: UserRow
    method: str
    at: datetime
    password_hash: str


def prove(context: Context, user_id: int | None, given: Given, *, known: bool) -> Proven | Refusal:
    """Who gave the right password and code; a wrong one counts whatever happens afterwards.

    Counted in a transaction of its own before the password is looked at, so that guesses at once
    are guesses in a row. No connection waits while the hash is computed. For a user that does not
    exist, has no password or is locked the same hash is computed in vain. Where too many wait
    for theirs nothing is counted, `ThrottledError`. What strangers guess locks strangers out;
    ``known`` is who asks from a session or a device of the user.
    """
    with context.passwords.place(known=known):
        return _tried(context, user_id, given, known=known)


def _tried(context: Context, user_id: int | None, given: Given, *, known: bool) -> Proven | Refusal:
    attempt = None
    if user_id is not None:
        with context.everything() as connection:
            attempt = credentials.begin(connection, user_id, LOCK, known=known)
    if attempt is None:
        context.passwords.matches(None, given.password, known=known)
        return Refusal.WRONG if user_id is None else Refusal.LOCKED
    proven = None
    try:
        proven = _compared(context, attempt, given)
    finally:
        if proven is None:  # what fails in between has been counted as well
            with context.everything() as connection:
                tell_if_locked(connection, attempt)
    return proven or Refusal.WRONG


def _compared(context: Context, attempt: Attempt, given: Given) -> Proven | None:
    """Who it is, if password and code are right."""
    matches = context.passwords.matches(attempt.password_hash, given.password, known=attempt.known)
    step = _step(context, attempt, given.code)
    needs_step = attempt.totp_sealed is not None
    if not matches or (needs_step and step is None):
        return None
    return _succeed(context, attempt, step, given.password)


def _step(context: Context, attempt: Attempt, code: str | None) -> int | None:
    if attempt.totp_sealed is None or code is None:
        return None
    secret = totp.unsealed(attempt.totp_sealed, attempt.user_id, context.signer)
    return None if secret is None else totp.step_of(secret, code, attempt.at)


def _succeed(context: Context, attempt: Attempt, step: int | None, password: str) -> Proven | None:
    """Who it is; None when password or code served, or changed, since they were looked at."""
    stored = attempt.password_hash or ""
    outgrown = context.passwords.is_outgrown(stored)
    new = context.passwords.hashed(password, known=attempt.known) if outgrown else stored
    with context.everything() as connection:
        at = credentials.succeed(connection, attempt, step)
        if at is None:
            return None
        if outgrown:
            credentials.rehash(connection, user_id=attempt.user_id, old=stored, new=new)
        return Proven(
            user=identity.user(connection, attempt.user_id),
            method="password" if step is None else "password+totp",
            at=at,
            password_hash=new,
        )


def tell_if_locked(connection: Connection, attempt: Attempt) -> None:
    """Announce to the user's party that this wrong attempt locked the account."""
    if attempt.locked_until is None:
        return
    user = identity.user(connection, attempt.user_id)
    facts = {
        "user": user.id,
        "login": user.login,
        "until": attempt.locked_until.isoformat(),
        "by": "known" if attempt.known else "stranger",
    }
    quality.announce(connection, kind="account.locked", party=user.party_id, body=facts)
    records.append_ledger(
        connection, actor=SYSTEM, kind="account.locked", subject=user.login, body=facts
    )
