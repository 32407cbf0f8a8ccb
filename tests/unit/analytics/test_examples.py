"""The examples in the judge's docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["arrays", "intervals", "record", "traces"])
def test_examples_in_docstrings_hold(name: str) -> None:
    module = import_module(f"analytics.{name}")

    outcome = doctest.testmod(module)

    assert outcome.attempted > 0
    assert outcome.failed == 0
