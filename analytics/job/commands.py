"""``python -m analytics evaluate`` and ``what-if``: judged for whoever asks; nothing is stored.

Exit status 0: answered; 1: refused, for the reason told; 2: wrong use, or the reference judge
disagrees and there is no answer.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

import psycopg
from rich.console import Console
from rich.markup import escape

from analytics.job.arguments import instant
from analytics.job.replay import judge_now, load_profile, reproduce
from analytics.job.what_if_command import add_what_if
from analytics.reference import differences, reference
from analytics.report import report
from analytics.settings import AnalyticsSettings
from coldgate.crypto import sha256_hex
from coldgate.errors import ColdgateError, SettingsError
from coldgate.settings import read_settings
from coldgate.storage import archive
from coldgate.storage.connection import connect_reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.job.answering import Examination
    from coldgate.storage.archive import KeptEvaluation
    from coldgate.storage.connection import Connection

REFUSED: Final = 1
NO_ANSWER: Final = 2


def run_command(arguments: Sequence[str]) -> int:
    """Exit status of a command; wrong arguments end the process with 2."""
    wanted = _parser().parse_args(arguments)
    try:
        settings = read_settings(AnalyticsSettings)
        status: int = wanted.run(settings.database_dsn.get_secret_value(), wanted)
    except SettingsError as error:
        return _complain(str(error), NO_ANSWER)
    except (ColdgateError, psycopg.Error) as error:
        return _complain(str(error), REFUSED)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analytics")
    commands = parser.add_subparsers(dest="command", required=True)
    evaluate = commands.add_parser("evaluate", help="judge one consignment, store nothing")
    evaluate.add_argument("--consignment", required=True)
    past = evaluate.add_mutually_exclusive_group()
    past.add_argument("--version", type=int)
    past.add_argument("--as-of", type=instant)
    evaluate.add_argument("--cross-check", action="store_true")
    evaluate.add_argument("--json", action="store_true")
    evaluate.set_defaults(run=_evaluate)
    add_what_if(commands)
    return parser


def _evaluate(dsn: str, wanted: argparse.Namespace) -> int:
    with connect_reader(dsn, "coldgate_analytics") as store, store.transaction():
        return _answer(store, wanted)


def _answer(store: Connection, wanted: argparse.Namespace) -> int:
    kept = _kept(store, wanted)
    if kept is None:
        found = judge_now(store, wanted.consignment)
    else:
        found = reproduce(store, wanted.consignment, kept)
    if wanted.cross_check:
        disagreements = _disagreements(store, found)
        if disagreements:
            sys.stderr.write("the reference judge disagrees, so there is no answer:\n")
            sys.stderr.writelines(f"  {one}\n" for one in disagreements)
            return NO_ANSWER
    if wanted.json:
        sys.stdout.buffer.write(found.evaluation.to_bytes())
    else:
        _print(found, kept, wanted)
    return 0


def _kept(store: Connection, wanted: argparse.Namespace) -> KeptEvaluation | None:
    if wanted.version is not None:
        return archive.fetch_version(store, wanted.consignment, wanted.version)
    if wanted.as_of is not None:
        return archive.fetch_in_force(store, wanted.consignment, wanted.as_of)
    return None


def _disagreements(store: Connection, found: Examination) -> list[str]:
    judged_by = found.evaluation.profile
    profile = load_profile(store, judged_by.id, judged_by.version)
    return differences(found.evaluation.as_json(), reference(profile, found.case))


def _print(found: Examination, kept: KeptEvaluation | None, wanted: argparse.Namespace) -> None:
    console = Console(highlight=False)
    evaluation, profile = found.evaluation, found.evaluation.profile
    when = "judged now"
    if kept is not None:
        when = f"evaluation {kept.version} of {kept.evaluated_at:%Y-%m-%d %H:%M:%S} UTC"
    console.print(
        f"consignment [bold]{escape(wanted.consignment)}[/], {when}, by {escape(profile.id)} "
        f"version {profile.version}, engine {evaluation.engine_version}",
        soft_wrap=True,
    )
    console.print(report(evaluation))
    body = evaluation.to_bytes()
    if kept is not None:
        same = f"reproduced byte for byte: {len(body)} bytes, SHA-256 {sha256_hex(body)}"
        console.print(same, soft_wrap=True)
    if wanted.cross_check:
        console.print("the reference judge agrees")


def _complain(sentence: str, status: int) -> int:
    sys.stderr.write(f"{sentence.strip()}\n")
    return status
