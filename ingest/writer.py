"""One batch of deliveries, one transaction: everything of it is stored, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coldgate import wire
from coldgate.model import Acknowledgement, Rejection
from coldgate.storage import telemetry
from coldgate.storage.telemetry import MessageRow, QuarantineRow
from ingest.decoder import Accepted, Refused
from ingest.rows import BlockRefusal, moment, touched_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from coldgate.storage.connection import Connection
    from coldgate.storage.timescale import TimeTables
    from ingest.delivery import Delivery
    from ingest.prepare import Prepared

_MOST_AHEAD: Final = 100_000  # numbers beyond `upto`: bounds the holes that a stream can have
_TOLD_AT_ONCE: Final = 500  # refusals in one answer, which a gateway reads up to 256 KiB of
_KEPT_LETTERS: Final = 500  # a topic has up to 65,535 bytes, an index entry a few thousand


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one batch became; counted for the metrics and told to the gateways after COMMIT."""

    acknowledgements: list[tuple[str, bytes]] = field(default_factory=list)  # topic, body
    messages: int = 0
    repeated_messages: int = 0
    readings: int = 0
    repeated_readings: int = 0
    conflicts: int = 0
    quarantined: list[str] = field(default_factory=list)  # codes
    cut: int = 0  # of these; beyond what is kept whole for their sender


def write_batch(
    connection: Connection,
    batch: Prepared,
    time_tables: TimeTables,
    *,
    share_bytes: int = telemetry.QUARANTINE_BYTES,
) -> Outcome:
    """Store the batch inside the caller's transaction; a crash before COMMIT leaves no trace.

    A message number that is committed already changes nothing, so a redelivery is harmless. The
    returned acknowledgements may go out only after COMMIT. Of what one sender has refused in a day
    ``share_bytes`` are kept whole.
    """
    outcome = Outcome()
    streams = _lock_streams(connection, batch.accepted)
    fresh, misnumbered = _split_known(connection, batch.accepted, streams)
    outcome.messages, outcome.repeated_messages = len(fresh), len(batch.accepted) - len(fresh)
    if fresh:
        _store_fresh(connection, batch, fresh, streams, time_tables, outcome)

    block_refusals = [one for one in batch.block_refusals if one.ordinal in fresh]
    quarantine = [_quarantine_whole(one) for one in [*batch.refused, *misnumbered]]
    quarantine += [_quarantine_block(one) for one in block_refusals]
    kept = telemetry.add_quarantine(connection, quarantine, share_bytes=share_bytes)
    outcome.quarantined = [row.code for row in kept]
    outcome.cut = sum(row.cut_from is not None for row in kept)
    for status in batch.statuses:
        telemetry.keep_status(
            connection, status.gateway.id, status.delivery.received_at, status.body
        )
    outcome.acknowledgements = [  # refusals first: `upto` may pass a number that was reused
        *(_reject(one) for one in [*batch.refused, *misnumbered] if one.sender),
        *_acknowledge(connection, batch.accepted, streams, block_refusals),
    ]
    return outcome


Streams = dict[tuple[int, str], int]  # (gateway id, stream name) -> stream id


def _lock_streams(connection: Connection, accepted: Sequence[Accepted]) -> Streams:
    if not accepted:
        return {}
    return telemetry.lock_streams(
        connection, {(one.gateway.id, one.message.stream) for one in accepted}
    )


def _position(one: Accepted, streams: Streams) -> tuple[int, int]:
    """(stream id, message number): what a message is known by."""
    return streams[one.gateway.id, one.message.stream], one.message.number


def _split_known(
    connection: Connection, accepted: Sequence[Accepted], streams: Streams
) -> tuple[dict[int, Accepted], list[Refused]]:
    """Messages with a new number, by ordinal, and those whose number cannot be theirs."""
    if not accepted:
        return {}, []
    positions = [_position(one, streams) for one in accepted]
    upto = telemetry.stream_positions(connection, streams.values())
    known = telemetry.known_numbers(connection, positions)
    digests: dict[tuple[int, int], str] = {}
    fresh: dict[int, Accepted] = {}
    repeated: list[tuple[tuple[int, int], Accepted]] = []
    refused: list[Refused] = []
    for ordinal, (position, one) in enumerate(zip(positions, accepted, strict=True)):
        if position in known or position in digests:
            repeated.append((position, one))
        elif one.message.number > upto[position[0]] + _MOST_AHEAD:
            refused.append(_number_refused(one, "NUMBER_AHEAD", "is too far ahead"))
        else:
            digests[position] = one.delivery.sha256
            fresh[ordinal] = one
    stored = sorted({position for position, _ in repeated} & known)
    if stored:
        digests |= telemetry.message_digests(connection, stored)
    refused += [
        _number_refused(one, "NUMBER_REUSED", "was another one")
        for position, one in repeated
        if digests.get(position) != one.delivery.sha256
    ]
    return fresh, refused


def _number_refused(one: Accepted, code: str, problem: str) -> Refused:
    return Refused(
        delivery=one.delivery,
        sender=one.gateway.name,
        partition=one.gateway.partition,
        code=code,
        problem=f"message {one.message.number} of stream {one.message.stream} {problem}",
    )


def _store_fresh(
    connection: Connection,
    batch: Prepared,
    fresh: Mapping[int, Accepted],
    streams: Streams,
    time_tables: TimeTables,
    outcome: Outcome,
) -> None:
    """Store messages that are new, their readings and clock pairs, and what the judge must see."""
    ids = dict(zip(fresh, telemetry.allocate_message_ids(connection, len(fresh)), strict=True))
    received = [one.delivery.received_at for one in fresh.values()]
    time_tables.cover(connection, "message", min(received), max(received))
    telemetry.copy_messages(
        connection, (_message_row(one, streams, ids[ordinal]) for ordinal, one in fresh.items())
    )
    rows = batch.rows.of_messages(ids)
    if len(rows):
        first, last = int(rows.taken_ms.min()), int(rows.taken_ms.max())
        time_tables.cover(connection, "reading", moment(first), moment(last))
        written = telemetry.write_readings(connection, rows)
        outcome.readings = written.stored
        outcome.repeated_readings, outcome.conflicts = written.duplicates, written.conflicts
    blocks = [one for one in batch.blocks if one.ordinal in fresh]
    telemetry.add_clock_pairs(
        connection,
        [
            (one.logger_id, clock.logger_ms, clock.gateway_ms, ids[one.ordinal])
            for one in blocks
            if (clock := one.block.clock) is not None
        ],
    )
    telemetry.add_touched(connection, touched_spans(blocks, batch.channels))
    telemetry.advance_streams(connection, [_position(one, streams) for one in fresh.values()])


def _message_row(one: Accepted, streams: Streams, message_id: int) -> MessageRow:
    stream_id, number = _position(one, streams)
    return MessageRow(
        id=message_id,
        stream_id=stream_id,
        number=number,
        received_at=one.delivery.received_at,
        signed=one.signed,
        payload=one.delivery.payload,
    )


def _quarantine_whole(one: Refused) -> QuarantineRow:
    return _quarantine(one.delivery, one.sender, one.code, one.problem, serial="")


def _quarantine_block(one: BlockRefusal) -> QuarantineRow:
    accepted = one.accepted
    return _quarantine(
        accepted.delivery, accepted.gateway.name, one.code, one.problem, serial=one.serial
    )


def _quarantine(
    delivery: Delivery, sender: str, code: str, problem: str, *, serial: str
) -> QuarantineRow:
    return QuarantineRow(
        received_at=delivery.received_at,
        topic=_storable(delivery.topic)[:_KEPT_LETTERS],
        sender=sender,
        code=code,
        problem=_storable(problem)[:_KEPT_LETTERS],
        serial=serial,
        sha256=delivery.sha256,
        payload=delivery.payload,
    )


def _storable(text: str) -> str:
    """Text from outside as PostgreSQL accepts it: no NUL, no lone surrogate."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _acknowledge(
    connection: Connection,
    accepted: Sequence[Accepted],
    streams: Streams,
    refusals: Iterable[BlockRefusal],
) -> list[tuple[str, bytes]]:
    """What each stream is told that sent something, new or not."""
    positions = telemetry.stream_positions(connection, streams.values()) if streams else {}
    rejected: dict[int, list[Rejection]] = {}
    for one in refusals:
        stream_id, number = _position(one.accepted, streams)
        rejected.setdefault(stream_id, []).append(
            Rejection(
                code=one.code,
                sha256=one.accepted.delivery.sha256,
                number=number,
                serial=one.serial,
            )
        )
    senders = {streams[a.gateway.id, a.message.stream]: a for a in accepted}
    return [
        (_answer_topic(one), wire.encode_acknowledgement(acknowledgement))
        for stream_id, one in senders.items()
        for acknowledgement in _in_parts(
            one.message.stream, positions[stream_id], rejected.get(stream_id, [])
        )
    ]


def _answer_topic(one: Accepted) -> str:
    return str(wire.Topic(one.gateway.partition, one.gateway.name, wire.DOWN_ACK))


def _in_parts(stream: str, upto: int, rejected: Sequence[Rejection]) -> Iterator[Acknowledgement]:
    """As many answers as the refusals need; the last settles, so that none comes too late."""
    *earlier, last = range(0, max(len(rejected), 1), _TOLD_AT_ONCE)
    for start in earlier:
        part = tuple(rejected[start : start + _TOLD_AT_ONCE])
        yield Acknowledgement(stream="", upto=0, rejected=part)
    yield Acknowledgement(stream=stream, upto=upto, rejected=tuple(rejected[last:]))


def _reject(one: Refused) -> tuple[str, bytes]:
    """Tell the sender by the topic that a message was refused, without trusting its content."""
    rejection = Rejection(code=one.code, sha256=one.delivery.sha256)
    return (
        str(wire.Topic(one.partition, one.sender, wire.DOWN_ACK)),
        wire.encode_acknowledgement(Acknowledgement(stream="", upto=0, rejected=(rejection,))),
    )
