"""``python -m benchmarks [NAME …]``: run, print, and keep the figures as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import blocked, gate, ingest, judge, ledger, outbox, pages, what_if

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"
BENCHMARKS: dict[str, Callable[[], dict[str, object]]] = {
    "outbox": outbox.run,
    "judge": judge.run,
    "pages": pages.run,
    "blocked": blocked.run,
    "gate": gate.run,
    "ingest": ingest.run,
    "ledger": ledger.run,
    "what_if": what_if.run,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 2 for a name that does not exist."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.stderr.write(f"no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}\n")
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in names or BENCHMARKS:
        print(f"{name} …", flush=True)
        figures = {
            "measured_on": datetime.now(UTC).date().isoformat(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "figures": BENCHMARKS[name](),
        }
        text = json.dumps(figures, indent=2)
        (RESULTS / f"{name}.json").write_text(text + "\n")
        print(text, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
