"""What is said about users, sessions and what proves who somebody is."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from api.identity.reauthentication import Code, Password, Token
from api.identity.rights import Right, Role
from api.schemas import Body, Identifier, Name, Secret, ShownOnce, View, example

LOGIN = r"[a-z0-9][a-z0-9._@-]{2,63}"

Login = Annotated[str, Field(pattern=f"^{LOGIN}$", description="3 to 64 of a-z, 0-9 and . _ @ -")]
TypedLogin = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
DeviceToken = Annotated[
    Token | None,
    Field(description="`device` of an earlier answer: who has one is locked out by no stranger"),
]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]


class LoginIn(Body):
    """Who wants a session."""

    model_config = example(login="ada", password="correct horse battery staple")  # noqa: S106  # an example
    login: TypedLogin
    password: Password
    totp: Code | None = None
    device: DeviceToken = None


class SessionCreated(ShownOnce):
    """A new session; send ``token`` as `Authorization: Bearer cs_…`.

    Keep ``device`` where the password is not, and send it with the next login from there; null
    where the one that was sent is still good.
    """

    id: int
    user: int
    login: str
    printed_name: str
    party: str
    token: Secret
    device: Secret = None


class WhoAmI(View):
    """Who asks, and what it may do."""

    party: str
    kind: str
    rights: list[Right]
    key: int | None
    session: int | None
    user: int | None
    login: str | None
    printed_name: str | None
    roles: list[Role]


class SessionView(View):
    """A session in force."""

    id: int
    method: str
    created_at: datetime
    last_used_at: datetime
    current: bool


class SessionList(View):
    """Sessions of one user."""

    items: list[SessionView]


class SessionEnded(View):
    """A session that fails from the next request on."""

    id: int


class Linked(Body):
    """Whom an identity provider means."""

    model_config = example(subject="00u1a2b3")
    subject: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")] | None = (
        Field(description="`sub` of the provider's tokens; null ends the link")
    )


class UserIn(Body):
    """A person to add."""

    model_config = example(
        party="maker", login="ada", printed_name="Ada Lovelace", roles=["qa", "qa_approver"]
    )
    party: Identifier
    login: Login
    printed_name: Name = Field(description="As signatures show it")
    email: Email | None = None
    roles: list[Role] = Field(default_factory=list, max_length=len(Role))


class UserView(View):
    """A person with the roles that it has now."""

    id: int
    party: str
    login: str
    printed_name: str
    email: str | None
    roles: list[Role]
    created_at: datetime
    disabled_at: datetime | None


class UserCreated(ShownOnce):
    """A new user; ``invitation`` sets the password once, at `POST /v1/password`."""

    id: int
    party: str
    login: str
    invitation: Secret


class InvitationCreated(ShownOnce):
    """A token that sets the user's password once."""

    user: int
    invitation: Secret
    valid_until: datetime


class RoleChangeIn(Body):
    """A role to grant or to remove."""

    model_config = example(role="qa", granted=True)
    role: Role
    granted: bool


class RoleChangeView(View):
    """One grant or removal of a role."""

    id: int
    role: Role
    granted: bool
    changed_by: str
    changed_at: datetime


class RoleHistory(View):
    """Every grant and removal of one user's roles, oldest first."""

    items: list[RoleChangeView]


class PasswordIn(Body):
    """A password to set: with an invitation, or with login and the old one."""

    model_config = example(invitation="ci_…", password="correct horse battery staple")  # noqa: S106  # an example
    password: Password = Field(description="The new one: 12 to 128 characters, not guessed easily")
    invitation: Token | None = None
    login: TypedLogin | None = None
    old_password: Password | None = None
    totp: Code | None = None
    device: DeviceToken = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        changes = self.login is not None and self.old_password is not None
        partly = self.login is not None or self.old_password is not None or self.totp is not None
        if changes == (self.invitation is not None) or (self.invitation is not None and partly):
            raise ValueError("give an invitation, or the login and the old password")
        return self


class PasswordSet(View):
    """A password that counts from now on; sessions begun with the old one have ended.

    ``device`` is the one device that is known from now on, to be sent with the next login.
    """

    login: str
    set_at: datetime
    device: str


class TotpIn(Body):
    """The password again, before a second component is changed."""

    model_config = example(password="correct horse battery staple")  # noqa: S106  # an example
    password: Password
    totp: Code | None = None


class TotpCreated(ShownOnce):
    """What the authenticator reads; shown this once, to be confirmed with a code."""

    uri: Secret


class TotpConfirm(Body):
    """A code of the new authenticator."""

    model_config = example(code="123456")
    code: Code


class ReauthenticateIn(Body):
    """Which record is to be signed."""

    model_config = example(digest="ab" * 32)
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the record")]


class VisitBegun(View):
    """Where the person proves itself; the answer sets a cookie that has to come back."""

    url: str


class TicketCreated(View):
    """A ticket for one signature under the record with this digest; it serves five minutes."""

    ticket: str
    digest: str


class OidcAnswer(View):
    """What a visit to the identity provider was for."""

    session: SessionCreated | None
    ticket: TicketCreated | None


class TotpView(View):
    """Whether a code is demanded beside the password."""

    confirmed: bool
