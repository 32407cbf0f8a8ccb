"""Plant each mutant of `mutants.toml` in a copy of the product and see the suite kill it.

A mutant that no test kills says that a line of the judge may be wrong without anybody noticing.
Usage: python tools/mutants.py [--only WORD] [--jobs N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_name("mutants.toml")
PACKAGES = ("analytics", "coldgate")
TESTS = (  # quick ones first: the first failure ends a run
    "tests/unit/analytics",
    "tests/property/test_summary.py",
    "tests/property/test_kernel.py",
    "tests/property/test_verdict.py",
    "tests/property/test_kernel_readings.py",
    "tests/property/test_traces.py",
    "tests/property/test_reference.py",
    "tests/real/test_golden_vectors.py",
)
MOST_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One planted mistake: ``find`` stands exactly once in ``file``."""

    name: str
    file: str
    find: str
    replace: str

    def planted(self, source: str) -> str:
        """The source with the mistake in it.

        Raises:
            ValueError: the place is not there, or not the only one.
        """
        if source.count(self.find) != 1:
            raise ValueError(f"{self.name}: {self.find!r} does not stand once in {self.file}")
        return source.replace(self.find, self.replace)


BLUNDER = Mutant(
    name="the judge does not even import",
    file="analytics/judge.py",
    find='"""The judge: a profile and a case in, one immutable evaluation out;',
    replace='1 / 0\n"""The judge: a profile and a case in, one immutable evaluation out;',
)


def load_mutants() -> list[Mutant]:
    """All mutants in the list."""
    return [Mutant(**entry) for entry in tomllib.loads(LIST.read_text("utf-8"))["mutant"]]


def survives(mutant: Mutant | None) -> tuple[bool, float]:
    """Whether the suite passes with the mutant in place, and after how many seconds.

    The tests are those of this checkout; the packages they import are a copy.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coldgate-mutant-") as folder:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, Path(folder) / package)
        if mutant is not None:
            file = Path(folder) / mutant.file
            file.write_text(mutant.planted(file.read_text("utf-8")), "utf-8")
        done = _run_tests(folder)
    return done == 0, time.monotonic() - began


def _run_tests(folder: str) -> int:
    """Exit status of pytest with the packages of ``folder`` before those of the checkout."""
    environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly"]
    # -P: else the checkout that pytest runs in would come before the copy
    command = [sys.executable, "-P", "-m", "pytest", *options, *TESTS]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1  # a mutant that hangs is noticed as well
    return done.returncode


def main() -> int:
    """0 when every mutant was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    mutants = [mutant for mutant in load_mutants() if arguments.only in mutant.name]
    if not survives(BLUNDER)[0]:
        print("a blunder is noticed, so it is the copy that the tests look at")
    else:
        print("the tests do not look at the copy; nothing was tried")
        return 2
    sound, seconds = survives(None)
    if not sound:
        print("the suite fails without any mutant; nothing was tried")
        return 2
    print(f"the suite passes without a mutant in {seconds:.0f} s")
    alive = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, (lives, seconds) in zip(mutants, pool.map(survives, mutants), strict=True):
            print(f"{'SURVIVED' if lives else 'killed':8} {seconds:5.0f} s  {mutant.name}")
            alive += [mutant.name] if lives else []
    print(f"{len(mutants) - len(alive)} of {len(mutants)} mutants killed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
