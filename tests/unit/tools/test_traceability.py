"""Every check of the gate is asked for by something and shown by tests, and the table says so."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("traceability", ROOT / "tools/traceability.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_in_the_document_is_the_one_that_the_tests_give() -> None:
    traceability = tool()
    document = traceability.DOCUMENT.read_text(encoding="utf-8")

    assert traceability.place(document, traceability.table()) == document


def test_every_check_is_shown_by_tests_of_its_own_or_by_those_that_go_through_all() -> None:
    traceability = tool()
    shown = traceability.tests_by_code()

    assert {check.code for check in traceability.CHECKS if len(shown[check.code]) < 2} == set()
    assert len(shown[traceability.ALL]) >= 2
