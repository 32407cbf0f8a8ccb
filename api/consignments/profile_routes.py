"""Routes of profiles."""

from fastapi import APIRouter, Response

from api.consignments import profile_service
from api.consignments.profile_schemas import ProfileIn, ProfileList, ProfileView
from api.deps import Read, Write, needs
from api.identity.rights import Right

router = APIRouter(prefix="/v1", tags=["goods"], dependencies=[needs(Right.CONFIGURE)])


@router.post("/profiles", status_code=201, response_model=ProfileView)
def add_profile(new: ProfileIn, request: Write) -> Response:
    """Add a rule set or its next version, as the operator or a manufacturer."""
    return request.write(profile_service.add_profile, new)


@router.get("/profiles")
def list_profiles(request: Read) -> ProfileList:
    """List the rule sets that a consignment can be judged by."""
    return request.read(profile_service.list_profiles)
