"""The list of mutants fits the judge as it is; `make mutants` plants them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

TOOL = Path(__file__).resolve().parents[3] / "tools" / "mutants.py"
PLACES = ("gap", "strictness", "sign", "boundary", "rounding", "merge", "mkt", "verdict")


def load_tool() -> ModuleType:
    """The script as a module; it is no part of any package."""
    spec = importlib.util.spec_from_file_location("mutants", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module
    spec.loader.exec_module(module)
    return module


TOOLBOX = load_tool()
MUTANTS: list[Any] = TOOLBOX.load_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_has_its_one_place_in_the_judge(mutant: Any) -> None:
    source = (TOOLBOX.ROOT / mutant.file).read_text("utf-8")

    assert mutant.planted(source) != source


def test_mutants_are_of_every_kind_and_of_different_names() -> None:
    names = [mutant.name for mutant in MUTANTS]

    assert len(set(names)) == len(names) >= 25
    assert all(any(name.startswith(place) for name in names) for place in PLACES)


def test_place_that_is_gone_is_named() -> None:
    mutant = TOOLBOX.Mutant(name="none", file="a.py", find="gone", replace="x")

    with pytest.raises(ValueError, match=r"does not stand once in a\.py"):
        mutant.planted("nothing here")
