"""Every error that Coldgate raises on purpose; one class per decision a caller makes.

ColdgateError
├── SettingsError          the process was configured wrongly; do not start
├── LaunchError            an embedded server cannot be run here
├── MigrationError         the database's schema is not one this version may touch
├── FileFormatError        a logger file cannot be read; nothing of it was taken
├── WireError              a message breaks the wire contract; quarantine it under ``code``
├── LedgerError            the ledger is not what it was; nothing may be proven from it
├── NoteError              a signed note, or the checkpoint in it, is not what it should be
├── ProfileError           a profile contradicts itself; ``path`` names the offending key
├── ScanError              a scanned code cannot be read; ``place`` is where, from 1
├── DocumentError          the bytes of a document are not what is said of them; ``code`` is stable
├── DocumentTooLargeError  a document is larger than ``most`` bytes
├── FlowError              an approval flow contradicts itself; ``path`` names the offending key
├── JudgementError         a consignment cannot be judged, or an evaluation not be made again
├── OutboxFullError        the gateway's disk budget is used up; the logger keeps its readings
├── NotFoundError          no such thing, or none that the caller may see
├── ConflictError          the request contradicts what is stored; nothing changed
└── ForbiddenError         the caller is known and may not do this
"""

from __future__ import annotations


class ColdgateError(Exception):
    """Base of all errors raised on purpose; the message is written for the person who reads it."""


class SettingsError(ColdgateError):
    """The process was configured wrongly and must not start."""


class LaunchError(ColdgateError):
    """An embedded server cannot be run here; the message says what to install or to change."""


class MigrationError(ColdgateError):
    """The schema in the database is not one that this version may touch."""


class FileFormatError(ColdgateError):
    """A logger file cannot be read; ``line`` is counted from 1, 0 where no line is to blame."""

    def __init__(self, path: str, line: int, problem: str) -> None:
        where = f"{path}:{line}" if line else path
        super().__init__(f"{where}: {problem}")
        self.path = path
        self.line = line
        self.problem = problem


class WireError(ColdgateError):
    """A message breaks the wire contract; ``code`` is stable and goes into quarantine with it."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(f"{code}: {problem}")
        self.code = code
        self.problem = problem


class LedgerError(ColdgateError):
    """The ledger is not what it was: rows are missing, or do not fit; the message says which."""


class NoteError(ColdgateError):
    """A signed note, or the checkpoint in it, is not what it should be; the message says why."""


class ProfileError(ColdgateError):
    """A profile contradicts itself; ``path`` names the offending key, such as ``rules[2].when``."""

    def __init__(self, profile: str, path: str, problem: str) -> None:
        super().__init__(f"profile {profile}, {path}: {problem}")
        self.profile = profile
        self.path = path
        self.problem = problem


class ScanError(ColdgateError):
    """A scanned code cannot be read; ``place`` counts its characters from 1, ``code`` is stable."""

    def __init__(self, code: str, place: int, problem: str) -> None:
        super().__init__(f"character {place}: {problem}")
        self.code = code
        self.place = place
        self.problem = problem


class FlowError(ColdgateError):
    """An approval flow contradicts itself; ``path`` names the key, such as ``steps[1].limit``."""

    def __init__(self, flow: str, path: str, problem: str) -> None:
        super().__init__(f"flow {flow}, {path}: {problem}")
        self.flow = flow
        self.path = path
        self.problem = problem


class DocumentError(ColdgateError):
    """The bytes of a document are not what is said of them; nothing was kept."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code
        self.problem = problem


class DocumentTooLargeError(ColdgateError):
    """A document is larger than ``most`` bytes; the rest of it was not read."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a document has at most {most} bytes")
        self.most = most


class JudgementError(ColdgateError):
    """A consignment cannot be judged, or an evaluation not be made again; the message says why."""


class OutboxFullError(ColdgateError):
    """The gateway's disk budget is used up; the logger must keep its readings and try later.

    ``capacity`` is None where it was not the number of readings but the disk that left no room.
    """

    def __init__(self, stored: int, capacity: int | None = None) -> None:
        problem = f"outbox holds {stored} of {capacity} readings"
        if capacity is None:
            problem = f"the disk has no room beside the {stored} readings in the outbox"
        super().__init__(f"{problem}; retry later")
        self.stored = stored
        self.capacity = capacity


class NotFoundError(ColdgateError):
    """No such thing, or none that the caller may see; the two look the same on purpose."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"no {kind} {key}")
        self.kind = kind
        self.key = key


class ConflictError(ColdgateError):
    """The request contradicts what is stored; nothing was changed. ``code`` is stable."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code


class ForbiddenError(ColdgateError):
    """The caller is known and may not do this; ``code`` is stable."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code
