"""The profile that a dry run is about: a YAML file, or one by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from analytics.profile_format import load_builtin_profiles, parse_profile, read_profile
from coldgate.errors import NotFoundError, ProfileError
from coldgate.storage import profiles

if TYPE_CHECKING:
    from analytics.profile import Profile
    from coldgate.storage.connection import Connection

YAML: Final = frozenset({".yaml", ".yml"})


def choose_profile(connection: Connection, named: str) -> Profile:
    """The profile in the file ``named``, else the one with the name ``ID`` or ``ID@VERSION``.

    Without a version it is the newest in the database; what is not there may be a packaged one.

    Raises:
        ProfileError: the file cannot be read, or contradicts itself; ``path`` names the key.
        NotFoundError: nobody knows the name.
    """
    file = Path(named)
    if file.suffix in YAML or file.is_file():
        return _in_file(file)
    profile_id, _, version_text = named.partition("@")
    if version_text and not version_text.isdecimal():
        raise NotFoundError("profile", f"{named}; a version is a number, as in {profile_id}@2")
    version = int(version_text) if version_text else None
    stored = profiles.profiles(connection, profile_id=profile_id, version=version)
    if stored:
        return parse_profile(stored[0].body)
    packaged = [
        profile
        for profile in load_builtin_profiles()
        if profile.id == profile_id and version in (None, profile.version)
    ]
    if not packaged:
        raise NotFoundError("profile", f"{named}, and no such file")
    return packaged[-1]


def _in_file(file: Path) -> Profile:
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ProfileError(str(file), "file", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProfileError(str(file), "file", "is not written in UTF-8") from error
    return read_profile(text, name=str(file))
