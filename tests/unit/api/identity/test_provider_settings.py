"""An identity provider is configured wholly and privately, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from api.settings import ApiSettings

WHOLE = {
    "oidc_issuer": "https://login.example",
    "oidc_client_id": "coldgate",
    "oidc_client_secret": "hidden-secret",
    "oidc_redirect_uri": "https://cold.example/v1/oidc/callback",
}


def settings(**given: Any) -> ApiSettings:
    return ApiSettings(database_dsn="postgresql://nowhere", signing_key="A" * 43, **given)


def test_whole_provider_is_one_and_none_is_none() -> None:
    made = settings(**WHOLE)

    assert made.provider is not None
    assert made.provider.issuer == "https://login.example"
    assert settings().provider is None
    assert "hidden-secret" not in repr(made)


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_part_of_a_provider_stops_the_start(missing: str) -> None:
    with pytest.raises(ValidationError, match="given together"):
        settings(**{name: value for name, value in WHOLE.items() if name != missing})


@pytest.mark.parametrize("issuer", ["http://login.example", "ftp://127.0.0.2", "login.example"])
def test_provider_that_others_can_impersonate_stops_the_start(issuer: str) -> None:
    with pytest.raises(ValidationError, match="must be https"):
        settings(**WHOLE | {"oidc_issuer": issuer})


def test_provider_on_this_machine_needs_no_certificate() -> None:
    assert settings(**WHOLE | {"oidc_issuer": "http://127.0.0.1:8080"}).provider
