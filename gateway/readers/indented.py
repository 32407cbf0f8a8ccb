"""The indented ``key: value`` text of Berlinger devices as a tree, strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from coldgate.errors import FileFormatError

_TABLES: Final = ("Data", "Marker")
_TOP_LEVEL: Final = frozenset(
    (
        *("Device", "Vers", "Fw Vers", "Device ID", "Sensor", "Ext Sensor", "Conf", "Errors"),
        *("Hist", "Res", "Marker", "Data", "Cert", "Sig Cert", "Sig"),
    )
)
_LINE: Final = re.compile(r"( *)([^\s:][^:]*):(?: (.*))?")


@dataclass(slots=True)
class Node:
    """One line ``key: value`` and the lines indented below it; tables keep their rows as text."""

    line: int
    key: str
    value: str
    children: list[Node] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file; every look-up that fails is a `FileFormatError` with the line to blame."""

    path: str
    root: Node

    def refuse(self, line: int, problem: str) -> FileFormatError:
        """The error to raise for ``line``."""
        return FileFormatError(self.path, line, problem)

    def child(self, node: Node, key: str) -> Node:
        """The first child of ``node`` called ``key``."""
        found = self.find(node, key)
        if found is None:
            where = f"below {node.key!r}" if node.key else "in the file"
            raise self.refuse(node.line, f"there is no {key!r} {where}")
        return found

    def find(self, node: Node, key: str) -> Node | None:
        """The first child of ``node`` called ``key``; None if there is none."""
        return next((child for child in node.children if child.key == key), None)

    def text(self, node: Node, key: str) -> str:
        """Value of the child ``key``, which must not be empty."""
        child = self.child(node, key)
        if not child.value:
            raise self.refuse(child.line, f"{key!r} is empty")
        return child.value

    def fields(self, node: Node) -> dict[str, str]:
        """The comma-separated fields of one line: ``T AL: +2.0, t AL: 60``."""
        parts = f"{node.key}: {node.value}".split(", ")
        pairs = [part.partition(":") for part in parts]
        if not all(colon for _, colon, _ in pairs):
            raise self.refuse(node.line, f"{node.key!r} is not a list of `key: value`")
        return {key.strip(): value.strip() for key, _, value in pairs}


def parse_document(path: str, content: bytes) -> Document:
    """The tree of one file; `FileFormatError` for the first line that does not belong."""
    text = content.decode("utf-8-sig", errors="replace")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    document = Document(path, Node(line=0, key="", value=""))
    if not lines:
        raise document.refuse(0, "the file is empty")
    open_nodes = [document.root]
    for number, line in enumerate(lines, start=1):
        _add_line(document, open_nodes, number, line.removesuffix("\r"))
    return document


def _add_line(document: Document, open_nodes: list[Node], number: int, line: str) -> None:
    if line.startswith("\t"):
        _add_row(document, open_nodes, number, line)
        return
    match = _LINE.fullmatch(line)
    if match is None:
        raise document.refuse(number, f"not `key: value`: {line[:60]!r}")
    depth = len(match[1])
    if depth >= len(open_nodes):
        raise document.refuse(number, f"{match[2]!r} is indented too far")
    if depth == 0 and match[2] not in _TOP_LEVEL:
        raise document.refuse(number, f"{match[2]!r} does not belong at the margin: indent is lost")
    node = Node(line=number, key=match[2], value=match[3] or "")
    del open_nodes[depth + 1 :]
    open_nodes[-1].children.append(node)
    open_nodes.append(node)


def _add_row(document: Document, open_nodes: list[Node], number: int, line: str) -> None:
    table = open_nodes[-1]
    if len(open_nodes) != 2 or table.key not in _TABLES:  # noqa: PLR2004 - root and the table
        raise document.refuse(number, "a table row outside of a table")
    table.rows.append((number, line[1:].split("\t")))
