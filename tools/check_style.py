"""Run the style figures when the measuring script is beside the repository; say so when not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT.parent / "shared" / "tools" / "style_measure.py"
LEFT_OUT = ("tests", "benchmarks", "tools")


def main() -> int:
    """Exit status of the measuring script, 0 when it is not there."""
    if not SCRIPT.exists():
        print("style figures: skipped, the measuring script is not beside this repository")
        return 0
    excluded = [argument for folder in LEFT_OUT for argument in ("--exclude", folder)]
    command = [sys.executable, str(SCRIPT), str(ROOT), *excluded, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stderr.strip() or "style figures: all within their limits")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
