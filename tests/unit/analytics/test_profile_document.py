"""docs/profiles.md has every key and every packaged profile, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

from judging import BUILTIN

from analytics.profile import Action
from analytics.profile_format import PROFILE_KEYS, RULE_KEYS, read_profile

TEXT = (Path(__file__).resolve().parents[3] / "docs/profiles.md").read_text("utf-8")


def first_column(heading: str) -> set[str]:
    """What stands between backticks in the first column of the table with this heading."""
    table = TEXT.split(f"| {heading} |")[1].split("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_packaged_profile_is_listed_with_its_version() -> None:
    assert first_column("id") == set(BUILTIN)
    for name, profile in BUILTIN.items():
        assert re.search(rf"`{name}`[^|]*\| {profile.version} \|", TEXT), name


def test_every_key_is_explained_and_no_other() -> None:
    assert first_column("key") == set(PROFILE_KEYS)
    assert first_column("key of a rule") == set(RULE_KEYS)
    assert all(f"`{action.value}`" in TEXT for action in Action)


def test_the_example_is_a_profile() -> None:
    example = TEXT.split("```yaml\n")[1].split("```")[0]

    assert read_profile(example, name="docs/profiles.md").stability is not None
