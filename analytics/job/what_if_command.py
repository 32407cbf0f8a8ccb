"""``python -m analytics what-if``: the past under another profile; nothing is stored."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from analytics.job.arguments import day
from analytics.job.what_if import Question, answer
from analytics.job.what_if_screen import Screen

if TYPE_CHECKING:
    import argparse

INTERRUPTED: Final = 130  # as shells have it for SIGINT
MOST_JOBS: Final = 256


def add_what_if(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Have the command line understand ``what-if``."""
    command = commands.add_parser("what-if", help="judge the past by another profile")
    command.add_argument("--profile", required=True)
    command.add_argument("--since", type=day, required=True)
    command.add_argument("--until", type=day)
    command.add_argument("--output", type=Path)
    command.add_argument("--folder", type=Path, default=Path())
    command.add_argument("--jobs", type=_jobs, default=len(os.sched_getaffinity(0)))
    command.set_defaults(run=_run)


def _run(dsn: str, wanted: argparse.Namespace) -> int:
    question = Question(profile=wanted.profile, since=wanted.since, until=wanted.until)
    screen = Screen(Console(file=sys.stdout, highlight=False))
    try:
        answer(
            question,
            dsn,
            screen,
            output=wanted.output,
            folder=wanted.folder / "what-if",
            jobs=wanted.jobs,
        )
    except KeyboardInterrupt:
        screen.say("interrupted; the same command goes on from here")
        return INTERRUPTED
    return 0


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_JOBS:
        raise ArgumentTypeError(f"{text} is no number from 1 to {MOST_JOBS}")
    return int(text)
