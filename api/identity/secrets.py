"""Passwords and second components of people, as they choose and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.caller import key_digest
from api.identity import totp
from api.identity.passwords import refusals
from api.identity.proving import Given, Refusal, prove
from api.identity.schemas import PasswordSet, TotpCreated, TotpView
from api.identity.sessions import (
    admit,
    forget,
    know_device,
    login_refused,
    person,
    prove_login,
)
from coldgate.errors import ConflictError, ForbiddenError
from coldgate.storage import credentials, identity, records, sessions, visibility

if TYPE_CHECKING:
    from datetime import datetime

    from api.caller import Caller, CallerUser
    from api.context import Context
    from api.identity.schemas import PasswordIn, TotpConfirm, TotpIn
    from api.signing import Signer
    from coldgate.storage.connection import Connection
    from coldgate.storage.identity import UserRow


def set_password(context: Context, given: PasswordIn, address: str) -> PasswordSet:
    """Set a password with an invitation, or with the old one; every session of the user ends."""
    if given.invitation is not None:
        return _accept(context, given.invitation.get_secret_value(), given, address)
    return _change(context, given, address)


def _accept(context: Context, invitation: str, given: PasswordIn, address: str) -> PasswordSet:
    attempts = admit(context, None, address)
    sha256 = key_digest(invitation)
    with context.everything() as connection:
        user_id = credentials.invited(connection, sha256)
        user = None if user_id is None else identity.user(connection, user_id)
    if user is None:
        raise login_refused()
    forget(context, attempts)
    new = _acceptable(given.password.get_secret_value(), user)
    hashed = _hashed(context, new)
    with context.everything() as connection:
        set_at = credentials.accept(connection, sha256=sha256, password_hash=hashed)
        credentials.clear(connection, user.id, known=None)
        return _record_set(connection, user, set_at)


def _change(context: Context, given: PasswordIn, address: str) -> PasswordSet:
    old = given.old_password.get_secret_value() if given.old_password is not None else ""
    device = given.device.get_secret_value() if given.device is not None else None
    offered = Given(password=old, code=given.totp, device=device)
    proven, _ = prove_login(context, given.login or "", offered, address)
    new = _acceptable(given.password.get_secret_value(), proven.user)
    hashed = _hashed(context, new)
    with context.everything() as connection:
        set_at = credentials.change(
            connection, user_id=proven.user.id, old=proven.password_hash, new=hashed
        )
        return _record_set(connection, proven.user, set_at)


def _acceptable(password: str, user: UserRow) -> str:
    about = (user.login, user.printed_name, user.party_id, user.email or "")
    problems = refusals(password, about)
    if problems:
        raise ConflictError("PASSWORD_REFUSED", f"choose another password: {'; '.join(problems)}")
    return password


def _hashed(context: Context, password: str) -> str:
    """The form to store; whoever may set one has shown an invitation or the old one."""
    with context.passwords.place(known=True):
        return context.passwords.hashed(password, known=True)


def _record_set(connection: Connection, user: UserRow, set_at: datetime | None) -> PasswordSet:
    if set_at is None:  # somebody else was quicker
        raise login_refused()
    sessions.revoke_all(connection, user.id)
    credentials.forget_devices(connection, user.id)
    records.append_ledger(
        connection,
        actor=f"{user.party_id}/user-{user.id}",
        kind="password.set",
        subject=user.login,
        body={"user": user.id},
    )
    return PasswordSet(login=user.login, set_at=set_at, device=know_device(connection, user.id))


def require_password(context: Context, caller: Caller, given: TotpIn) -> CallerUser:
    """The person behind the session, who knows the password and has the code in use."""
    user = person(caller)
    proven = prove(
        context,
        user.id,
        Given(password=given.password.get_secret_value(), code=given.totp),
        known=True,
    )
    if isinstance(proven, Refusal):
        raise ForbiddenError("PROOF_REFUSED", "password or code is wrong, or the account is locked")
    return user


def enrol(
    connection: Connection, caller: Caller, user: CallerUser, *, signer: Signer
) -> TotpCreated:
    """A new second component, not demanded before it is confirmed with a code."""
    secret = totp.new_secret()
    with visibility.everything(connection):
        sealed = totp.sealed(secret, user.id, signer)
        if not credentials.enrol(connection, user_id=user.id, sealed=sealed):
            raise ConflictError("TOTP_IN_USE", "remove the authenticator in use first")
    caller.record(connection, "totp.enrolled", user.login, user=user.id)
    return TotpCreated(uri=totp.uri(secret, user.login))


def confirm(
    connection: Connection, caller: Caller, given: TotpConfirm, *, signer: Signer
) -> TotpView:
    """Demand a code from now on; the code that confirms is used up."""
    user = person(caller)
    with visibility.everything(connection):
        waiting = credentials.enrolled(connection, user.id)
        secret = totp.unsealed(waiting.totp_sealed, user.id, signer) if waiting else None
        step = totp.step_of(secret, given.code, waiting.at) if waiting and secret else None
        if step is None:
            raise ConflictError("CODE_REFUSED", "the code is wrong, or nothing waits for one")
        credentials.confirm(connection, user_id=user.id, step=step)
    caller.record(connection, "totp.confirmed", user.login, user=user.id)
    return TotpView(confirmed=True)


def remove(connection: Connection, caller: Caller, user: CallerUser) -> TotpView:
    """Demand the password alone from now on."""
    with visibility.everything(connection):
        credentials.remove_totp(connection, user.id)
    caller.record(connection, "totp.removed", user.login, user=user.id)
    return TotpView(confirmed=False)
