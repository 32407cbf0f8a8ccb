"""``coldgate secrets`` and the health check of our containers."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from coldgate.errors import LaunchError
from coldgate.launch.broker import issuer_of
from coldgate.launch.deployment import new_environment, write_environment
from coldgate.launch.probe import problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()
        self.wfile.write(b"# a comment\nqueue_open 1.0\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def secrets(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coldgate", "secrets", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_secrets_are_for_their_owner_only_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    assert secrets(path).returncode == 0
    first = path.read_text(encoding="ascii")
    again = secrets(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert path.read_text(encoding="ascii") == first


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"no-folder/\.env cannot be made: No such file"):
        write_environment(tmp_path / "no-folder" / ".env", new_environment())


def test_every_secret_is_new_and_safe_in_urls_and_in_the_brokers_file() -> None:
    one, other = new_environment(), new_environment()

    assert not set(one.values()) & set(other.values())
    read_by_the_broker = {name: word for name, word in one.items() if "SIGNING" not in name}
    assert all(word[0].isalpha() for word in read_by_the_broker.values())
    assert all(set(value) <= set("_-") | set(filter(str.isalnum, value)) for value in one.values())


def test_issuer_is_the_public_half_of_the_seed() -> None:
    environment = new_environment()

    assert (
        issuer_of(environment["COLDGATE_AUTHORITY_SEED"])
        == (environment["COLDGATE_AUTHORITY_ISSUER"])
    )


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("/well", "", None),
        ("/well", "queue_open 1.0", None),
        ("/well", "queue_open 0.0", "no line begins with 'queue_open 0.0'"),
        ("/ill", "", "HTTP Error 503"),
    ],
)
def test_health_check_looks_at_status_and_line(
    site: str, path: str, text: str, expected: str | None
) -> None:
    found = problem(site + path, text)

    assert found is None if expected is None else expected in str(found)


def test_health_check_of_something_else_than_http_is_refused() -> None:
    assert problem("file:///etc/passwd") == "file:///etc/passwd is no http:// address"
