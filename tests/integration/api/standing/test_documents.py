from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import class_row

from coldgate.crypto import public_key_text
from coldgate.storage import documents
from coldgate.storage.documents import Demand

if TYPE_CHECKING:
    import httpx
    from api_world import World

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
YESTERDAY = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
TODAY = datetime.now(UTC).date().isoformat()


def send(
    world: World,
    party: str,
    content: bytes = PDF,
    media_type: str = "application/pdf",
    **about: Any,
) -> httpx.Response:
    query = {"kind": "conformity_certificate", "title": "Certificate"} | about
    headers = {"Content-Type": media_type}
    return world.of(party).post("/documents", params=query, content=content, headers=headers)


def add(world: World, party: str = "maker", **about: Any) -> int:
    answer = send(world, party, **about)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number


def goods(world: World, **demand: Any) -> tuple[str, str]:
    """A product that demands a document of each lot, and a consignment of it."""
    product = world.name("prod")
    world.add_product(product)
    world.post(f"/products/{product}/lots", {"number": "L1", "expires_on": "2199-12-31"})
    body = {"kind": "conformity_certificate"} | demand
    world.post(f"/products/{product}/requirements", body, party="maker")
    line = {"product": product, "lot": "L1", "quantity": 1}
    return product, world.consign(lines=[line], place=False)


def facts(world: World, consignment: str) -> list[Demand]:
    with psycopg.connect(world.dsn) as connection:
        return verdicts(connection, consignment)


def verdicts(connection: psycopg.Connection[Any], consignment: str) -> list[Demand]:
    """What the consignment's products demand, each with its best document."""
    query = "SELECT * FROM demanded_documents(%s)"
    with connection.cursor(row_factory=class_row(Demand)) as cursor:
        demands = cursor.execute(query, (consignment,)).fetchall()
    return documents.with_signatures(connection, demands)


def signing_key(world: World, party: str = "maker") -> tuple[Ed25519PrivateKey, str, int]:
    key = Ed25519PrivateKey.generate()
    public = public_key_text(key)
    made = world.post("/document-keys", {"public_key": public}, party=party)
    return key, public, made["id"]


def signature(key: Ed25519PrivateKey, content: bytes = PDF) -> str:
    return base64.urlsafe_b64encode(key.sign(content)).rstrip(b"=").decode()


def test_a_document_comes_back_byte_for_byte_and_shows_itself_nowhere(world: World) -> None:
    number = add(world, product="vaccine", sha256=hashlib.sha256(PDF).hexdigest())

    answer = world.of("maker").get(f"/documents/{number}/content")

    assert answer.content == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("code", "about"),
    [
        ("DOCUMENT_DIGEST_MISMATCH", {"sha256": "0" * 64}),
        ("DOCUMENT_TYPE_MISMATCH", {"media_type": "image/png"}),
        ("DOCUMENT_TYPE_MISMATCH", {"media_type": "text/html", "content": b"<script>"}),
        ("DOCUMENT_EMPTY", {"content": b""}),
        ("VALIDATION_FAILED", {"consignment": "con-0001"}),
        ("VALIDATION_FAILED", {"signature": "A" * 86}),
        ("VALIDATION_FAILED", {"title": "a\0b"}),
    ],
)
def test_an_upload_that_contradicts_itself_is_refused(
    world: World, code: str, about: dict[str, Any]
) -> None:
    answer = send(world, "maker", product="vaccine", **about)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_body_over_the_limit_is_refused_in_words_and_not_kept(world: World) -> None:
    most = 10 * 1024 * 1024
    large = b"x" * (most + 1)

    refused = send(world, "maker", large, "text/plain", product="vaccine")
    taken = send(world, "maker", large[:-1], "text/plain", product="vaccine")

    assert (refused.status_code, refused.json()["code"]) == (413, "DOCUMENT_TOO_LARGE")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert taken.json()["size"] == most


def test_a_body_without_a_length_is_counted_as_it_comes(world: World) -> None:
    parts = (b"x" * 65_536 for _ in range(200))
    answer = world.of("maker").post(
        "/documents",
        params={"kind": "test_report", "title": "long", "product": "vaccine"},
        content=parts,
        headers={"Content-Type": "text/plain"},
    )

    assert answer.json()["code"] == "DOCUMENT_TOO_LARGE"


def test_the_same_upload_under_one_key_is_one_document(world: World) -> None:
    name = world.name("key")
    query = {"kind": "test_report", "title": "twice", "product": "vaccine"}
    headers = {"Content-Type": "application/pdf", "Idempotency-Key": name}
    sent = [
        world.of("maker").post("/documents", params=query, content=PDF, headers=headers)
        for _ in range(2)
    ]

    assert sent[0].json() == sent[1].json()
    assert sent[1].headers["Idempotency-Replayed"] == "true"


def test_who_does_not_own_the_product_adds_nothing_about_it(world: World) -> None:
    for party in ("truck", "hospital", "stranger"):
        assert send(world, party, product="vaccine").status_code == 404
    assert send(world, "operator", product="vaccine").status_code == 201


def test_a_document_is_seen_by_who_has_a_part_in_the_lot_only(world: World) -> None:
    product, _ = goods(world)
    number = add(world, product=product, lot="L1")

    for party in ("maker", "truck", "hospital", "operator"):
        assert world.of(party).get(f"/documents/{number}").status_code == 200
    assert world.of("stranger").get(f"/documents/{number}").status_code == 404
    assert world.of("stranger").get(f"/documents/{number}/content").status_code == 404
    assert world.get("/documents", party="stranger", product=product)["items"] == []
    assert world.of("stranger").get(f"/products/{product}/requirements").status_code == 404


def test_a_document_of_a_consignment_is_for_its_parties(world: World) -> None:
    consignment = world.consign(place=False)
    number = add(world, "truck", kind="packing_proof", consignment=consignment)

    assert world.of("hospital").get(f"/documents/{number}").status_code == 200
    assert world.of("stranger").get(f"/documents/{number}").status_code == 404
    assert send(world, "stranger", consignment=consignment).status_code == 404


def test_a_driver_adds_proofs_of_a_journey_and_nothing_about_products(world: World) -> None:
    driver, consignment = world.user("truck", "carrier"), world.consign(place=False)
    query = {"kind": "packing_proof", "title": "Photo"}
    headers = {"Content-Type": "application/pdf"}
    proof, paper = (
        driver.post("/documents", params=query | about, content=PDF, headers=headers)
        for about in ({"consignment": consignment}, {"product": "vaccine"})
    )

    assert proof.status_code == 201
    assert (paper.status_code, paper.json()["code"]) == (403, "RIGHT_MISSING")


def test_a_demand_is_met_by_the_owners_or_operators_document(world: World) -> None:
    product, consignment = goods(world)
    [before] = facts(world, consignment)
    number = add(world, product=product, lot="L1")
    [after] = facts(world, consignment)

    assert (before.document_id, before.verified) == (None, False)
    assert (after.document_id, after.verified, after.expired) == (number, True, False)


@pytest.mark.shows("DOCUMENT_MISSING")
def test_a_document_of_another_lot_or_kind_meets_no_demand(world: World) -> None:
    product, consignment = goods(world)
    world.post(f"/products/{product}/lots", {"number": "L2", "expires_on": "2199-12-31"})
    add(world, product=product, lot="L2")
    add(world, product=product)
    add(world, product=product, lot="L1", kind="test_report")

    assert [fact.document_id for fact in facts(world, consignment)] == [None]


@pytest.mark.shows("DOCUMENT_EXPIRED")
def test_the_last_day_of_a_document_is_included(world: World) -> None:
    product, consignment = goods(world)
    add(world, product=product, lot="L1", valid_until=YESTERDAY)
    [lapsed] = facts(world, consignment)
    add(world, product=product, lot="L1", valid_until=TODAY)
    [valid] = facts(world, consignment)

    assert (lapsed.expired, valid.expired) == (True, False)


@pytest.mark.shows("DOCUMENT_MISSING")
def test_a_withdrawn_document_counts_no_longer_and_stays_readable(world: World) -> None:
    product, consignment = goods(world)
    number = add(world, product=product, lot="L1")

    path = f"/documents/{number}/withdraw"
    assert world.of("hospital").post(path, json={"reason": "mine"}).status_code == 403
    world.post(path, {"reason": "issued for another lot"}, party="maker")

    assert world.of("maker").post(path, json={"reason": "again"}).status_code == 409
    assert [fact.document_id for fact in facts(world, consignment)] == [None]
    assert world.of("hospital").get(f"/documents/{number}/content").content == PDF


def test_a_demand_that_was_removed_is_none(world: World) -> None:
    product, consignment = goods(world)
    [demand] = world.get(f"/products/{product}/requirements", party="truck")["items"]
    path = f"/products/{product}/requirements/{demand['id']}/remove"

    assert world.of("truck").post(path).status_code == 404
    world.post(path, {}, party="maker")

    assert facts(world, consignment) == []


def test_a_carriers_own_proof_counts_once_somebody_else_signed_it_in(world: World) -> None:
    _, consignment = goods(world, kind="packing_proof", per="consignment")
    number = add(world, "truck", kind="packing_proof", consignment=consignment)
    path = f"/documents/{number}/vouch"
    [alone] = facts(world, consignment)

    assert world.of("truck").post(path).json()["code"] == "CANNOT_VOUCH"
    assert world.of("hospital").post(path).json()["code"] == "CANNOT_VOUCH"
    world.post(path, {}, party="maker")
    [vouched] = facts(world, consignment)

    assert (alone.document_id, vouched.document_id) == (None, number)


def test_every_carrier_owes_what_is_demanded_of_carriers(world: World) -> None:
    other = world.join("carrier")
    product, _ = goods(world, kind="gdp_certificate", per="carrier")
    legs = [{"carrier": one, "origin": "a", "destination": "b"} for one in ("truck", other)]
    line = {"product": product, "lot": "L1", "quantity": 1}
    consignment = world.consign(lines=[line], legs=legs, place=False)
    add(world, "operator", kind="gdp_certificate", carrier="truck")
    met = {fact.carrier_id: fact.document_id is not None for fact in facts(world, consignment)}

    assert met == {"truck": True, other: False}


@pytest.mark.shows("DOCUMENT_UNVERIFIED")
def test_a_signature_is_verified_when_it_comes_and_again_at_the_gate(world: World) -> None:
    product, consignment = goods(world, signed=True)
    key, public, _ = signing_key(world)
    about = {"product": product, "lot": "L1", "key": public}
    wrong = send(world, "maker", signature=signature(key, b"other"), **about)
    add(world, product=product, lot="L1")
    [unsigned] = facts(world, consignment)
    add(world, signature=signature(key), **about)
    [signed] = facts(world, consignment)

    assert wrong.json()["code"] == "DOCUMENT_SIGNATURE_INVALID"
    assert (unsigned.verified, signed.verified) == (False, True)


def test_what_a_revoked_key_signed_counts_as_unsigned(world: World) -> None:
    product, consignment = goods(world)
    key, public, number = signing_key(world)
    about = {"product": product, "lot": "L1", "key": public, "signature": signature(key)}
    add(world, **about)
    world.post(f"/document-keys/{number}/revoke", {}, party="maker")
    [fact] = facts(world, consignment)

    assert not fact.verified
    assert send(world, "maker", **about).json()["code"] == "DOCUMENT_KEY_UNKNOWN"


def test_the_key_of_another_party_signs_nothing(world: World) -> None:
    product, _ = goods(world)
    key, public, number = signing_key(world, "truck")
    about = {"product": product, "lot": "L1", "key": public, "signature": signature(key)}

    assert send(world, "maker", **about).json()["code"] == "DOCUMENT_KEY_UNKNOWN"
    assert world.of("maker").post(f"/document-keys/{number}/revoke").status_code == 404


@pytest.mark.shows("DOCUMENT_UNVERIFIED")
def test_bytes_that_the_owner_of_the_database_changed_are_found(world: World) -> None:
    product, consignment = goods(world)
    number = add(world, product=product, lot="L1")
    with psycopg.connect(world.dsn) as connection:
        connection.execute("ALTER TABLE document DISABLE TRIGGER change_is_refused")
        query = "UPDATE document SET content = content || 'x' WHERE id = %s"
        connection.execute(query, (number,))
        [fact] = verdicts(connection, consignment)
        connection.rollback()

    assert (fact.digest_matches, fact.verified) == (False, False)
