"""``python -m coldgate.launch.probe URL [TEXT]``: a health check for containers without curl.

Exit status 0 when the URL answers with 2xx and, if given, a line that begins with TEXT; else 1
with one line that says why.
"""

from __future__ import annotations

import sys
import urllib.request
from typing import Final

TIMEOUT_SECONDS: Final = 3.0
USAGE: Final = 2


def problem(url: str, text: str = "") -> str | None:
    """What is wrong with the service behind ``url``; None when nothing is."""
    if not url.startswith("http://"):
        return f"{url} is no http:// address"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - http only, see above
            lines: list[str] = answer.read().decode("utf-8", errors="replace").splitlines()
    except OSError as error:  # refused, timed out, or an HTTP status that is no success
        return f"{url}: {error}"
    if not text or any(line.startswith(text) for line in lines):
        return None
    return f"{url}: no line begins with {text!r}"


def main(arguments: list[str]) -> int:
    """Exit status for the container engine; the problem goes to stderr."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: python -m coldgate.launch.probe URL [TEXT]\n")
        return USAGE
    found = problem(*arguments)
    if found is not None:
        sys.stderr.write(f"{found}\n")
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
