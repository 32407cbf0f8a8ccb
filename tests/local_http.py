"""How the tests reach servers on this machine; none of them speaks TLS."""

from __future__ import annotations

import ssl
from typing import Any, Final

import httpx

# Reading the bundle of authorities takes 20 ms for each client: a poll would keep a core busy.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def get(url: str, **fields: Any) -> httpx.Response:
    return httpx.get(url, verify=NO_TLS, trust_env=False, **fields)


def is_well(url: str) -> bool:
    """Whether a server says that it is well; False while nobody listens."""
    try:
        return get(url).is_success
    except httpx.TransportError:
        return False
