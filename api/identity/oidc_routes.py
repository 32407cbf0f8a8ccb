"""Routes of the identity provider."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Cookie, Query, Response
from fastapi.responses import RedirectResponse

from api.context import Context
from api.deps import Read, needs
from api.identity import visits
from api.identity.rights import Right
from api.identity.routes import Visit
from api.identity.schemas import OidcAnswer, ReauthenticateIn, VisitBegun
from api.identity.sessions import person

COOKIE: Final = "coldgate_visit"
PATH: Final = "/v1/oidc"

public = APIRouter(prefix=PATH, tags=["people"])
router = APIRouter(prefix=PATH, tags=["people"], dependencies=[needs(Right.SIGN)])

Word = Annotated[str | None, Query(max_length=8_000, pattern=r"^[^\x00]*$")]


@public.get("/login", status_code=303, response_class=RedirectResponse, response_model=None)
def log_in(visitor: Visit) -> Response:
    """Go to the identity provider to log in."""
    departure = visits.depart(visitor.context)
    answer = RedirectResponse(departure.url, HTTPStatus.SEE_OTHER)
    _remember(answer, departure.browser, visitor.context)
    return answer


@public.get("/callback")
def come_back(
    visitor: Visit,
    response: Response,
    state: Word = None,
    code: Word = None,
    coldgate_visit: Annotated[str | None, Cookie(max_length=200)] = None,
) -> OidcAnswer:
    """Come back from the identity provider: with a session, or a ticket for one signature."""
    response.delete_cookie(COOKIE, path=PATH)
    response.headers["Cache-Control"] = "no-store"
    if state is None or code is None or coldgate_visit is None:
        raise visits.refused("the provider sent nobody, or another browser came back")
    return visits.arrive(visitor.context, state=state, code=code, browser=coldgate_visit)


@router.post("/reauthenticate")
def reauthenticate(given: ReauthenticateIn, request: Read, response: Response) -> VisitBegun:
    """Ask where to prove oneself again, for a signature under the record with that digest."""
    # Not a write: nothing of a party changes, and an address serves one visit, not its repetition.
    departure = visits.depart(
        request.context,
        user_id=person(request.asker.identify()).id,
        digest=bytes.fromhex(given.digest),
    )
    _remember(response, departure.browser, request.context)
    return VisitBegun(url=departure.url)


def _remember(answer: Response, browser: str, context: Context) -> None:
    """Have the browser bring its secret back; another one's link does not log anybody in."""
    redirect = context.settings.oidc_redirect_uri or ""
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=int(visits.VISIT_LIFETIME.total_seconds()),
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=redirect.startswith("https:"),
    )
