"""Settings of a process, read from the environment, and one line that says what is wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings
from pydantic_settings.exceptions import SettingsError as UnreadableError

from coldgate.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

Settings = TypeVar("Settings", bound=BaseSettings)

_VALIDATORS_OWN_WORDS: Final = "Value error, "  # what pydantic puts before them


def read_settings(kind: type[Settings]) -> Settings:
    """The settings ``kind`` from the environment; `SettingsError` names each wrong variable."""
    prefix = str(kind.model_config.get("env_prefix", ""))

    def variable(field: str) -> str:
        known = field in kind.model_fields  # else an alias, which is the variable itself
        return f"{prefix}{field.upper()}" if known or not field else field

    try:
        return kind.model_validate({})
    except ValidationError as error:
        raise settings_error(error, variable) from None  # its text shows values, secrets as well
    except UnreadableError as error:  # such as a list that is no JSON
        raise SettingsError(f"{prefix}: {error}") from None


def settings_error(error: ValidationError, name: Callable[[str], str]) -> SettingsError:
    """What is wrong, on one line and without any value; ``name`` is what people call a field.

    It is given no field, but "", where values contradict one another.
    """
    problems = (
        f"{name(str(next(iter(one['loc']), '')))}: {one['msg'].removeprefix(_VALIDATORS_OWN_WORDS)}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return SettingsError("; ".join(problems))
