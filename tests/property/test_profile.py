"""Whatever is written: a profile that survives its own form, or an error that names a place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import BUILTIN

from analytics.profile import Profile
from analytics.profile_format import parse_profile, read_profile
from coldgate.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = settings(max_examples=300, deadline=None)
WORDS = st.sampled_from(
    ["T > 8.0", "RH < 35.0", "single", "mean", "24h", "0s", "7d", "FAIL", "NOTE", "guard", "over"]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), WORDS, st.dates()
)
KEYS = st.sampled_from(["id", "rules", "label", "mkt", "bands", "above", "budget", "steps", "x"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | LEAVES, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within a value."""
    if way:
        yield way
    inside = value.items() if isinstance(value, dict) else []
    for key, inner in enumerate(value) if isinstance(value, list) else inside:
        yield from places(inner, (*way, key))


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A built-in profile with one or two values replaced, by those of another place or by any."""
    written = json.loads(json.dumps(draw(st.sampled_from(list(BUILTIN.values()))).as_json()))
    for _ in range(draw(st.integers(1, 2))):
        way = draw(st.sampled_from(list(places(written))))
        holder = written
        for step in way[:-1]:
            holder = holder[step]
        holder[way[-1]] = draw(LEAVES | VALUES)
    return written


def place_of_refusal(written: object) -> str | None:
    """Where the error points; None for a profile, which must survive its own form."""
    try:
        profile = parse_profile(written)
    except ProfileError as error:
        str(error).encode()  # it can be shown
        return error.path
    assert isinstance(profile, Profile)
    assert parse_profile(json.loads(json.dumps(profile.as_json()))) == profile
    return None


@MANY
@given(VALUES)
def test_what_is_no_profile_is_a_named_error(written: object) -> None:
    assert place_of_refusal(written)


@MANY
@given(damaged())
def test_any_damage_gives_another_profile_or_a_named_error(written: object) -> None:
    assert place_of_refusal(written) != ""


@MANY
@given(st.text(alphabet="ab:{}[]&*!-?|>\"'#, \n\t0.1"))
def test_a_text_that_is_no_profile_is_a_named_error(text: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(text, name="any")

    assert caught.value.path
