"""A batch made ready to be written: decoded, verified, resolved against the registry."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldgate.storage import telemetry
from ingest import metrics
from ingest.decoder import Accepted, Refused, Status, decode, sender_of
from ingest.rows import (
    BlockRefusal,
    ChannelKey,
    GoodBlock,
    admit_blocks,
    build_rows,
    channel_keys,
    wanted_loggers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coldgate.storage.bulk import ReadingRows
    from coldgate.storage.connection import Connection
    from ingest.delivery import Delivery


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """Everything that one batch will store, except for what only its transaction can know.

    ``rows.message_id`` is the ordinal of the message in ``accepted``.
    """

    deliveries: Sequence[Delivery]
    accepted: Sequence[Accepted]
    refused: Sequence[Refused]
    statuses: Sequence[Status]
    blocks: Sequence[GoodBlock]
    block_refusals: Sequence[BlockRefusal]
    channels: dict[ChannelKey, int]
    rows: ReadingRows


def prepare(connection: Connection, deliveries: Sequence[Delivery]) -> Prepared:
    """Decode, verify and resolve a batch; the connection is in autocommit mode.

    The registry is asked for each batch, so that a revocation counts at once. Channels that are
    seen for the first time are made here; making one twice changes nothing.
    """
    senders = {sender for delivery in deliveries if (sender := sender_of(delivery))}
    gateways = telemetry.fetch_gateways(connection, senders)
    started = time.perf_counter()
    decoded = [decode(delivery, gateways) for delivery in deliveries]
    metrics.STAGE_SECONDS.labels("decode").inc(time.perf_counter() - started)

    accepted = [one for one in decoded if isinstance(one, Accepted)]
    loggers = telemetry.fetch_loggers(connection, wanted_loggers(accepted)) if accepted else {}
    blocks, block_refusals = admit_blocks(accepted, loggers)
    channels = telemetry.ensure_channels(connection, channel_keys(blocks)) if blocks else {}
    started = time.perf_counter()
    rows = build_rows(blocks, channels)
    metrics.STAGE_SECONDS.labels("rows").inc(time.perf_counter() - started)
    return Prepared(
        deliveries=deliveries,
        accepted=accepted,
        refused=[one for one in decoded if isinstance(one, Refused)],
        statuses=[one for one in decoded if isinstance(one, Status)],
        blocks=blocks,
        block_refusals=block_refusals,
        channels=channels,
        rows=rows,
    )
