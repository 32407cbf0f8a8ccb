"""Pure work on blocks: cut them, number them, recognise redelivered readings, join neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from coldgate import wire
from coldgate.errors import WireError
from coldgate.model import Block, ClockPair, Message, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

MAX_OFFSET_MS: Final = 2**32 - 1
_MICRO_EXPONENT: Final = -6
_SAME_CLOCK_MS: Final = 1_000  # within it, one clock pair can stand for two neighbouring blocks
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)  # splitmix64's constants
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A block as a source hands it over; without ``numbered`` its sequence means nothing yet."""

    block: Block
    numbered: bool


def sequences(block: Block) -> NDArray[np.int64]:
    """Sequence number of each reading, shape (n,)."""
    return np.arange(block.first_sequence, block.first_sequence + block.count, dtype=np.int64)


def fingerprints(arrival: Arrival) -> NDArray[np.int64]:
    """One number per reading from its values, flags and sequence number if it has one, shape (n,).

    Equal readings have equal fingerprints however they are encoded: the order of the series, the
    integer's width and the decimal exponent do not count, and a missing series is "no value".
    """
    block = arrival.block
    total = np.zeros(block.count, np.uint64)
    for series in block.series:
        values, present, exponent = _common_units(series)
        key = (exponent + 16) << 16 | int(series.quantity) << 8 | series.sensor
        total += np.where(present, _mixed(values.astype(np.uint64) ^ _mixed(np.uint64(key))), 0)
    if block.flags is not None:
        total += _mixed(block.flags.astype(np.uint64) + np.uint64(1)) * (block.flags != 0)
    if arrival.numbered:
        total += _mixed(sequences(block).astype(np.uint64) ^ _GOLDEN)
    return total.view(np.int64)


def _common_units(series: Series) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
    """Values in millionths, or finer where they are; which of them exist; their exponent."""
    present = series.values != np.iinfo(series.values.dtype).min
    wide = series.values.astype(np.int64)
    exponent = min(series.exponent, _MICRO_EXPONENT)
    return wide * np.int64(10 ** (series.exponent - exponent)), present, exponent


def _mixed(bits: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """Finaliser of splitmix64: spreads every input bit over all output bits."""
    mixed = np.atleast_1d(np.asarray(bits, np.uint64)) + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    result: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result


def chosen(block: Block, indices: NDArray[np.intp], first_sequence: int) -> Block:
    """The readings at ``indices`` as one block that starts at ``first_sequence``."""
    return replace(
        block,
        first_sequence=first_sequence,
        offsets_ms=block.offsets_ms[indices],
        series=tuple(replace(one, values=one.values[indices]) for one in block.series),
        flags=None if block.flags is None else block.flags[indices],
    )


def pieces(block: Block, most: int) -> Iterator[Block]:
    """The same readings in blocks of at most ``most``."""
    for start in range(0, block.count, most):
        yield chosen(
            block,
            np.arange(start, min(start + most, block.count)),
            block.first_sequence + start,
        )


def numbered_runs(block: Block, new: NDArray[np.bool_]) -> Iterator[Block]:
    """The readings marked in ``new``, as blocks whose sequence numbers have no holes."""
    indices = np.flatnonzero(new)
    breaks = np.flatnonzero(np.diff(indices) > 1) + 1
    for run in np.split(indices, breaks):
        if len(run):
            yield chosen(block, run, block.first_sequence + int(run[0]))


def joined(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The same readings in as few blocks as possible, each logger's in the order given."""
    runs: dict[str, list[list[Block]]] = {}
    for block in blocks:
        of_logger = runs.setdefault(block.serial, [[]])
        if of_logger[-1] and not _continues(of_logger[-1], block):
            of_logger.append([])
        of_logger[-1].append(block)
    return tuple(_concatenated(run) for of_logger in runs.values() for run in of_logger)


def _continues(run: Sequence[Block], block: Block) -> bool:
    """Whether ``block`` can be appended to ``run`` without losing a fact."""
    first, last = run[0], run[-1]
    return (
        last.first_sequence + last.count == block.first_sequence
        and _shape(last) == _shape(block)
        and block.base_ms >= first.base_ms
        and block.latest_ms - first.base_ms <= MAX_OFFSET_MS
        and _same_clock(first.clock, block.clock)
        and block.first_sequence + block.count - first.first_sequence <= wire.MAX_BLOCK_READINGS
    )


def _shape(block: Block) -> object:
    series = [(one.quantity, one.sensor, one.exponent, one.values.dtype) for one in block.series]
    return series, block.flags is None, block.battery_millivolt


def _same_clock(left: ClockPair | None, right: ClockPair | None) -> bool:
    if left is None or right is None:
        return left is right
    drift_ms = (left.logger_ms - left.gateway_ms) - (right.logger_ms - right.gateway_ms)
    return abs(drift_ms) <= _SAME_CLOCK_MS


def _concatenated(run: Sequence[Block]) -> Block:
    """One block for a run; its clock pair is the newest one."""
    if len(run) == 1:
        return run[0]
    base_ms = run[0].base_ms
    offsets = [b.taken_ms - base_ms for b in run]
    flags = [b.flags for b in run if b.flags is not None]
    return replace(
        run[0],
        offsets_ms=np.concatenate(offsets).astype(np.uint32),
        series=tuple(
            replace(one, values=np.concatenate([b.series[i].values for b in run]))
            for i, one in enumerate(run[0].series)
        ),
        flags=np.concatenate(flags) if flags else None,
        clock=run[-1].clock,
    )


def columns_to_blocks(
    serial: str,
    instants_ms: NDArray[np.int64],
    series: Sequence[Series],
    flags: NDArray[np.uint8],
) -> tuple[Block, ...]:
    """Unnumbered blocks of one logger in the order given, each within the limits of the wire."""
    blocks: list[Block] = []
    start = 0
    while start < len(instants_ms):
        stop = _fitting_end(instants_ms, start)
        base_ms = int(instants_ms[start:stop].min())
        blocks.append(
            Block(
                serial=serial,
                first_sequence=0,
                base_ms=base_ms,
                offsets_ms=(instants_ms[start:stop] - base_ms).astype(np.uint32),
                series=tuple(replace(one, values=one.values[start:stop]) for one in series),
                flags=flags[start:stop] if flags[start:stop].any() else None,
            )
        )
        start = stop
    return tuple(blocks)


def _fitting_end(instants_ms: NDArray[np.int64], start: int) -> int:
    """End of the longest stretch from ``start`` that one block can carry."""
    stretch = instants_ms[start : start + wire.MAX_BLOCK_READINGS]
    span = np.maximum.accumulate(stretch) - np.minimum.accumulate(stretch)
    return start + int(np.searchsorted(span, MAX_OFFSET_MS, side="right"))


def believable(block: Block, now_ms: int) -> bool:
    """Whether the server will accept the block's times; one that it refuses travels alone."""
    try:
        wire.check_times(block, received_ms=now_ms)
    except WireError:
        return False
    return True


def encode_block(block: Block) -> bytes:
    """One block as bytes for the disk, in the wire's own encoding."""
    return wire.encode_message(_lone_message(block))


def decode_block(body: bytes) -> Block:
    """Inverse of `encode_block`."""
    return wire.decode_message(body).blocks[0]


def _lone_message(block: Block) -> Message:
    return Message(gateway="own", stream="own", number=1, sent_at_ms=0, blocks=(block,))
