from __future__ import annotations

import json

import pytest
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from coldgate.errors import SettingsError
from coldgate.settings import read_settings


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TRIAL_", frozen=True, extra="ignore")

    dsn: SecretStr = Field(validation_alias="OTHER_DSN")
    password: SecretStr
    port: int = Field(default=80, ge=1)
    hosts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> Settings:
        if len(self.hosts) > self.port:
            raise ValueError("more hosts than ports")
        return self


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_DSN", "postgresql://here")
    monkeypatch.setenv("TRIAL_PASSWORD", "hunter2")


def test_settings_come_from_variables_and_from_aliases() -> None:
    settings = read_settings(Settings)

    assert settings.dsn.get_secret_value() == "postgresql://here"
    assert (settings.password.get_secret_value(), settings.port) == ("hunter2", 80)


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("OTHER_DSN", None, "OTHER_DSN: Field required"),
        ("TRIAL_PORT", "0", "TRIAL_PORT: Input should be greater than or equal to 1"),
        ("TRIAL_HOSTS", "a,b", 'TRIAL_: error parsing value for field "hosts"'),
        ("TRIAL_HOSTS", json.dumps(["a"] * 81), "TRIAL_: more hosts than ports"),
    ],
)
def test_wrong_variable_is_named_on_one_line_that_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None, complaint: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    if value is not None:
        monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as caught:
        read_settings(Settings)

    assert str(caught.value).startswith(complaint)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHER_DSN")
    monkeypatch.setenv("TRIAL_PORT", "many")

    with pytest.raises(SettingsError, match=r"OTHER_DSN: .*; TRIAL_PORT: "):
        read_settings(Settings)
