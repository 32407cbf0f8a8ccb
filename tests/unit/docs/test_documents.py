"""The documents name every code, setting, metric, check and test that there is, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from fastapi.routing import APIRoute

from analytics.settings import AnalyticsSettings
from api.app import ROUTERS
from api.gate.rules import CHECKS
from api.settings import ApiSettings
from coldgate import wire
from coldgate.launch.admission import AdmissionSettings
from coldgate.storage.__main__ import StorageSettings
from firmware_sim.settings import SimulatorSettings
from gateway.settings import GatewaySettings
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_settings import BaseSettings

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs"
DOCUMENTS: Final = sorted(
    [
        *DOCS.rglob("*.md"),
        *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    ]
)
CODE: Final = re.compile(r"[A-Z]{4,}(_[A-Z]+)*")
API_CODE: Final = re.compile(r"[A-Z]+(_[A-Z]+)*")
ROUTE: Final = re.compile(r"`(GET|POST|PUT) (/v1/[\w/{}:-]+)")
LINK: Final = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SETTINGS: Final = (
    StorageSettings,
    IngestSettings,
    AnalyticsSettings,
    ApiSettings,
    AdmissionSettings,
    GatewaySettings,
    SimulatorSettings,
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def first_column(text: str) -> set[str]:
    """What stands between backticks in the first column of the document's tables."""
    return {match[1] for match in re.finditer(r"^\| `([^`]+)` \|", text, re.MULTILINE)}


def codes_in(path: Path) -> Iterator[str]:
    """Every text in a module that looks like a rejection code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and CODE.fullmatch(value):
            yield value


def codes_raised(path: Path) -> Iterator[str]:
    """Every code that a module gives to an error or to a problem."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = [*node.args, *(word.value for word in node.keywords if word.arg == "code")]
        if name.endswith(("Error", "Problem")) and name != "NotFoundError":  # that names a thing
            texts = (one.value for one in given if isinstance(one, ast.Constant))
            yield from (one for one in texts if isinstance(one, str) and API_CODE.fullmatch(one))


def named_codes(text: str) -> set[str]:
    """Every code that stands between backticks."""
    return set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", text))


def routes() -> set[tuple[str, str]]:
    """Method and path of everything that the API answers, names of parameters left out."""
    return {
        (method, re.sub(r"{\w+(:\w+)?}", "{}", route.path))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }


def variables(kind: type[BaseSettings]) -> set[str]:
    prefix = kind.model_config["env_prefix"]
    return {
        str(field.validation_alias or f"{prefix}{name}".upper())
        for name, field in kind.model_fields.items()
    }


def named_tests(text: str) -> list[tuple[str, str]]:
    """(file, test) of every ``file.py::test`` and of each ``::test`` that follows in its row."""
    named = []
    for line in text.splitlines():
        file = ""
        for match in re.finditer(r"`((?:tests/)?[\w/]*\.py)?::(\w+)`", line):
            file = match[1] or file
            named.append((file, match[2]))
    return named


def test_every_rejection_code_is_documented_and_no_other() -> None:
    modules = [
        ROOT / "coldgate/wire.py",
        ROOT / "coldgate/crypto.py",
        *(ROOT / "ingest").glob("*.py"),
    ]
    raised = {code for module in modules for code in codes_in(module)}

    section = read("docs/wire.md").split("## Rejection codes")[1].split("\n## ")[0]
    assert first_column(section) == raised


def test_key_table_is_the_one_that_the_code_has() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", read("docs/wire.md"), re.MULTILINE)

    assert {field: key for key, field in rows} == wire._KEYS


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_setting_is_documented(kind: type[BaseSettings]) -> None:
    text = read("docs/operations.md")

    assert {name for name in variables(kind) if f"`{name}`" not in text} == set()


def test_every_metric_is_documented() -> None:
    text = read("docs/operations.md")
    modules = (
        "ingest/metrics.py",
        "analytics/job/loop.py",
        "api/metrics.py",
        "coldgate/launch/admission.py",
    )
    metrics = {
        name
        for module in modules
        for name in re.findall(r'(?:Counter|Gauge|Histogram)\(\s*"(\w+)"', read(module))
    }

    assert metrics
    assert {name for name in metrics if f"`{name}`" not in text} == set()


def test_every_check_of_the_gate_is_explained_in_its_order() -> None:
    section = read("docs/how-it-decides.md").split("## The gate")[1]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert listed == [check.code for check in CHECKS]


def test_every_check_of_the_gate_says_what_to_do_about_it_in_their_order() -> None:
    section = read("docs/codes.md").split("## The gate says block")[1].split("\n## ")[0]
    told = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)

    assert re.findall(r"`(\w+)`", " ".join(told)) == [check.code for check in CHECKS]


def test_every_code_of_the_api_is_documented() -> None:
    said = {code for path in DOCS.glob("*.md") for code in named_codes(path.read_text("utf-8"))}
    modules = [*(ROOT / "api").rglob("*.py"), *(ROOT / "coldgate/storage").glob("*.py")]
    raised = {code for path in modules for code in codes_raised(path)}

    assert len(raised) > 80
    assert raised - said == set()


def test_every_named_route_exists() -> None:
    named = {
        (method, re.sub(r"{\w+}|\b\d+", "{}", path))
        for document in DOCS.glob("*.md")
        for method, path in ROUTE.findall(document.read_text("utf-8"))
    }

    assert len(named) > 40
    assert named - routes() == set()


def test_every_named_test_exists() -> None:
    named = named_tests(read("docs/validation.md"))
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or f"def {test}(" not in read(file)
    ]

    assert len(named) > 50
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(path: Path) -> None:
    targets = LINK.findall(path.read_text(encoding="utf-8"))

    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_decision_is_in_the_index() -> None:
    index = read("docs/decisions/README.md")
    records = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))

    assert [name for name in records if f"({name})" not in index] == []
