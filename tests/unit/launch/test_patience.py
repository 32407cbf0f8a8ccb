"""How long the supervisor waits before it starts a child again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coldgate.launch.supervisor import Patience

PATIENCE = Patience(first_seconds=0.5, longest_seconds=30)


def test_delay_doubles_with_each_failure_in_a_row() -> None:
    delays = [PATIENCE.delay_seconds(failures, chance=0) for failures in (1, 2, 3, 4)]

    assert delays == [0.25, 0.5, 1.0, 2.0]


@given(failures=st.integers(1, 10**9), chance=st.floats(0, 1, exclude_max=True))
def test_delay_is_never_zero_and_never_above_the_longest(failures: int, chance: float) -> None:
    delay = PATIENCE.delay_seconds(failures, chance=chance)

    assert 0 < delay <= 30
