"""Decision 0097 lists every place that sees the rows of all parties."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RECORD = ROOT / "docs" / "decisions" / "0097-rows-of-one-party.md"
SEES_ALL = re.compile(r"\beverything\(|limit_to\(\w+, None\)|\.door\.connection\(")
DEFINED = "coldgate/storage/visibility.py"


def test_every_place_that_sees_everything_is_listed_with_its_reason() -> None:
    sources = [*ROOT.glob("api/**/*.py"), *ROOT.glob("coldgate/**/*.py")]
    places = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if SEES_ALL.search(path.read_text(encoding="utf-8"))
    }

    listed = set(re.findall(r"`((?:api|coldgate)/[\w/]+\.py)`", RECORD.read_text(encoding="utf-8")))
    assert places - {DEFINED} == listed
