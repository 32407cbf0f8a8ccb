"""The ledger as parties see it: entries, proofs, checkpoints, keys."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from api_world import SIGNING_KEY
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.ledger.checkpoints import Notary
from api.signing import Signer
from coldgate import merkle
from coldgate.launch.process import wait_until
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    from api_world import World

pytestmark = pytest.mark.database


def entered(world: World, consignment: str) -> dict[str, Any]:
    """The entry of the making of a consignment, once it has its place."""

    def found() -> list[dict[str, Any]]:
        page = world.get("/ledger/entries", subject=consignment, kind="consignment.added")
        items: list[dict[str, Any]] = page["items"]
        return items

    assert wait_until(lambda: bool(found()), seconds=10)
    return found()[0]


def signed_for(world: World) -> dict[str, Any]:
    """The newest checkpoint of all that has its place; it does not wait for the minute."""
    notary = Notary(signer=Signer(SIGNING_KEY), origin="coldgate.local/ledger")
    with connect(world.dsn, "coldgate_api") as connection:
        notary.checkpoint(connection, datetime.now(UTC) + timedelta(minutes=2))
    return world.get("/ledger/checkpoint")


def opened(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint, verified as the Go checksum database would."""
    name, number, encoded = vkey.split("+", 2)
    kind, public = base64.b64decode(encoded)[:1], base64.b64decode(encoded)[1:]
    assert kind == b"\x01"
    assert hashlib.sha256(f"{name}\n".encode() + kind + public).hexdigest()[:8] == number
    text, _, line = note.partition("\n\n")
    dash, signer, signature = line.rstrip("\n").split(" ")
    assert (dash, signer) == ("—", name)
    signed = base64.b64decode(signature)
    assert signed[:4].hex() == number
    Ed25519PublicKey.from_public_bytes(public).verify(signed[4:], f"{text}\n".encode())
    origin, size, root = text.split("\n")
    return origin, int(size), base64.b64decode(root)


def test_every_act_gets_its_place_with_a_body_that_has_its_digest(world: World) -> None:
    entry = entered(world, world.consign(place=False))

    whole = world.get(f"/ledger/entries/{entry['sequence']}")

    assert hashlib.sha256(whole["body"].encode()).hexdigest() == entry["digest"]
    assert json.loads(whole["body"])["consignee"] == "hospital"
    assert entry["actor"].startswith("maker/")


def test_entry_is_proven_with_what_is_published_alone(world: World) -> None:
    entry = entered(world, world.consign(place=False))
    sequence = entry["sequence"]
    checkpoint = signed_for(world)
    keys = world.get("/keys")
    origin, size, root = opened(checkpoint["note"], keys["items"][-1]["note_key"])
    stamp = entry["entered_at"].replace("Z", "").ljust(26, "0") + "Z"
    fields = [str(sequence), stamp, entry["actor"], entry["kind"], entry["subject"]]
    leaf_data = bytes.fromhex(entry["previous"])
    leaf_data += "\x1f".join([*fields, entry["digest"]]).encode()

    proven = world.get(f"/ledger/entries/{sequence}/proof", size=size)

    assert origin == keys["origin"]
    assert hashlib.sha256(leaf_data).hexdigest() == entry["hash"]
    assert merkle.verify_inclusion(
        merkle.leaf_hash(leaf_data),
        index=sequence - 1,
        size=size,
        proof=[bytes.fromhex(one) for one in proven["proof"]],
        root=root,
    )


def test_ledger_is_proven_to_have_only_grown(world: World) -> None:
    sequence = entered(world, world.consign(place=False))["sequence"]
    early = world.get("/ledger/consistency", **{"from": 3, "to": sequence - 1})

    late = world.get("/ledger/consistency", **{"from": sequence - 1, "to": sequence})

    assert early["second_root"] == late["first_root"]
    assert merkle.verify_consistency(
        old=sequence - 1,
        old_root=bytes.fromhex(late["first_root"]),
        new=sequence,
        new_root=bytes.fromhex(late["second_root"]),
        proof=[bytes.fromhex(one) for one in late["proof"]],
    )


def test_party_sees_its_own_acts_and_those_about_its_consignments(world: World) -> None:
    sequence = entered(world, world.consign(place=False))["sequence"]
    path = f"/ledger/entries/{sequence}"
    answers = {party: world.of(party).get(path).status_code for party in ("truck", "stranger")}
    proof = world.of("stranger").get(f"{path}/proof")

    assert answers == {"truck": 200, "stranger": 404}
    assert proof.status_code == 404
    page = world.get("/ledger/entries", party="stranger", limit=1000)
    assert all(entry["actor"].startswith("stranger/") for entry in page["items"])


def test_evaluation_tells_of_no_journeys_that_are_not_for_the_reader(world: World) -> None:
    before, after = (world.consign(place=False, **whose) for whose in ({}, {"consignee": "truck"}))
    spent = {"sources": [f"{after}/1"]}
    body = json.dumps({"budgets": [{"spent": spent, "total": spent}]}).encode()
    subject = f"consignment/{before}/evaluation/1"
    world.fetch("SELECT append_ledger('analytics', 'evaluation', %s, %s)", subject, body)

    def sequences() -> list[int]:
        page = world.get("/ledger/entries", subject=subject)
        return [entry["sequence"] for entry in page["items"]]

    assert wait_until(lambda: bool(sequences()), seconds=10)
    path = f"/ledger/entries/{sequences()[0]}"
    told = {party: world.get(path, party=party)["body"] for party in ("maker", "hospital")}
    assert told == {"maker": body.decode(), "hospital": None}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/ledger/consistency", {"from": 1, "to": 10**9}),
        ("/ledger/consistency", {"from": 5, "to": 4}),
        ("/ledger/entries/5/proof", {"size": 4}),
        ("/ledger/entries/5/proof", {"size": 10**9}),
    ],
)
def test_proof_about_a_ledger_that_never_was_is_refused(
    world: World, path: str, query: dict[str, int]
) -> None:
    entered(world, world.consign(place=False))

    answer = world.of("operator").get(path, params=query)

    assert (answer.status_code, answer.json()["code"]) == (409, "SIZE_UNKNOWN")


def test_consignor_says_whether_unsigned_messages_will_do(world: World) -> None:
    party = world.join("manufacturer")
    accepts = "SELECT accepts_unsigned(%s)"
    before = world.fetch(accepts, party)

    for accepted in (True, False, True):
        body = {"accepted": accepted, "reason": "pilot"}
        world.post("/unsigned-consents", body, party=party)

    assert (before, world.fetch(accepts, party)) == ([False], [True])
    said = world.get("/unsigned-consents", party=party)["items"]
    assert [one["accepted"] for one in said] == [True, False, True]
    assert said[0]["recorded_by"].startswith(f"{party}/")


def test_nobody_consents_for_another_party(world: World) -> None:
    body = {"accepted": True, "reason": "pilot", "party": "maker"}

    answer = world.of("truck").post("/unsigned-consents", json=body)

    assert answer.status_code == 403
    assert world.fetch("SELECT accepts_unsigned('maker')") == [False]


def test_audit_of_an_evaluation_is_told_to_whoever_takes_part(world: World) -> None:
    consignment = world.consign(place=False)
    path = f"/consignments/{consignment}/evaluations/{world.judge(consignment)}/audit"

    assert world.get(path, party="hospital")["broken"] == 0
    assert world.of("stranger").get(path).status_code == 404
