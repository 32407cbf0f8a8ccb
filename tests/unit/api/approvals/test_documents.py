"""The document for auditors names every refusal, flow and key that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from api.approvals.flow import Meaning
from api.approvals.flow_format import FLOORS, FLOW_KEYS, STEP_KEYS
from api.approvals.signatures import _REFUSALS

ROOT: Final = Path(__file__).resolve().parents[4]
TEXT: Final = (ROOT / "docs/approvals.md").read_text(encoding="utf-8")
OF_OTHERS: Final = {"SIGNATURE_REFUSED", "ACCOUNT_LOCKED", "PEOPLE_ONLY"}  # of the proof itself


def codes_raised() -> set[str]:
    """Codes in the errors that approvals and dispositions raise."""
    folders = [*(ROOT / "api/approvals").glob("*.py"), *(ROOT / "api/gate").glob("disposition*.py")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in folders)
    raised = re.findall(r'(?:ConflictError|ForbiddenError)\(\s*"([A-Z_]+)"', source)
    return {*raised, *(code for code, _ in _REFUSALS.values())}


def test_every_refusal_is_documented_and_no_other() -> None:
    section = TEXT.split("## Refusals")[1].split("\n## ")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == codes_raised() | OF_OTHERS


def test_every_flow_key_and_meaning_is_documented() -> None:
    meanings = {meaning.value for meaning in Meaning}
    missing = {word for word in {*FLOORS, *FLOW_KEYS, *meanings} if f"`{word}`" not in TEXT} - {
        "steps"
    }
    keys = {key for key in STEP_KEYS if key not in TEXT.split("## Dispositions")[0]}

    assert missing | keys == set()
