"""What a reader of a profile file sees is what the judge takes."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.profile_format import read_profile
from analytics.profile_yaml import read_yaml
from coldgate.errors import ProfileError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 8.0", 8.0),
        ("a: -15", -15),
        ("a: 2026-01-01", "2026-01-01"),
        ("a: 1:30", "1:30"),  # no base 60
        ("a: 010", "010"),  # no octal
        ("a: on", "on"),  # no truth
        ("a: null", None),
        ("a:", None),
        ("a: true", True),
        ("a: .nan", ".nan"),
        ("a: >-\n  one\n  two", "one two"),
    ],
)
def test_plain_values_are_what_they_look_like(text: str, value: object) -> None:
    assert read_yaml(text, "file") == {"a": value}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: 1\nb: 2\na: 3", "line 3"),
        ("a: {b: 1,\n  b: 2}", "line 2"),
        ("a: &mark 1\nb: *mark", "line 1"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", "line 2"),
        ("a: !!timestamp 2026-01-01", "line 1"),
        ("? [1]\n: 2", "line 1"),
        ("a: [1", "line 1"),
        ("a: 1\n---\nb: 2", "line 2"),
        ("a: " + "9" * 5000, "profile"),
        ("[" * 5000 + "]" * 5000, "profile"),
        ("a: \x07", "profile"),
        ("a: " + "x" * 70_000, "profile"),
    ],
)
def test_what_could_mislead_is_refused_with_its_line(text: str, path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_yaml(text, "file")

    assert caught.value.path == path


def test_a_file_names_its_profile_in_errors(recwarn: Any) -> None:
    with pytest.raises(ProfileError, match="profile MINE, version: is missing"):
        read_profile("id: MINE", name="mine.yaml")

    assert not list(recwarn)
