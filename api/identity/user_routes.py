"""Routes of users and their roles."""

from fastapi import APIRouter, Response

from api.deps import Read, Write, needs
from api.identity import users
from api.identity.rights import Right
from api.identity.schemas import (
    InvitationCreated,
    Linked,
    RoleChangeIn,
    RoleHistory,
    UserCreated,
    UserIn,
    UserView,
)
from api.schemas import AfterId, Limit, Page, RowId

router = APIRouter(prefix="/v1/users", tags=["people"], dependencies=[needs(Right.ADMIN)])


@router.post("", status_code=201, response_model=UserCreated)
def add_user(new: UserIn, request: Write) -> Response:
    """Add a person (operator only); the invitation to set a password is shown once."""
    return request.write(users.add_user, new, request.context.settings.invitation_lifetime)


@router.get("")
def list_users(request: Read, after: AfterId = 0, limit: Limit = 100) -> Page[UserView]:
    """List users: all for the operator, colleagues for a QA approver, oneself for any other."""
    return request.read(users.list_users, after=after, limit=limit)


@router.get("/{user_id}")
def get_user(user_id: RowId, request: Read) -> UserView:
    """Show one user."""
    return request.read(users.get_user, user_id)


@router.get("/{user_id}/roles")
def list_role_changes(user_id: RowId, request: Read) -> RoleHistory:
    """List when a user was granted which role and by whom, and when it was removed."""
    return request.read(users.role_history, user_id)


@router.post("/{user_id}/roles", response_model=UserView)
def change_role(user_id: RowId, change: RoleChangeIn, request: Write) -> Response:
    """Grant a role, or remove it and end the user's sessions."""
    return request.write(users.change_role, user_id, change)


@router.post("/{user_id}/disable", response_model=UserView)
def disable_user(user_id: RowId, request: Write) -> Response:
    """Refuse a user from the next request on."""
    return request.write(users.disable, user_id)


@router.post("/{user_id}/enable", response_model=UserView)
def enable_user(user_id: RowId, request: Write) -> Response:
    """Let a disabled user log in again."""
    return request.write(users.enable, user_id)


@router.post("/{user_id}/invitation", status_code=201, response_model=InvitationCreated)
def invite_user(user_id: RowId, request: Write) -> Response:
    """Make a token that sets a user's password once, and is shown once; lock and codes end."""
    return request.write(users.invite, user_id, request.context.settings.invitation_lifetime)


@router.post("/{user_id}/oidc", response_model=UserView)
def link_user(user_id: RowId, linked: Linked, request: Write) -> Response:
    """Say whom the identity provider means, or that it means this user no longer."""
    return request.write(users.link, user_id, linked, request.context.settings.oidc_issuer)
