"""People who sign, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from approval_world import People

if TYPE_CHECKING:
    from api_world import World


@pytest.fixture(scope="package")
def people(world: World) -> People:
    """Two of quality and two approvers, all of the maker."""
    return People(
        qa=world.user("maker", "qa"),
        other_qa=world.user("maker", "qa"),
        approver=world.user("maker", "qa_approver"),
        other_approver=world.user("maker", "qa_approver"),
    )
