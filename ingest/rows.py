"""From accepted messages to rows: channels resolved, values in milli-units, bad stamps refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate import wire
from coldgate.errors import WireError
from coldgate.instant import from_epoch_ms
from coldgate.model import ReadingFlag
from coldgate.storage.bulk import ReadingRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from coldgate.model import Block, Series
    from coldgate.storage.telemetry import LoggerEntry
    from ingest.decoder import Accepted

_INT32: Final = np.iinfo(np.int32)
NO_VALUE: Final = _INT32.min  # stored with FAULT: its sequence number is not missing

SLACK_MS: Final = 3_600_000
_LATEST_MS: Final = 32_503_680_000_000  # the year 3000

ChannelKey = tuple[int, int, int]  # logger id, sensor, quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRefusal:
    """One block, or its readings from the future, that was refused inside a good message."""

    ordinal: int  # of the message in its batch
    accepted: Accepted
    serial: str
    code: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodBlock:
    """One block of a registered logger."""

    ordinal: int  # of the message in its batch
    accepted: Accepted
    block: Block
    logger_id: int


def wanted_loggers(accepted: Sequence[Accepted]) -> set[tuple[str, str]]:
    """(party, serial) of every logger that the messages name."""
    return {(a.gateway.party_id, block.serial) for a in accepted for block in a.message.blocks}


def admit_blocks(
    accepted: Sequence[Accepted], loggers: Mapping[tuple[str, str], LoggerEntry]
) -> tuple[list[GoodBlock], list[BlockRefusal]]:
    """Blocks of loggers that may report here, and a coded refusal for each of the others."""
    good: list[GoodBlock] = []
    refused: list[BlockRefusal] = []
    for ordinal, one in enumerate(accepted):
        for block in one.message.blocks:
            about = partial(BlockRefusal, ordinal=ordinal, accepted=one, serial=block.serial)
            believable = _without_future_clock(one, block)
            try:
                logger_id = _admit(one, block, loggers)
                admitted = GoodBlock(
                    ordinal=ordinal, accepted=one, block=believable, logger_id=logger_id
                )
                good.append(admitted)
            except WireError as error:
                refused.append(about(code=error.code, problem=error.problem))
            if block.latest_ms > _horizon_ms(one):
                refused.append(about(code="TIME_AHEAD", problem="readings from the future"))
            elif believable is not block:
                refused.append(about(code="TIME_AHEAD", problem="the gateway's clock is ahead"))
    return good, refused


def _admit(accepted: Accepted, block: Block, loggers: Mapping[tuple[str, str], LoggerEntry]) -> int:
    logger = loggers.get((accepted.gateway.party_id, block.serial))
    if logger is None:
        raise WireError(
            "LOGGER_UNKNOWN", f"{accepted.gateway.party_id} has no logger {block.serial}"
        )
    if logger.revoked:
        raise WireError("LOGGER_REVOKED", f"logger {block.serial} was revoked")
    wire.check_times(block, received_ms=accepted.delivery.received_ms)
    return logger.id


def _without_future_clock(accepted: Accepted, block: Block) -> Block:
    """The block, less a comparison with a gateway's clock that is ahead of ours (S3)."""
    if block.clock is None or block.clock.gateway_ms <= _horizon_ms(accepted):
        return block
    return replace(block, clock=None)


def _horizon_ms(accepted: Accepted) -> int:
    """Latest stamp that can be believed (S3)."""
    return accepted.delivery.received_ms + wire.MAX_TIME_AHEAD_MS


def channel_keys(blocks: Sequence[GoodBlock]) -> set[ChannelKey]:
    """Every channel that the blocks report on."""
    return {
        (good.logger_id, series.sensor, int(series.quantity))
        for good in blocks
        for series in good.block.series
    }


def touched_spans(
    blocks: Sequence[GoodBlock], channels: Mapping[ChannelKey, int]
) -> list[tuple[int, datetime, datetime]]:
    """(channel id, first, last) of each stretch of time that the blocks may concern.

    Generous on both sides: by the logger's clock and by the gateway's, which may differ (S3); and
    with the moment at which the two were compared, for that concerns who travels then. Stretches
    that lie apart stay apart: what lies between them need not be looked at again.
    """
    spans: dict[int, list[tuple[int, int]]] = {}
    for good in blocks:
        for series in good.block.series:
            channel = channels[good.logger_id, series.sensor, int(series.quantity)]
            spans.setdefault(channel, []).extend(_concerned_ms(good.block))
    return [
        (channel, moment(first), moment(last))
        for channel, concerned in spans.items()
        for first, last in _united(concerned)
    ]


def _concerned_ms(block: Block) -> list[tuple[int, int]]:
    first, last = block.earliest_ms, block.latest_ms
    spans = [(first, last)]
    if block.clock is not None:
        ahead_ms = block.clock.logger_ms - block.clock.gateway_ms
        compared_ms = block.clock.gateway_ms
        spans += [(first - ahead_ms, last - ahead_ms), (compared_ms, compared_ms)]
    return [(begin - SLACK_MS, end + SLACK_MS) for begin, end in spans]


def _united(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same time in ascending stretches that lie apart.

    >>> _united([(5, 9), (1, 3), (3, 4), (8, 8)])
    [(1, 4), (5, 9)]
    """
    apart: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if apart and begin <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], end)
        else:
            apart.append((begin, end))
    return apart


def moment(epoch_ms: int) -> datetime:
    """The instant ``epoch_ms`` after 1970 UTC, within what a database can hold."""
    return from_epoch_ms(min(max(epoch_ms, 0), _LATEST_MS))


def build_rows(blocks: Sequence[GoodBlock], channels: Mapping[ChannelKey, int]) -> ReadingRows:
    """All readings of the blocks as rows, whose ``message_id`` is the ordinal of the message.

    Readings from the future are left out (they are refused beside). An instant without a value
    becomes a row with the FAULT flag: it is no reading to the judge, but its sequence number is
    accounted for.
    """
    parts = [
        _series_columns(good, series, channels) for good in blocks for series in good.block.series
    ]
    columns = zip(*parts, strict=True) if parts else [(np.empty(0, np.int64),)] * 6
    channel, taken, value, flags, sequence, ordinal = map(np.concatenate, columns)
    return ReadingRows(
        channel_id=channel.astype(np.int32),
        taken_ms=taken,
        value=value.astype(np.int32),
        flags=flags.astype(np.int16),
        sequence=sequence,
        message_id=ordinal,
    )


def _series_columns(
    good: GoodBlock, series: Series, channels: Mapping[ChannelKey, int]
) -> tuple[NDArray[np.int64], ...]:
    block = good.block
    taken = block.taken_ms
    value, flags = _stored_values(block, series)
    sequence = block.first_sequence + np.arange(block.count, dtype=np.int64)
    believable = taken <= _horizon_ms(good.accepted)
    if not believable.all():
        taken, value, flags, sequence = (
            column[believable] for column in (taken, value, flags, sequence)
        )
    channel_id = channels[good.logger_id, series.sensor, int(series.quantity)]
    return (
        np.full(len(taken), channel_id, np.int64),
        taken,
        value,
        flags,
        sequence,
        np.full(len(taken), good.ordinal, np.int64),
    )


def _stored_values(block: Block, series: Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Milli-units and flags; what is no value, or does not fit, is marked FAULT (S5)."""
    milli, present = wire.to_milli(series)
    usable = present & (milli > _INT32.min) & (milli <= _INT32.max)
    flags = np.zeros(block.count, np.int64) if block.flags is None else block.flags.astype(np.int64)
    flags = np.where(usable, flags, flags | ReadingFlag.FAULT)
    return np.where(usable, milli, NO_VALUE), flags
