"""Profiles: which there are, who may add one, which one a consignment gets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from analytics.profile_format import load_builtin_profiles, parse_profile
from api.consignments.profile_schemas import ProfileList, ProfileView
from coldgate.errors import ConflictError, ForbiddenError, ProfileError
from coldgate.storage import profiles, visibility
from coldgate.storage.consignments import ProfileKey
from coldgate.storage.profiles import NewProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.profile import Profile
    from api.caller import Caller
    from api.consignments.profile_schemas import ProfileIn
    from api.consignments.schemas import ProfileRef
    from coldgate.storage.connection import Connection
    from coldgate.storage.profiles import ProfileRow

MANUFACTURER: Final = "manufacturer"


def add_profile(connection: Connection, caller: Caller, new: ProfileIn) -> ProfileView:
    """Add a profile or its next version; nothing that is there changes.

    Raises:
        ProfileError: it contradicts itself.
        ConflictError: its id is somebody else's, or its version is not the next one.
    """
    party = caller.acting_for(new.party)
    if not caller.is_operator and caller.kind != MANUFACTURER:
        raise ForbiddenError(
            "CANNOT_SET_RULES", "the operator or a manufacturer says how goods are judged"
        )
    profile = parse_profile(new.profile)
    with visibility.everything(connection):  # an id belongs to one party, seen or not
        stored = profiles.profiles(connection, profile_id=profile.id)
    _require_next(profile, stored, party)
    profiles.insert(connection, _new(profile, party))
    caller.record(
        connection,
        "profile.added",
        f"{profile.id}/{profile.version}",
        digest=profile.digest,
        party=party,
        valid=profile.as_json()["valid"],
    )
    added = profiles.profiles(connection, profile_id=profile.id, version=profile.version)
    return ProfileView.model_validate(added[0])


def list_profiles(connection: Connection, _caller: Caller) -> ProfileList:
    """Profiles that the caller may see, the newest version of each first.

    Those are the packaged ones, the operator's, its own, and those that goods of its consignments
    are judged by.
    """
    rows = profiles.profiles(connection)
    return ProfileList(items=[ProfileView.model_validate(row) for row in rows])


def resolve(connection: Connection, chosen: ProfileRef) -> ProfileKey:
    """The version that is meant: the one named, or the newest that is in force today.

    A version that comes into force later may be planned with; the gate asks again at dispatch.
    """
    today = datetime.now(UTC).date()
    found = profiles.profiles(connection, profile_id=chosen.id, version=chosen.version)
    wanted = chosen.id if chosen.version is None else f"{chosen.id} version {chosen.version}"
    if not found:
        raise ConflictError("PROFILE_UNKNOWN", f"there is no profile {wanted}")
    usable = [row for row in found if row.valid_until is None or today <= row.valid_until]
    if chosen.version is None:
        usable = [row for row in usable if row.valid_from is None or row.valid_from <= today]
    if not usable:
        raise ConflictError("PROFILE_NOT_VALID", f"profile {wanted} is not valid today")
    return ProfileKey(id=usable[0].id, version=usable[0].version)


def store_builtin_profiles(connection: Connection) -> None:
    """Add the packaged profiles that the database does not have.

    Raises:
        ProfileError: the database has another profile under one of their ids and versions.
    """
    for profile in load_builtin_profiles():
        if not profiles.ensure(connection, _new(profile, None)):
            _require_same(connection, profile)


def _new(profile: Profile, party: str | None) -> NewProfile:
    return NewProfile(
        id=profile.id,
        version=profile.version,
        digest=profile.digest,
        body=profile.as_json(),
        party=party,
        valid_from=profile.valid_from,
        valid_until=profile.valid_until,
    )


def _require_next(profile: Profile, stored: Sequence[ProfileRow], party: str) -> None:
    """Return if the id is free or the party's own, and the version the next one."""
    reserved = {packaged.id.split("_")[0] for packaged in load_builtin_profiles()}
    if profile.id.split("_")[0] in reserved:
        words = f"ids that begin with {profile.id.split('_')[0]} are those of packaged profiles"
        raise ConflictError("PROFILE_RESERVED", words)
    if stored and stored[0].party_id != party:
        raise ConflictError("PROFILE_TAKEN", f"profile {profile.id} is another party's")
    newest = stored[0].version if stored else 0
    if profile.version != newest + 1:
        raise ConflictError(
            "PROFILE_VERSION", f"the next version of {profile.id} is {newest + 1}; none changes"
        )


def _require_same(connection: Connection, profile: Profile) -> None:
    """Return if the stored version means what the packaged one says, whatever its wording."""
    stored = profiles.profiles(connection, profile_id=profile.id, version=profile.version)[0]
    if stored.party_id is None and _means(stored, profile):
        return
    problem = "the database has another one under this version; versions never change"
    raise ProfileError(profile.id, f"version {profile.version}", problem)


def _means(stored: ProfileRow, profile: Profile) -> bool:
    if stored.digest == profile.digest:
        return True
    try:
        return parse_profile(stored.body) == profile
    except ProfileError:
        return False
