"""Twice, late, interleaved, by another gateway: what is stored and judged stays the same."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from chaos_story import BEGIN, END, PROFILE, SHIPMENTS, Row, epoch_ms
from factories import certify, fetch, register_gateway, register_logger
from ingest_world import Sender, make_ingest

from analytics.job.answering import answer
from analytics.profile_format import load_builtin_profiles
from coldgate.model import Block, ClockPair
from coldgate.storage.connection import connect
from firmware_sim.logger import Logger, LoggerClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import DatabaseServer

pytestmark = [pytest.mark.broker, pytest.mark.database]
SHIPMENT = SHIPMENTS[1]
BLOCK_READINGS = 60
AHEAD_MS = 1_500  # of the loggers' clocks
ROWS = """
SELECT serial, quantity, sequence, (extract(epoch FROM taken_at) * 1000)::bigint, value
FROM reading JOIN channel ON channel.id = channel_id JOIN logger ON logger.id = logger_id
ORDER BY 1, 2, 3
"""
GOODS = """
INSERT INTO consignment (id, consignor_id, consignee_id) VALUES ('c-1', 'carrier-1', 'carrier-1');
INSERT INTO consignment_line (consignment_id, position, product_id, lot_number, quantity)
    VALUES ('c-1', 1, 'product-1', 'LOT', 1);
"""


@dataclass(frozen=True, kw_only=True)
class Result:
    rows: list[Row]
    evaluation: bytes
    strays: tuple[int, int]  # conflicts, quarantined


def all_blocks() -> list[Block]:
    """The whole log of every logger in pieces, each with a comparison of the clocks."""
    simulation = SHIPMENT.simulation
    samples = simulation.sample(1, simulation.journey.readings)
    clock = LoggerClock(offset_ms=AHEAD_MS)
    blocks = []
    for column, serial in enumerate(simulation.serials):
        logger = Logger(serial, clock=clock)
        logger.record(
            samples.taken_at_ms, samples.temperature[:, column], samples.humidity[:, column]
        )
        while (block := logger.block(BLOCK_READINGS)) is not None:
            logger.confirm(block.first_sequence + block.count - 1)
            blocks.append(with_clock(block))
    return blocks


def with_clock(block: Block) -> Block:
    compared = ClockPair(logger_ms=block.base_ms, gateway_ms=block.base_ms - AHEAD_MS)
    return Block(
        serial=block.serial,
        first_sequence=block.first_sequence,
        base_ms=block.base_ms,
        offsets_ms=block.offsets_ms,
        series=block.series,
        clock=compared,
    )


def register(dsn: str) -> None:
    """The consignment, its loggers and what happened to it, as the API would store them."""
    loggers = [register_logger(dsn, serial) for serial in SHIPMENT.serials]
    for logger in loggers:
        certify(dsn, logger)
    with psycopg.connect(dsn) as connection:
        connection.execute(GOODS)
        connection.cursor().executemany(
            "INSERT INTO placement (consignment_id, logger_id, placed_at) VALUES ('c-1', %s, %s)",
            [(logger, BEGIN) for logger in loggers],
        )
        connection.cursor().executemany(
            "INSERT INTO custody_event (consignment_id, kind, happened_at, party_id)"
            " VALUES ('c-1', %s, %s, 'carrier-1')",
            [("packed", BEGIN), ("received", END)],
        )


def deliver(
    server: DatabaseServer,
    broker: Any,
    carried: Sequence[Sequence[Block]],
    chance: random.Random | None = None,
) -> Result:
    """Send each gateway's blocks; ``chance`` shuffles what they send, and repeats some of it."""
    with server.fresh() as dsn:
        register(dsn)
        with make_ingest(broker, dsn).running():
            senders = [
                Sender(broker, register_gateway(dsn, f"gw-{uuid4().hex[:8]}")) for _ in carried
            ]
            messages = signed(senders, carried)
            for sender, payload in messages if chance is None else stirred(messages, chance):
                sender.publish(payload)
            for sender, blocks in zip(senders, carried, strict=True):
                assert sender.acknowledged(len(blocks), seconds=30)
                sender.close()
        return result_of(dsn)


def signed(
    senders: Sequence[Sender], carried: Sequence[Sequence[Block]]
) -> list[tuple[Sender, bytes]]:
    return [
        (sender, sender.gateway.signed(number=number, blocks=(block,)))
        for sender, blocks in zip(senders, carried, strict=True)
        for number, block in enumerate(blocks, start=1)
    ]


def stirred(
    messages: list[tuple[Sender, bytes]], chance: random.Random
) -> list[tuple[Sender, bytes]]:
    """All messages in another order, half of them twice."""
    repeated = messages + chance.sample(messages, len(messages) // 2)
    return chance.sample(repeated, len(repeated))


def result_of(dsn: str) -> Result:
    profile = next(one for one in load_builtin_profiles() if one.id == PROFILE)
    with connect(dsn, "coldgate_analytics", autocommit=True) as connection:
        evaluation = answer(connection, "c-1", profile).to_bytes()
    strays = "SELECT (SELECT count(*) FROM conflict), (SELECT count(*) FROM quarantine)"
    return Result(rows=fetch(dsn, ROWS), evaluation=evaluation, strays=fetch(dsn, strays)[0])


def test_neither_order_nor_repeats_nor_the_way_change_an_answer(
    plain_server: DatabaseServer, broker: Any
) -> None:
    chance, blocks = random.Random(7), all_blocks()
    torn = [[b for b in blocks if chance.random() < 0.7] for _ in range(2)]  # some by both
    torn[0] += [b for b in blocks if b not in torn[0] + torn[1]]

    straight = deliver(plain_server, broker, [blocks])
    winding = deliver(plain_server, broker, torn, chance)

    assert straight.strays == (0, 0)
    assert winding == straight
    assert {row[3] for row in winding.rows} >= {
        epoch_ms(BEGIN) + AHEAD_MS,
        epoch_ms(END) + AHEAD_MS,
    }
    assert len(winding.rows) == 2 * 2 * SHIPMENT.simulation.journey.readings
