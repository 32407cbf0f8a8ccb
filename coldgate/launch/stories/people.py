"""People with a session, who prove anew that they are there for every signature."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyotp

from coldgate.errors import LaunchError
from coldgate.launch.client import Answer
from coldgate.launch.stories.shapes import Signed
from coldgate.launch.stories.voices import Voice, Who

if TYPE_CHECKING:
    from coldgate.launch.stories.voices import Reply

STEP_SECONDS: Final = 30  # RFC 6238


class _Created(Answer):
    id: int
    invitation: str


class _Session(Answer):
    token: str


class _Enrolled(Answer):
    uri: str


@dataclass(slots=True)
class Authenticator:
    """Codes that are each good for once (RFC 6238)."""

    secret: str
    _last: int = 0

    async def code(self) -> str:
        """A code that was not used yet; the server takes those of one step to either side."""
        step = max(self._last + 1, _step_now() - 1)
        await asyncio.sleep((step - 1) * STEP_SECONDS - time.time())  # past: not at all
        self._last = step
        return str(pyotp.TOTP(self.secret).generate_otp(step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who somebody is before they have a session."""

    login: str
    name: str
    role: str
    right: str  # the role as the API calls it
    password: str


class Person(Voice):
    """Somebody with a session of their own; ``number`` is what records name them by."""

    def __init__(self, url: str, token: str, number: int, profile: Profile, *, party: str) -> None:
        super().__init__(url, token, Who(name=profile.name, role=profile.role, party=party))
        self.number = number
        self._password = profile.password
        self._authenticator: Authenticator | None = None

    async def enrol(self) -> str:
        """Add an authenticator; what the API says to its first code."""
        made = (await self.post("/totp", {"password": self._password}, _Enrolled)).made
        authenticator = Authenticator(pyotp.parse_uri(made.uri).secret)
        confirmed = await self.tell("/totp/confirm", {"code": await authenticator.code()})
        self._authenticator = authenticator
        return confirmed.words("a code is demanded from now on")

    async def sign(
        self, approval: int, meaning: str, reason: str, *, password: str | None = None
    ) -> Reply[Signed]:
        """Read the record, check its digest, and sign it with ``password`` or the right one."""
        shown = await self.get(f"/approvals/{approval}", Signed)
        if hashlib.sha256(shown.canonical_record.encode()).hexdigest() != shown.record_sha256:
            raise LaunchError(f"approval {approval} shows another record than it asks to sign")
        proof = {"password": password or self._password}
        if self._authenticator is not None:
            proof["totp"] = await self._authenticator.code()
        body = {"meaning": meaning, "reason": reason, "digest": shown.record_sha256, "proof": proof}
        return await self.post(f"/approvals/{approval}/signatures", body, Signed)


async def join(operator: Voice, url: str, profile: Profile, *, party: tuple[str, str]) -> Person:
    """Somebody who was invited to ``party`` (id and name), set a password and logged in."""
    ident, name = party
    body = {
        "party": ident,
        "login": profile.login,
        "printed_name": profile.name,
        "roles": [profile.right],
    }
    made = (await operator.post("/users", body, _Created)).made
    new = {"invitation": made.invitation, "password": profile.password}
    await operator.do("/password", new)
    given = {"login": profile.login, "password": profile.password}
    session = (await operator.post("/session", given, _Session)).made
    return Person(url, session.token, made.id, profile, party=name)


def _step_now() -> int:
    return int(time.time()) // STEP_SECONDS
