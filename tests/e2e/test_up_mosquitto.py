"""``coldgate up --broker mosquitto``: the whole path, and who may take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from command_line import coldgate, machine_up, make_csv
from mqtt_session import Session, may_enter

from coldgate.launch.broker import MosquittoBroker
from coldgate.launch.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Running

pytestmark = pytest.mark.skipif(
    not MosquittoBroker.available(), reason="mosquitto is not installed"
)
PUBLIC_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037, appendix A


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("mosquitto") / "machine"
    with machine_up(folder, "--broker", "mosquitto") as machine:
        yield machine


def tell(machine: Running, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {machine.kept('operator-key')}"}
    answer = httpx.post(f"{machine.kept('api-url')}/v1{path}", headers=headers, json=body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def register(machine: Running, name: str) -> dict[str, Any]:
    return tell(machine, "/gateways", {"id": name, "public_key": PUBLIC_KEY, "party": "operator"})


def enters(shown: dict[str, Any]) -> bool:
    return may_enter(shown["broker_port"], shown["username"], shown["password"])


def until_enters(shown: dict[str, Any]) -> bool:
    return wait_until(lambda: enters(shown), seconds=5)


def test_readings_of_a_file_travel_the_whole_path(machine: Running, tmp_path: Path) -> None:
    file = make_csv(tmp_path, "MOS-1", [5.0] * 20)
    options = ["--profile", "USP_CCT_2_8", "--zone", "UTC", "--folder", str(machine.folder)]
    options += ["--certificate", "CAL-1", "2026-01-01", "2026-12-31", "0.2"]

    taken = coldgate("import", str(file), *options)

    assert taken.returncode == 0, taken.stderr
    assert "20 readings added" in taken.stdout
    assert "verdict PASS" in taken.stdout


def test_gateway_gets_in_without_a_restart_of_the_broker(machine: Running) -> None:
    before = machine.children()["broker"]

    assert until_enters(register(machine, "gw-new"))
    assert machine.children()["broker"] == before


def test_rotated_password_is_refused_and_the_new_one_taken(machine: Running) -> None:
    old = register(machine, "gw-rotated")
    assert until_enters(old)

    new = tell(machine, "/gateways/gw-rotated/rotate", {})

    assert until_enters(new)
    assert not enters(old)


def test_revoked_gateway_is_refused(machine: Running) -> None:
    shown = register(machine, "gw-revoked")
    assert until_enters(shown)

    tell(machine, "/gateways/gw-revoked/revoke", {})

    assert wait_until(lambda: not enters(shown), seconds=5)


def sends(shown: dict[str, Any], topic: str) -> bool:
    """Whether a message left; not so where the broker read its list anew and hung up."""
    with Session(
        port=shown["broker_port"], username=shown["id"], password=shown["password"]
    ) as session:
        try:
            session.publish(topic, b"unreadable", qos=0)
        except RuntimeError:
            return False
        return session.accepted


def test_message_under_the_topic_of_another_never_arrives(machine: Running) -> None:
    register(machine, "gw-victim")
    forger = register(machine, "gw-forger")
    assert until_enters(forger)
    own = forger["topics"]["readings"]

    for topic in (own.replace("gw-forger", "gw-victim"), own):
        assert wait_until(lambda to=topic: sends(forger, to), seconds=10)

    def senders() -> list[str]:
        return [one["sender"] for one in machine.ask("/quarantine")["items"]]

    assert wait_until(lambda: "gw-forger" in senders(), seconds=10)
    assert "gw-victim" not in senders()


def test_killed_admission_comes_back_and_catches_up(machine: Running) -> None:
    psutil.Process(machine.children()["admission"]["pid"]).kill()

    shown = register(machine, "gw-meanwhile")

    assert wait_until(lambda: enters(shown), seconds=20)
    assert wait_until(machine.is_healthy, seconds=20)
