"""Tables whose rows the ledger keeps, and what differs between the two.

The list stands here and not in the database, whose owner could shorten it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from psycopg import sql

from coldgate.chain import Finding
from coldgate.storage.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldgate.storage.connection import Connection

_SQL: Final = load_queries("kept_rows")
MOST_FINDINGS: Final = 1_000  # of one table


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How the ledger names a table's rows, and which columns it leaves out.

    Rows are written once unless the table ``changes``.
    """

    key: tuple[str, ...] = ("id",)
    omitted: tuple[str, ...] = ()
    changes: bool = False


KEPT: Final[Mapping[str, Kept]] = MappingProxyType(
    {
        "party": Kept(changes=True),
        "app_user": Kept(changes=True),
        "role_change": Kept(),
        "api_key": Kept(omitted=("last_used_on",), changes=True),
        "credential": Kept(
            key=("user_id",),
            omitted=("password_hash", "invitation_sha256", "totp_sealed", "totp_last_step"),
            changes=True,
        ),
        "oidc_link": Kept(key=("user_id",), changes=True),
        "signing_key": Kept(),
        "gateway": Kept(omitted=("secret_hash",), changes=True),
        "logger": Kept(changes=True),
        "profile": Kept(key=("id", "version")),
        "product": Kept(changes=True),
        "lot": Kept(changes=True),
        "lot_correction": Kept(),
        "consignment": Kept(changes=True),
        "consignment_line": Kept(changes=True),
        "leg": Kept(key=("consignment_id", "position"), changes=True),
        "placement": Kept(changes=True),
        "placement_removal": Kept(),
        "custody_event": Kept(),
        "line_transition": Kept(),
        "certificate": Kept(),
        "sensor_range": Kept(),
        "seal": Kept(),
        "lot_spend": Kept(),
        "lane_record": Kept(key=("evaluation_id",)),
        "evaluation": Kept(omitted=("body",)),
        "evidence_audit": Kept(key=("evaluation_id",)),
        "evidence_relapse": Kept(),
        "gate_decision": Kept(),
        "permit": Kept(),
        "permit_redemption": Kept(key=("permit_id",)),
        "approval_flow": Kept(),
        "delegation": Kept(),
        "delegation_end": Kept(key=("delegation_id",)),
        "approval": Kept(changes=True),
        "signature": Kept(),
        "approval_escalation": Kept(key=("approval_id", "step")),
        "disposition": Kept(changes=True),
        "restriction": Kept(),
        "restriction_lift": Kept(key=("restriction_id",)),
        "restriction_lift_request": Kept(),
        "document": Kept(omitted=("content",)),
        "document_withdrawal": Kept(key=("document_id",)),
        "document_vouch": Kept(key=("document_id", "party_id")),
        "document_key": Kept(changes=True),
        "document_requirement": Kept(changes=True),
        "product_number": Kept(),
        "product_profile": Kept(),
        "product_profile_withdrawal": Kept(key=("statement_id",)),
        "carrier_qualification": Kept(),
        "shelf_life_agreement": Kept(),
        "admission": Kept(),
        "scan": Kept(),
        "scan_dismissal": Kept(key=("scan_id",)),
        "deviation": Kept(changes=True),
        "deviation_subject": Kept(key=("deviation_id", "consignment_id")),
        "deviation_evidence": Kept(),
        "deviation_recurrence": Kept(key=("deviation_id", "earlier_id")),
        "capa": Kept(changes=True),
        "capa_action": Kept(changes=True),
        "capa_transition": Kept(),
        "capa_deviation": Kept(key=("deviation_id", "capa_id")),
        "quality_note": Kept(),
        "quality_revision": Kept(key=("subject_kind", "subject_id", "number")),
        "unsigned_consent": Kept(),
    }
)


def differences(connection: Connection, table: str) -> list[Finding]:
    """Rows that are not as they were entered last: changed, gone, or there without an entry.

    Of what is written once also rows that were entered as changed: no process of ours did that.
    """
    kept = KEPT[table]
    query = sql.SQL(_SQL["differences"].decode()).format(
        table=sql.Identifier("public", table),
        prefix=sql.Literal(f"{table}/"),
        key=sql.SQL(" || '/' || ").join(
            sql.SQL("(to_jsonb(rows_there) ->> {})").format(sql.Literal(column))
            for column in kept.key
        ),
        omitted=sql.Literal(list(kept.omitted)),
        changes=sql.Literal(kept.changes),
        limit=sql.Literal(MOST_FINDINGS),
    )
    return [Finding(place=place, problem=what) for place, what in connection.execute(query)]


def replaced(connection: Connection) -> list[Finding]:
    """What is no plain table any more: a view or a rule tells each reader what it likes."""
    tables = [*KEPT, "ledger", "ledger_entry", "ledger_tile", "ledger_checkpoint"]
    found = connection.execute(_SQL["replaced"], {"tables": tables})
    return [Finding(place=table, problem="is not the plain table it was") for (table,) in found]


def kept_now(connection: Connection) -> dict[str, Kept]:
    """What the database's triggers keep, as far as one can believe them."""
    return {
        table: Kept(
            key=tuple(key.split(",")),
            omitted=tuple(filter(None, omitted.split(","))),
            changes=changes,
        )
        for table, key, omitted, changes in connection.execute(_SQL["kept_now"])
    }
