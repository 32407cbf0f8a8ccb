"""Profiles through the API: who may add one, which one goods get, and that none ever changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from judging import BUILTIN, make_profile, make_rule
from psycopg.types.json import Jsonb

from api.consignments.profile_service import store_builtin_profiles
from coldgate.errors import ProfileError
from coldgate.storage.connection import connect

if TYPE_CHECKING:
    import httpx
    from api_world import World

pytestmark = pytest.mark.database

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = ((TODAY + timedelta(days=days)).isoformat() for days in (-1, 1))


def written(**changes: Any) -> dict[str, Any]:
    return make_profile(**{"id": "ACME_2_8", **changes}).as_json()


def offer(world: World, party: str = "maker", **changes: Any) -> httpx.Response:
    return world.of(party).post("/profiles", json={"profile": written(**changes)})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_manufacturer_adds_versions_and_none_ever_changes(world: World) -> None:
    first = offer(world, id="ACME_A")
    again = offer(world, id="ACME_A", label=[1.0, 8.0])
    second = offer(world, id="ACME_A", version=2, label=[1.0, 8.0])

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["party"] == "maker"
    assert first.json()["body"] == written(id="ACME_A")
    assert refusal(again) == (409, "PROFILE_VERSION")
    recorded = (
        "SELECT subject FROM ledger_entry WHERE kind = 'profile.added' AND subject ~ 'ACME_A'"
    )
    assert world.fetch(recorded) == ["ACME_A/1", "ACME_A/2"]


def test_nobody_speaks_in_the_name_of_another(world: World) -> None:
    assert offer(world, id="ACME_B").status_code == 201

    assert refusal(offer(world, "truck")) == (403, "CANNOT_SET_RULES")
    assert refusal(offer(world, "operator", id="ACME_B", version=2)) == (409, "PROFILE_TAKEN")
    assert refusal(offer(world, id="USP_CCT_2_8", version=9)) == (409, "PROFILE_RESERVED")
    assert refusal(offer(world, id="WHO_OURS")) == (409, "PROFILE_RESERVED")


def test_a_contradiction_is_answered_with_the_path_of_the_key(world: World) -> None:
    answer = offer(world, rules=[make_rule(when="T > 7.0", mode="instant", budget=...)])

    assert refusal(answer) == (422, "PROFILE_REFUSED")
    location = answer.json()["errors"][0]["location"]
    assert location == ["body", "profile", "rules[0].when"]


def test_goods_get_the_newest_version_in_force(world: World) -> None:
    validities = (None, YESTERDAY), (YESTERDAY, None), (TOMORROW, None)
    for version, (first, last) in enumerate(validities, start=1):
        valid = {"from": first, "until": last}
        assert offer(world, id="ACME_C", version=version, valid=valid).status_code == 201

    consignment = world.consign(profile={"id": "ACME_C"})

    shown = world.get(f"/consignments/{consignment}")["profile"]
    assert shown == {"id": "ACME_C", "version": 2}
    ended = {"id": "ACME_C", "version": 1}
    answer = world.of("maker").put(f"/consignments/{consignment}/profile", json=ended)
    assert refusal(answer) == (409, "PROFILE_NOT_VALID")


def test_goods_are_frozen_to_a_profile_only_while_it_is_in_force(world: World) -> None:
    for version, day in enumerate((TOMORROW, YESTERDAY), start=1):
        valid = {"from": day, "until": None}
        assert offer(world, id="ACME_D", version=version, valid=valid).status_code == 201
    consignment = world.consign(profile={"id": "ACME_D", "version": 1})

    early = world.gate(consignment, "dispatch")
    world.of("maker").put(f"/consignments/{consignment}/profile", json={"id": "ACME_D"})

    assert [item["code"] for item in early["checks"] if item["verdict"] != "PASS"] == [
        "PROFILE_MISSING"
    ]
    assert world.gate(consignment, "dispatch")["permitted"]


@pytest.mark.parametrize("changed", ["nothing", "wording", "meaning", "owner"])
def test_a_packaged_profile_is_never_another_one_in_the_database(
    plain_database: str, changed: str
) -> None:
    profile = BUILTIN["WHO_30DTR"]
    body = dict(profile.as_json())
    if changed == "wording":
        del body["gaps"]["allowed"]  # type: ignore[union-attr]  # it is a mapping
    if changed == "meaning":
        body["minimum_coverage"] = 1.0
    digest = profile.digest if changed == "nothing" else "-"
    with connect(plain_database) as connection:
        connection.execute("INSERT INTO party VALUES ('maker', 'm', 'manufacturer')")
        connection.execute(
            "INSERT INTO profile (id, version, digest, body, party_id) VALUES (%s, %s, %s, %s, %s)",
            (
                profile.id,
                profile.version,
                digest,
                Jsonb(body),
                "maker" if changed == "owner" else None,
            ),
        )

        if changed in ("nothing", "wording"):
            store_builtin_profiles(connection)
        else:
            with pytest.raises(
                ProfileError, match="WHO_30DTR, version 2: the database has another"
            ):
                store_builtin_profiles(connection)
