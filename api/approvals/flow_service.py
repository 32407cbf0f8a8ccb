"""Flows: which there are, and who may add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.approvals.flow_format import as_json, load_builtin_flows, parse_flow
from api.approvals.schemas import FlowList, FlowView
from coldgate.crypto import canonical_json, sha256_hex
from coldgate.errors import ConflictError, FlowError
from coldgate.storage import flows
from coldgate.storage.flows import NewFlow

if TYPE_CHECKING:
    from api.approvals.flow import Flow
    from api.approvals.schemas import FlowIn
    from api.caller import Caller
    from coldgate.storage.connection import Connection


def add_flow(connection: Connection, caller: Caller, new: FlowIn) -> FlowView:
    """Add the next version of a party's own flow; requests that are open keep theirs.

    Raises:
        FlowError: it contradicts itself, or is weaker than it may be.
        ConflictError: its version is not the next one.
    """
    party = caller.acting_for(new.party)
    flow = parse_flow(new.flow)
    own = [row for row in flows.versions(connection, name=flow.name) if row.party_id == party]
    following = own[0].version + 1 if own else 1
    if flow.version != following:
        words = f"the next version of {party}'s {flow.name} is {following}; none changes"
        raise ConflictError("FLOW_VERSION", words)
    row = flows.insert(connection, _new(flow, party))
    subject = f"{party}/{flow.name}/{flow.version}"
    caller.record(connection, "flow.added", subject, digest=row.digest, flow=row.body)
    return FlowView.model_validate(row)


def list_flows(connection: Connection, caller: Caller) -> FlowList:
    """The packaged flows and the caller's own; for the operator those of all."""
    rows = flows.versions(connection, scope=caller.scope)
    return FlowList(items=[FlowView.model_validate(row) for row in rows])


def store_builtin_flows(connection: Connection) -> None:
    """Add the packaged flows that the database does not have.

    Raises:
        FlowError: the database has another flow under one of their names and versions.
    """
    for flow in load_builtin_flows():
        new = _new(flow, None)
        flows.ensure(connection, new)
        stored = flows.versions(connection, name=flow.name)
        same = [row for row in stored if row.party_id is None and row.version == flow.version]
        if [row.digest for row in same] != [new.digest]:
            problem = "the database has another one under this version; versions never change"
            raise FlowError(flow.name, f"version {flow.version}", problem)


def _new(flow: Flow, party: str | None) -> NewFlow:
    body = as_json(flow)
    return NewFlow(
        name=flow.name,
        version=flow.version,
        party=party,
        digest=sha256_hex(canonical_json(body)),
        body=body,
    )
