"""Set each check of the gate beside what demands it and the tests that show it.

    python tools/traceability.py            say whether the table in docs/validation.md is current
    python tools/traceability.py --write    make it so

What a check demands stands in ``tools/requirements.toml``; a test says which checks it shows by
``@pytest.mark.shows("LOT_EXPIRED", …)``, and ``"EVERY_CHECK"`` for one that goes through them all.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.gate.rules import CHECKS
from api.gate.selftest import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENT: Final = ROOT / "docs" / "validation.md"
REQUIREMENTS: Final = ROOT / "tools" / "requirements.toml"
BEGIN: Final = "<!-- made by tools/traceability.py -->\n"
END: Final = "<!-- end of what tools/traceability.py made -->\n"
ALL: Final = "EVERY_CHECK"
MARKER: Final = "shows"


def table() -> str:
    """The traceability table as Markdown; ``ValueError`` names what lacks a row or a test."""
    requirements = tomllib.loads(REQUIREMENTS.read_text(encoding="utf-8"))
    shown = tests_by_code()
    codes = [check.code for check in CHECKS]
    lacking = [
        *(
            f"{code} has no entry in {REQUIREMENTS.name}"
            for code in codes
            if code not in requirements
        ),
        *(f"{code} is no check of the gate" for code in requirements if code not in codes),
        *(f"no test shows {code}" for code in codes if not shown[code]),
        *(f"a test shows {code}, which is no check" for code in shown if code not in {*codes, ALL}),
    ]
    if lacking:
        raise ValueError("; ".join(lacking))
    head = [
        "| check | purposes | it passes when | asked for by | self-test cases | tests |",
        "|---|---|---|---|---|---|",
    ]
    rows = [
        _row(check.code, sorted(one.value for one in check.purposes), requirements, shown)
        for check in CHECKS
    ]
    return "\n".join([*head, *rows]) + "\n"


def _row(
    code: str,
    purposes: list[str],
    requirements: dict[str, dict[str, object]],
    shown: dict[str, list[str]],
) -> str:
    entry = requirements[code]
    sources = entry["sources"]
    asked = "<br>".join(["4-gate §1", *sources]) if isinstance(sources, list) else str(sources)
    tests = "<br>".join(f"`{name}`" for name in shown[code])
    return (
        f"| `{code}` | {', '.join(purposes)} | {entry['demands']} | {asked} "
        f"| {len(CASES[code])} | {tests} |"
    )


def tests_by_code() -> dict[str, list[str]]:
    """For each code the tests that say that they show it, in order of their files."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, codes in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            for code in codes:
                found[code].append(f"{path.relative_to(ROOT)}::{name}")
    for check in CHECKS:  # what goes through all of them comes last
        found[check.code] += found[ALL]
    return found


def _marked(module: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Every test function with the codes of its marker."""
    for node in ast.walk(module):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(func=ast.Attribute(attr=attribute)) if attribute == MARKER:
                    yield node.name, [str(ast.literal_eval(one)) for one in decorator.args]


def place(document: str, made: str) -> str:
    """The document with ``made`` between its two marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def main() -> int:
    """0 when the table is current or was written; 1 with what is wrong otherwise."""
    try:
        made = table()
    except ValueError as error:
        print(f"traceability: {error}")
        return 1
    document = DOCUMENT.read_text(encoding="utf-8")
    current = place(document, made)
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(current, encoding="utf-8")
        return 0
    if current != document:
        print("traceability: docs/validation.md is not current; run tools/traceability.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
