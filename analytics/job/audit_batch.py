"""Stored messages beside the readings that are stored as theirs, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.job.audit_message import (
    NOTHING_STORED,
    account_of,
    clock_difference,
    difference,
    is_stored,
)
from coldgate.errors import WireError
from coldgate.storage import evidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.job.audit_message import Account, Told
    from coldgate.storage.connection import Connection
    from coldgate.storage.evidence import ChannelKey, StoredMessage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examined:
    """What messages say and what is wrong with them, in words by their ids.

    Those that cannot be believed are ``unreadable``: they say nothing.
    """

    told: Sequence[Told]
    channels: Mapping[ChannelKey, int]
    problems: Mapping[int, str]
    unreadable: frozenset[int]


def examine(connection: Connection, messages: Sequence[StoredMessage]) -> Examined:
    """Verify the signatures of messages, and compare what they say with what is stored."""
    problems: dict[int, str] = {}
    accounts = _readable(messages, problems)
    unreadable = frozenset(problems)
    told = [one for account in accounts.values() for one in account.readings]
    channels = evidence.channels(connection, {one.key[:2] for one in told})
    by_id = {message.id: message for message in messages}
    _compare(connection, by_id, told, channels, problems)
    _compare_clocks(connection, by_id, accounts, problems)
    return Examined(told=told, channels=channels, problems=problems, unreadable=unreadable)


def _readable(messages: Sequence[StoredMessage], problems: dict[int, str]) -> dict[int, Account]:
    """What the messages say; those that cannot be believed are entered in ``problems``."""
    accounts: dict[int, Account] = {}
    for message in messages:
        try:
            accounts[message.id] = account_of(message)
        except WireError as error:
            problems[message.id] = str(error)
    return accounts


def _compare(
    connection: Connection,
    messages: Mapping[int, StoredMessage],
    told: Sequence[Told],
    channels: Mapping[ChannelKey, int],
    problems: dict[int, str],
) -> None:
    """Enter in ``problems`` which messages are stored otherwise than they say."""
    known = [one for one in told if one.key in channels]
    spans = [(channels[one.key], one.first_at, one.last_at) for one in known]
    rows = iter(evidence.stored(connection, spans))
    for one in told:
        there = next(rows) if one.key in channels else NOTHING_STORED
        if is_stored(one, there):
            continue
        channel = channels.get(one.key)
        span = None if channel is None else (channel, one.first_at, one.last_at)
        other = evidence.conflicts(connection, span) if span else set()
        refused = one.key[1] in evidence.refused_serials(
            connection, messages[one.message_id].payload
        )
        problem = difference(one, there, other, refused=refused)
        if problem is not None:
            problems.setdefault(one.message_id, f"logger {one.key[1]}: {problem}")


def _compare_clocks(
    connection: Connection,
    messages: Mapping[int, StoredMessage],
    accounts: Mapping[int, Account],
    problems: dict[int, str],
) -> None:
    """The same of the clocks: a comparison that is changed moves readings out of the journey."""
    told = {key for account in accounts.values() for key in account.clocks}
    stored = evidence.clock_pairs(connection, list(accounts), told)
    for number, account in accounts.items():
        if clock_difference(number, account.clocks, stored, frozenset()) is None:
            continue
        refused = evidence.refused_serials(connection, messages[number].payload)
        problem = clock_difference(number, account.clocks, stored, refused)
        if problem is not None:
            problems.setdefault(number, problem)
