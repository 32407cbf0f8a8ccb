"""YAML as profiles use it: plain values, every key once, nothing that runs or refers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

from coldgate.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Hashable

LONGEST_FILE: Final = 65_536  # characters; the longest packaged profile has 2,000
_PLAIN: Final = (  # the core schema of YAML 1.2, without octal, hexadecimal, infinity and NaN
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?([0-9]*\.[0-9]+|[0-9]+\.|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", "-+.0123456789"),
)


def read_yaml(text: str, name: str) -> object:
    """The values in ``text``; ``name`` is what an error calls the profile.

    Dates stay texts. Anchors, aliases, tags and repeated keys are refused, since what a reader
    sees must be what the judge takes.

    Raises:
        ProfileError: it is no YAML of this kind; ``path`` names the line.
    """
    if len(text) > LONGEST_FILE:
        raise ProfileError(name, "profile", f"must have at most {LONGEST_FILE} characters")
    try:
        # _Loader constructs plain values only; it is a SafeLoader with even fewer abilities.
        values: object = yaml.load(text, _Loader)  # noqa: S506 - see the line above
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}" if mark else "profile"
        raise ProfileError(name, line, error.problem or str(error)) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ProfileError(name, "profile", f"is no YAML: {error}") from error
    except RecursionError as error:
        raise ProfileError(name, "profile", "is nested too deeply") from error
    return values


class _Loader(yaml.SafeLoader):
    """A loader of plain values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node, unless it refers to another or gives itself a type."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it open
        for forbidden in ("anchor", "tag"):  # an alias has an anchor as well
            if getattr(event, forbidden, None) is not None:
                problem = f"has the {forbidden} {getattr(event, forbidden)}, which is not allowed"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - the signature of the base class
    ) -> dict[Hashable, object]:
        """The mapping, with every key once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                problem = "has a key that stands twice, or is no word"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    @classmethod
    def understand(cls, kind: str, form: str, first: str) -> None:
        """Take an unquoted word of this form, and with one of these first letters, as a value."""
        letters = [*first, ""] if form.endswith("|") else list(first)
        cls.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{form})$"), letters)


_Loader.yaml_implicit_resolvers = {}
for _kind, _form, _first in _PLAIN:
    _Loader.understand(_kind, _form, _first)
