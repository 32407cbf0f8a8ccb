"""A manufacturer for the tests of this folder, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from quality_world import Plant, plant

if TYPE_CHECKING:
    from api_world import World


@pytest.fixture(scope="package")
def house(world: World) -> Plant:
    """Deviations and CAPAs of one test do not look like those of another: lots and lanes differ."""
    return plant(world)
