"""The compose file is valid, pinned, without default passwords, and agrees with the launcher."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from compose_file import (
    COMPOSE,
    ROOT,
    VARIABLE,
    MissingVariableError,
    interpolate,
    load,
    nats_document,
)

from analytics.settings import AnalyticsSettings
from api.settings import ApiSettings
from coldgate.launch.broker import BrokerSettings, NatsBroker
from coldgate.launch.deployment import new_environment
from coldgate.storage.__main__ import StorageSettings
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_settings import BaseSettings

SERVICES = ("broker", "timescaledb", "migrate", "ingest", "analytics", "api")
OURS = ("migrate", "ingest", "analytics", "api")


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load()["services"][name]
    return found


def official_schema() -> dict[str, Any]:
    """The Compose specification's own schema, as the package check-jsonschema vendors it."""
    folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema: dict[str, Any] = json.loads((folder / "compose-spec.json").read_text(encoding="utf-8"))
    return schema


def test_compose_file_fits_the_official_schema() -> None:
    schema = official_schema()
    validator = jsonschema.validators.validator_for(schema)(schema)

    assert [error.message for error in validator.iter_errors(load())] == []


def test_schema_check_finds_a_misspelt_key() -> None:
    schema, document = official_schema(), load()
    document["services"]["api"]["helthcheck"] = {}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned_to_an_exact_version(name: str) -> None:
    _, _, tag = service(name)["image"].partition(":")

    assert tag.count(".") == 2
    assert tag[0].isdigit()


def test_our_image_carries_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert {service(name)["image"] for name in OURS} == {f"coldgate:{project['version']}"}


@pytest.mark.parametrize("variable", sorted(new_environment()))
def test_compose_refuses_to_start_without_a_secret_and_says_what_to_run(variable: str) -> None:
    without = {key: value for key, value in new_environment().items() if key != variable}

    with pytest.raises(MissingVariableError, match="run: coldgate secrets"):
        interpolate(load(), without)


def test_example_names_every_variable_that_the_file_reads() -> None:
    lines = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8").splitlines()
    named = {line.lstrip("# ").partition("=")[0] for line in lines if "=" in line}

    assert named == {match[1] for match in VARIABLE.finditer(COMPOSE.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_rights_to_lose(name: str) -> None:
    ours = service(name)

    assert ours["user"] == "10001:10001"
    assert ours["read_only"]
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "migrate"])
def test_every_lasting_service_restarts_and_has_a_health_check(name: str) -> None:
    lasting = service(name)

    assert lasting["restart"] == "unless-stopped"
    assert lasting["healthcheck"]["test"][0] == "CMD"
    assert lasting["logging"]["options"]["max-size"]


def test_ports_are_published_on_loopback_unless_told_otherwise() -> None:
    services = load(new_environment())["services"]

    published = {name: one["ports"] for name, one in services.items() if "ports" in one}
    assert published == {"broker": ["127.0.0.1:1883:1883"], "api": ["127.0.0.1:8080:8000"]}


def test_only_what_is_published_leaves_the_inner_network() -> None:
    services = load()["services"]

    outside = {name for name, one in services.items() if "edge" in one["networks"]}
    assert outside == {"broker", "api"}
    assert load()["networks"]["inside"]["internal"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("migrate", StorageSettings),
        ("ingest", IngestSettings),
        ("analytics", AnalyticsSettings),
        ("api", ApiSettings),
    ],
)
def test_process_understands_every_variable_that_it_is_given(
    name: str, kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = load(new_environment())["services"][name]["environment"]
    prefix = kind.model_config["env_prefix"]
    known = {f"{prefix}{field}".upper() for field in kind.model_fields}
    known |= {str(field.validation_alias) for field in kind.model_fields.values()}

    for key, value in given.items():
        monkeypatch.setenv(key, value)
    assert set(given) <= known
    assert kind()


def test_broker_has_the_rights_that_the_embedded_one_has(tmp_path: Path) -> None:
    secrets = new_environment()
    embedded = NatsBroker(BrokerSettings(folder=tmp_path))
    embedded.ingest_password = secrets["COLDGATE_BROKER_PASSWORD"]
    embedded.authority_password = secrets["COLDGATE_AUTHORITY_PASSWORD"]
    embedded.authority_seed = secrets["COLDGATE_AUTHORITY_SEED"]
    expected = {**embedded._document()}
    production = nats_document(secrets)

    for machine_only in ("listen", "jetstream"):
        del expected[machine_only], production[machine_only]
    del expected["mqtt"]["listen"], production["mqtt"]["listen"], production["http"]  # type: ignore[attr-defined]  # a mapping
    assert production == expected


def test_image_is_built_from_files_that_are_there() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    allowed = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8")

    assert copied
    assert all((ROOT / source).exists() for source in copied)
    assert all(f"!{source}\n" in allowed for source in copied)
