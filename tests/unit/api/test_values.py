"""Small values of the API: settings, partitions, problems, who may act for whom."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from api.caller import Caller
from api.devices.service import partition_of
from api.errors import CrowdedError, UnauthenticatedError, describe
from api.settings import ApiSettings
from coldgate.errors import (
    ConflictError,
    ForbiddenError,
    LaunchError,
    NotFoundError,
)
from coldgate.model import PARTITIONS

DSN = "postgresql://nowhere"
KEY = "A" * 43


def caller(kind: str) -> Caller:
    return Caller(party="truck", kind=kind, rights=frozenset(), key_id=1)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnauthenticatedError("no"), 401, "UNAUTHENTICATED"),
        (ForbiddenError("OPERATOR_ONLY", "no"), 403, "OPERATOR_ONLY"),
        (NotFoundError("lot", "A1"), 404, "NOT_FOUND"),
        (ConflictError("LOGGER_TAKEN", "no"), 409, "LOGGER_TAKEN"),
        (psycopg.errors.UniqueViolation(), 409, "ALREADY_EXISTS"),
        (psycopg.errors.ForeignKeyViolation(), 409, "REFERENCE_UNKNOWN"),
        (psycopg.errors.CheckViolation(), 422, "VALUE_REFUSED"),
        (psycopg.DataError("text cannot contain NUL"), 422, "VALUE_REFUSED"),
        (psycopg.OperationalError("gone"), 503, "DATABASE_UNAVAILABLE"),
        (psycopg.errors.DeadlockDetected(), 503, "DATABASE_UNAVAILABLE"),
        (psycopg.errors.LockNotAvailable(), 409, "IN_USE"),
        (psycopg.errors.QueryCanceled(), 503, "TOOK_TOO_LONG"),
        (CrowdedError(), 429, "PARTY_BUSY"),
        (psycopg.errors.InsufficientPrivilege(), 500, "INTERNAL"),
        (LaunchError("not ours to tell"), 500, "INTERNAL"),
        (KeyError("secret inside"), 500, "INTERNAL"),
    ],
)
def test_every_error_has_one_status_and_a_stable_code(
    error: Exception, status: int, code: str
) -> None:
    problem = describe(error)

    assert (problem.status, problem.code) == (HTTPStatus(status), code)
    assert problem.body()["type"] == "urn:coldgate:problem:" + code.lower().replace("_", "-")


@pytest.mark.parametrize("error", [KeyError("secret inside"), LaunchError("secret inside")])
def test_inner_errors_do_not_tell_what_is_inside(error: Exception) -> None:
    assert "secret" not in str(describe(error).body())


def test_partition_depends_on_the_name_alone() -> None:
    assert (partition_of("gateway-7"), partition_of("gateway-8")) == ("p06", "p03")


def test_partitions_fill_evenly() -> None:
    filled = Counter(partition_of(f"gateway-{number}") for number in range(1_600))

    assert set(filled) == set(PARTITIONS)
    assert max(filled.values()) < 140


@pytest.mark.parametrize("given", [{}, {"authority_url": "nats://x", "authority_password": "p"}])
def test_authority_is_told_whole_or_not_at_all(given: dict[str, Any]) -> None:
    if given:
        with pytest.raises(ValidationError, match="together or not at all"):
            ApiSettings(database_dsn=DSN, signing_key=KEY, **given)
    else:
        assert ApiSettings(database_dsn=DSN, signing_key=KEY).authority is None


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDGATE_DATABASE_DSN", DSN)
    monkeypatch.setenv("COLDGATE_API_SIGNING_KEY", KEY)
    monkeypatch.setenv("COLDGATE_API_PORT", "8123")
    monkeypatch.setenv("COLDGATE_API_BROKER_HOST", "broker.example")

    settings = ApiSettings()

    assert (settings.port, settings.broker_host) == (8123, "broker.example")
    assert settings.database_dsn.get_secret_value() == DSN


def test_settings_do_not_show_secrets() -> None:
    settings = ApiSettings(
        database_dsn="postgresql://u:hidden@h",
        operator_key="hidden" * 4,
        signing_key="hidden7" * 6 + "A",
    )

    assert "hidden" not in repr(settings)


def test_only_the_operator_sees_everything_and_acts_for_others() -> None:
    assert caller("operator").scope is None
    assert caller("operator").acting_for("maker") == "maker"
    assert caller("carrier").scope == "truck"
    assert caller("carrier").acting_for(None) == "truck"
    with pytest.raises(ForbiddenError):
        caller("carrier").acting_for("maker")
