"""Sessions: begun with a proof; ended by time, by their owner, or with what they stood on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.caller import key_digest
from api.errors import ThrottledError, UnauthenticatedError
from api.identity.proving import Given, Proven, Refusal, prove
from api.identity.schemas import SessionCreated, SessionEnded, SessionList, SessionView, WhoAmI
from coldgate.errors import ForbiddenError
from coldgate.secrets import new_secret
from coldgate.storage import credentials, identity, records, sessions, visibility

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.caller import Caller, CallerUser
    from api.context import Context
    from api.identity.schemas import LoginIn
    from coldgate.storage.connection import Connection
    from coldgate.storage.identity import UserRow
    from coldgate.storage.sessions import Ages, SessionRow

TOKEN_PREFIX: Final = "cs_"  # noqa: S105  # what a token begins with; secret scanners look for it
DEVICE_PREFIX: Final = "cd_"
REFUSED: Final = (
    "login, password, code or invitation is wrong, or the account is locked, disabled or has no "
    "password yet; five wrong attempts lock it for 15 minutes"
)


def log_in(context: Context, given: LoginIn, address: str) -> SessionCreated:
    """A session for who proves to be the user; the same refusal and work for every other cause."""
    device = given.device.get_secret_value() if given.device is not None else None
    offered = Given(password=given.password.get_secret_value(), code=given.totp, device=device)
    proven, known = prove_login(context, given.login, offered, address)
    with context.everything() as connection:
        begun = begin(connection, proven.user, proven.method)
        new = None if known else know_device(connection, proven.user.id)
        return begun.model_copy(update={"device": new})


def prove_login(context: Context, login: str, given: Given, address: str) -> tuple[Proven, bool]:
    """Who proves to be the user of ``login``, and whether its device was known before.

    Attempts are counted by login and by address, those from a known device by that device: what
    strangers do keeps nobody out who was here before.
    """
    with context.everything() as connection:
        user = identity.id_of_login(connection, login)
        token = given.device and key_digest(given.device)
        known = bool(user and token and credentials.is_known(connection, user, token))
    attempts = (
        _admit(context, {f"device {given.device}": context.settings.login_attempts})
        if known
        else admit(context, login, address)
    )
    proven = prove(context, user, given, known=known)
    if isinstance(proven, Refusal):
        raise login_refused()
    forget(context, attempts)
    return proven, known


def know_device(connection: Connection, user_id: int) -> str:
    """A token by which the device is known from now on that the user proved itself from."""
    token = DEVICE_PREFIX + new_secret()
    credentials.know(connection, user_id, key_digest(token))
    return token


def login_refused() -> UnauthenticatedError:
    """The one answer to everything that does not prove who asks."""
    return UnauthenticatedError(REFUSED, "LOGIN_REFUSED")


def admit(context: Context, login: str | None, address: str) -> list[int]:
    """Attempts by their ids; `ThrottledError` where too many failed within the window.

    Counted whether there is such a user or not: nobody learns it from being throttled.
    """
    settings = context.settings
    limits = {f"address {address}": settings.login_attempts_per_address}
    if login is not None:
        limits[f"login {login}"] = settings.login_attempts
    return _admit(context, limits)


def _admit(context: Context, limits: Mapping[str, int]) -> list[int]:
    window = context.settings.login_window
    subjects = {_subject(context, text): most for text, most in limits.items()}
    with context.everything() as connection:
        attempts = credentials.admit(connection, subjects, window)
    if attempts is None:
        raise ThrottledError(window)
    return attempts


def forget(context: Context, attempts: list[int]) -> None:
    """Not to count attempts that turned out right."""
    with context.everything() as connection:
        credentials.forget_attempts(connection, attempts)


def _subject(context: Context, text: str) -> bytes:
    """Keyed: people type passwords where the login belongs."""
    return context.signer.keyed_digest(b"login attempt " + text.encode())


def begin(connection: Connection, user: UserRow, method: str) -> SessionCreated:
    """Begin a session of the user; its token is in this answer only."""
    token = TOKEN_PREFIX + new_secret()
    row = sessions.insert(connection, user_id=user.id, sha256=key_digest(token), method=method)
    records.append_ledger(
        connection,
        actor=f"{user.party_id}/user-{user.id}",
        kind="session.begun",
        subject=user.login,
        body={"session": row.id, "method": method},
    )
    return SessionCreated(
        id=row.id,
        user=user.id,
        login=user.login,
        printed_name=user.printed_name,
        party=user.party_id,
        token=token,
    )


def person(caller: Caller) -> CallerUser:
    """The person who asks; a key is none."""
    if caller.user is None:
        raise ForbiddenError("PEOPLE_ONLY", "only a person's session can do this")
    return caller.user


def who_am_i(_connection: Connection, caller: Caller) -> WhoAmI:
    """The caller as it is known."""
    user = caller.user
    return WhoAmI(
        party=caller.party,
        kind=caller.kind,
        rights=sorted(caller.rights, key=lambda right: right.value),
        key=caller.key_id,
        session=caller.session_id,
        user=user.id if user else None,
        login=user.login if user else None,
        printed_name=user.printed_name if user else None,
        roles=sorted(user.roles, key=lambda role: role.value) if user else [],
    )


def list_own(connection: Connection, caller: Caller, ages: Ages) -> SessionList:
    """Sessions of the caller that are in force."""
    with visibility.everything(connection):
        rows = sessions.of_user(connection, person(caller).id, ages)
    return SessionList(items=[_view(row, caller) for row in rows])


def end(connection: Connection, caller: Caller, session: int | None) -> SessionEnded:
    """End one session of the caller; None is the one that it asks with."""
    user = person(caller)
    ended = session if session is not None else caller.session_id or 0
    with visibility.everything(connection):
        row = sessions.revoke(connection, user_id=user.id, session_id=ended)
    caller.record(connection, "session.ended", user.login, session=row.id)
    return SessionEnded(id=row.id)


def _view(row: SessionRow, caller: Caller) -> SessionView:
    return SessionView(
        id=row.id,
        method=row.method,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        current=row.id == caller.session_id,
    )
