"""A ledger with rows that it keeps, its checkpoints in a file, and what the owner may do to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from api.ledger.checkpoints import Notary
from api.ledger.sequencing import recheck, sequence
from api.signing import Signer
from coldgate.launch.ledger_audit import Sources, verify
from coldgate.storage import visibility
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from pathlib import Path

    from coldgate.launch.ledger_audit import Report

SIGNER = Signer("A" * 43)


@dataclass
class Ledger:
    """One database's ledger, kept by hand."""

    dsn: str
    file: Path
    minute: datetime

    @property
    def notary(self) -> Notary:
        return Notary(signer=SIGNER, origin="test/ledger", file=self.file)

    def enter(self, count: int = 1) -> None:
        with connect(self.dsn, "coldgate_api") as connection:
            connection.execute(
                "SELECT append_ledger('maker/key-1', 'thing.done', 'thing/' || n,"
                " convert_to(format('{\"n\":%%s}', n), 'UTF8')) FROM generate_series(1, %s) AS n",
                (count,),
            )

    def keep(self) -> None:
        """Chain what was entered and read it again."""
        with connect(self.dsn, "coldgate_api", autocommit=True) as connection:
            while True:
                with connection.transaction():
                    chained = sequence(connection)
                with connection.transaction():
                    recheck(connection)
                if not chained:
                    return

    def sign(self) -> None:
        """A checkpoint of what is chained, in a minute of its own."""
        self.minute += timedelta(minutes=1)
        with connect(self.dsn, "coldgate_api", autocommit=True) as connection:
            with connection.transaction():
                visibility.limit_to(connection, None)
                SIGNER.publish(connection)
            self.keep()
            with connection.transaction():
                self.notary.checkpoint(connection, self.minute)
            with connection.transaction():
                self.notary.publish(connection)

    def tamper(self, statement: str) -> None:
        """What the owner of the database can do with psql: no trigger sees it."""
        with psycopg.connect(self.dsn, autocommit=True) as owner:
            owner.execute("SET session_replication_role = replica; " + statement)  # type: ignore[arg-type]  # written in the tests

    def verify(self, *, file: bool = True, key: str | None = SIGNER.public_key) -> Report:
        checkpoints = self.file if file else None
        sources = Sources(dsn=self.dsn, checkpoints=checkpoints, machine_key=key)
        return verify(sources, lambda _done, _total: None)

    def found(self, *, file: bool = True) -> list[str]:
        return [str(finding) for finding in self.verify(file=file).findings]


@pytest.fixture
def ledger(plain_database: str, tmp_path: Path) -> Ledger:
    """Entries of three parties and of their rows, with two checkpoints."""
    made = Ledger(plain_database, tmp_path / "checkpoints", datetime.now(UTC))
    with psycopg.connect(plain_database, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO party (id, name, kind) VALUES"
            " ('maker', 'Maker', 'manufacturer'), ('truck', 'Truck', 'carrier')"
        )
        owner.execute(
            "INSERT INTO profile (id, version, digest, body)"
            " VALUES ('P', 1, '', '{\"a\": [1, 2]}');"
            "INSERT INTO consignment (id, consignor_id, consignee_id)"
            " VALUES ('con-1', 'maker', 'truck');"
            "INSERT INTO consignment_line (consignment_id, position, product_id, lot_number,"
            " quantity) VALUES ('con-1', 1, 'x', 'x', 1);"
            "UPDATE consignment_line SET state = 'in_transit';"
            "INSERT INTO evaluation (consignment_id, version, verdict, provisional,"
            " with_excursions, profile_id, profile_version, engine, input_digest, body)"
            " VALUES ('con-1', 1, 'PASS', true, false, 'P', 1, '1', '-', '{\"verdict\":1}');"
            "SELECT append_ledger('analytics', 'evaluation', 'consignment/con-1/evaluation/1',"
            " '{\"verdict\":1}');"
            "INSERT INTO gate_decision (consignment_id, purpose, verdict, permitted, checks, actor)"
            " VALUES ('con-1', 'dispatch', 'PASS', true, '[{\"code\": \"X\"}]', 'maker/key-1');"
            "INSERT INTO permit (decision_id, consignment_id, purpose, audience, lines, issued_at,"
            " expires_at) VALUES (1, 'con-1', 'dispatch', 'maker', '[{\"quantity\": 1}]', now(),"
            " now() + interval '1 h')"
        )
    made.enter(300)
    made.sign()
    made.enter(5)
    made.sign()
    return made
