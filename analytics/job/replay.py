"""Judging without storing: what the database has now, or what a stored evaluation saw.

An evaluation is reproduced when the same facts, by the same profile and engine, give its bytes
again (S33). Whatever keeps that from being shown is told, never passed over.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Final

from analytics.evaluation import ENGINE_VERSION
from analytics.job.answering import examine
from analytics.profile_format import parse_profile
from coldgate.crypto import sha256_hex
from coldgate.errors import JudgementError
from coldgate.storage import archive, judging

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.job.answering import Examination
    from analytics.profile import Json, Profile
    from coldgate.storage.archive import KeptEvaluation
    from coldgate.storage.connection import Connection

MOST_SHOWN: Final = 60  # characters of a value that differs


def judge_now(connection: Connection, consignment_id: str) -> Examination:
    """What the judge says of everything that the database has by now.

    Raises:
        NotFoundError: there is no such consignment.
        JudgementError: it has no profile yet.
    """
    profile_id, version = archive.fetch_frozen_profile(connection, consignment_id)
    if profile_id is None or version is None:
        raise JudgementError(f"consignment {consignment_id} has no profile to be judged by")
    return examine(connection, consignment_id, load_profile(connection, profile_id, version))


def reproduce(connection: Connection, consignment_id: str, kept: KeptEvaluation) -> Examination:
    """The evaluation again, from the facts that it saw, equal in every byte.

    The rest of the transaction sees those facts as well.

    Raises:
        JudgementError: it cannot be made again, or does not come out the same.
    """
    name = f"evaluation {kept.version}"
    _require_entered(name, kept)
    if kept.engine != ENGINE_VERSION:
        raise JudgementError(
            f"{name} was made by engine {kept.engine}, and this is engine {ENGINE_VERSION}: "
            f"reproduce it with a release of engine {kept.engine}"
        )
    if kept.snapshot is None:
        raise JudgementError(
            f"{name} was stored before snapshots were kept: what it saw cannot be told from what "
            "came later"
        )
    _require_consistent(name, kept)
    profile = load_profile(connection, kept.profile_id, kept.profile_version)
    judging.look_back(connection, kept.snapshot)
    found = examine(connection, consignment_id, profile)
    _require_same(name, kept, found)
    return found


def load_profile(connection: Connection, profile_id: str, version: int) -> Profile:
    """The profile as it was stored."""
    return parse_profile(judging.fetch_profile(connection, profile_id, version))


def _require_entered(name: str, kept: KeptEvaluation) -> None:
    """The body must be the one that the ledger tells of."""
    digest = sha256_hex(kept.body)
    if kept.entered_sha256 is None:
        raise JudgementError(f"{name} has no entry in the ledger: no judge stored it")
    if digest != kept.entered_sha256:
        raise JudgementError(
            f"{name} was changed after it was stored: the SHA-256 of its body is {digest}, and the "
            f"ledger says {kept.entered_sha256}"
        )


def _require_consistent(name: str, kept: KeptEvaluation) -> None:
    """The columns beside the body must say what it says."""
    body = json.loads(kept.body)
    told = {
        "verdict": (kept.verdict, body["verdict"]),
        "provisional": (kept.provisional, body["provisional"]),
        "with_excursions": (kept.with_excursions, body["with_excursions"]),
        "profile_id": (kept.profile_id, body["profile"]["id"]),
        "profile_version": (kept.profile_version, body["profile"]["version"]),
        "input_digest": (kept.input_digest, body["input_digest"]),
    }
    for column, (beside, within) in told.items():
        if beside != within:
            raise JudgementError(
                f"{name} was changed after it was stored: its {column} is {beside}, and its body, "
                f"which is as the ledger says, has {within}"
            )


def _require_same(name: str, kept: KeptEvaluation, found: Examination) -> None:
    evaluation = found.evaluation
    if evaluation.input_digest != kept.input_digest:
        raise JudgementError(
            f"{name} saw other facts than the database shows for its snapshot: their digest is "
            f"{evaluation.input_digest} and was {kept.input_digest}. Either somebody changed facts "
            "past the triggers, or the database was restored from a dump, which gives new numbers "
            "to its transactions, or it is of before an upgrade that takes what was told of the "
            "journey otherwise (docs/operations.md)"
        )
    if evaluation.to_bytes() != kept.body:
        place = first_difference(json.loads(kept.body), evaluation.as_json())
        raise JudgementError(f"{name} comes out differently from the same facts: {place}")


def first_difference(stored: Json, now: Json, path: str = "$") -> str:
    """Where two unequal values first differ (a JSONPath), and both sides of it."""
    for step, old, new in _parts(stored, now):
        if old != new:
            return first_difference(old, new, path + step)
    return f"{path} is {_shown(stored)} as stored, {_shown(now)} now"


def _parts(stored: Json, now: Json) -> Iterable[tuple[str, Json, Json]]:
    """The parts of two values of one shape, side by side; none where the shapes differ."""
    if isinstance(stored, dict) and isinstance(now, dict) and stored.keys() == now.keys():
        return [(f".{key}", stored[key], now[key]) for key in sorted(stored)]
    if isinstance(stored, list) and isinstance(now, list) and len(stored) == len(now):
        sides = enumerate(zip(stored, now, strict=True))
        return [(f"[{index}]", old, new) for index, (old, new) in sides]
    return []


def _shown(value: Json) -> str:
    return textwrap.shorten(json.dumps(value), MOST_SHOWN, placeholder=" …")
