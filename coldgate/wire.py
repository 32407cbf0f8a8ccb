"""The edge contract: topics, native CBOR payload, columnar JSON, acknowledgements.

Everything that comes from outside is checked here, limits first, and every refusal is a
`WireError` with a stable code. The key table of the native payload stands in ``docs/wire.md``.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

import cbor2
import numpy as np

from coldgate.errors import WireError
from coldgate.model import (
    IDENTIFIER,
    PARTITIONS,
    Acknowledgement,
    Block,
    ClockPair,
    Message,
    Quantity,
    Rejection,
    Series,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

VERSION: Final = 1
MAX_MESSAGE_BYTES: Final = 256 * 1024
MAX_STATUS_BYTES: Final = 16 * 1024
MAX_DEPTH: Final = 8
MAX_BLOCKS: Final = 1_000
MAX_BLOCK_READINGS: Final = 10_000
MAX_SERIES: Final = 16
MAX_TIME_DISTANCE_MS: Final = 10 * 366 * 86_400_000
MAX_TIME_AHEAD_MS: Final = 5 * 60_000  # S3: a later stamp is quarantined
MAX_NUMBER: Final = 2**53 - 1  # the largest integer that JSON carries safely

UP_READINGS: Final = "up/readings"
UP_STATUS: Final = "up/status"
UP_JSON: Final = "up/d/json"
DOWN_ACK: Final = "down/ack"

SERIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
STREAM: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,35}")

_PREFIX: Final = "coldgate/v1"
_TOPIC: Final = re.compile(
    rf"{_PREFIX}/(p\d\d)/({IDENTIFIER.pattern})/((?:up|down)/[a-z0-9/-]{{1,64}})"
)
# RFC 8746, table 1: the types we write (little-endian) and the big-endian ones a device may send.
_TYPED_ARRAYS: Final[dict[int, np.dtype[np.integer]]] = {
    64: np.dtype("u1"),
    65: np.dtype(">u2"),
    66: np.dtype(">u4"),
    69: np.dtype("<u2"),
    70: np.dtype("<u4"),
    72: np.dtype("i1"),
    73: np.dtype(">i2"),
    74: np.dtype(">i4"),
    77: np.dtype("<i2"),
    78: np.dtype("<i4"),
}
_TAGS: Final = {dtype: tag for tag, dtype in _TYPED_ARRAYS.items()}
_EXPONENTS: Final = (-9, 3)
_INT16_BYTES: Final = 2
# Keys of the native payload; columnar JSON spells the same fields out.
_KEYS: Final = {
    "version": "v",
    "gateway": "g",
    "stream": "st",
    "number": "n",
    "sent_at_ms": "at",
    "blocks": "b",
    "serial": "s",
    "first_sequence": "q0",
    "base_ms": "t0",
    "offsets_ms": "dt",
    "series": "y",
    "flags": "f",
    "clock": "ck",
    "battery_millivolt": "mv",
    "quantity": "k",
    "sensor": "i",
    "exponent": "e",
    "values": "x",
    "logger_ms": "l",
    "gateway_ms": "g",
}
_JSON_NESTING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|$)|[][{}]', re.DOTALL)
_NESTING_STEP: Final = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_QUANTITY_NAMES: Final = {quantity.name.lower(): quantity for quantity in Quantity}
_Pack: TypeAlias = "Callable[[NDArray[np.integer]], object]"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of one gateway; ``str()`` gives it as MQTT writes it."""

    partition: str
    gateway: str
    leaf: str

    def __str__(self) -> str:
        return f"{_PREFIX}/{self.partition}/{self.gateway}/{self.leaf}"

    @classmethod
    def parse(cls, text: str) -> Topic:
        """The topic ``text``; ``WireError("TOPIC_UNKNOWN")`` if it is not one of ours."""
        match = _TOPIC.fullmatch(text)
        if match is None or match[1] not in PARTITIONS:
            raise WireError("TOPIC_UNKNOWN", f"not a topic of this system: {text[:128]!r}")
        return cls(match[1], match[2], match[3])


def subscription(partition: str = "+", leaf: str = "up/#") -> str:
    """Topic filter for what all gateways of one partition, or of all, send up."""
    return f"{_PREFIX}/{partition}/+/{leaf}"


def encode_message(message: Message) -> bytes:
    """Native CBOR payload (5-edge-and-wire, section 2), not yet signed."""
    return cbor2.dumps(_shorten(_message_fields(message, _typed)))


def decode_message(payload: bytes) -> Message:
    """The message in a native payload; ``WireError`` with a code when it breaks the contract."""
    _check_size(payload)
    try:
        stream = io.BytesIO(payload)
        fields = cbor2.load(
            stream,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
            semantic_decoders=_NO_SEMANTICS,
        )
    except (cbor2.CBORError, ValueError, RecursionError) as error:
        raise WireError("UNREADABLE", f"not CBOR within the limits: {error}") from error
    if stream.read(1):
        raise WireError("UNREADABLE", "bytes behind the end of the message")
    return _message(_Fields(fields, "message", _KEYS))


def encode_json(message: Message) -> bytes:
    """Columnar JSON with the same fields as the native payload, for people."""
    return json.dumps(_message_fields(message, _listed), separators=(",", ":")).encode()


def decode_json(payload: bytes) -> Message:
    """The message in a columnar JSON payload; ``WireError`` when it breaks the contract."""
    _check_size(payload)
    return _message(_Fields(_parse_json(payload), "message", None))


def block_to_json(block: Block) -> dict[str, object]:
    """One block with the field names of columnar JSON; a sentinel becomes None."""
    return _block_fields(block, _listed)


def block_from_json(fields: object) -> Block:
    """Inverse of `block_to_json` for a parsed JSON value; ``WireError`` when it is no block."""
    return _block(_Fields(fields, "block", None))


def check_times(block: Block, *, received_ms: int) -> None:
    """Refuse stamps further than 10 years from ``received_ms``: no logger lives that long."""
    distance_ms = max(abs(block.base_ms - received_ms), abs(block.latest_ms - received_ms))
    if distance_ms > MAX_TIME_DISTANCE_MS:
        raise WireError(
            "TIME_OUT_OF_RANGE", f"logger {block.serial}: stamp more than 10 years from now"
        )


def to_milli(series: Series) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Values in thousandths of the unit, rounded half-even, and which of them are values.

    Entries that carry the sentinel are 0 and False. The result is int64: the caller checks the
    range it can store.
    """
    present = series.values != np.iinfo(series.values.dtype).min
    wide = np.where(present, series.values, 0).astype(np.int64)
    shift = series.exponent + 3
    if shift >= 0:
        return wide * np.int64(10**shift), present
    return _divide_half_even(wide, 10**-shift), present


def _divide_half_even(values: NDArray[np.int64], divisor: int) -> NDArray[np.int64]:
    """``values / divisor`` (a power of ten), rounded half to even (S2)."""
    quotient, remainder = np.divmod(values, divisor)
    twice = 2 * remainder
    up = (twice > divisor) | ((twice == divisor) & (quotient % 2 == 1))
    rounded: NDArray[np.int64] = quotient + up
    return rounded


def encode_acknowledgement(acknowledgement: Acknowledgement) -> bytes:
    """Body of ``down/ack``."""
    rejected = [
        {"code": r.code, "sha256": r.sha256, "seq": r.number, "serial": r.serial}
        for r in acknowledgement.rejected
    ]
    body = {"stream": acknowledgement.stream, "upto": acknowledgement.upto, "rejected": rejected}
    return json.dumps(body, separators=(",", ":")).encode()


def decode_acknowledgement(payload: bytes) -> Acknowledgement:
    """Inverse of `encode_acknowledgement`; ``WireError`` when it is no acknowledgement."""
    _check_size(payload)
    body = _Fields(_parse_json(payload), "acknowledgement", None)
    return Acknowledgement(
        stream=body.text("stream", re.compile(rf"|{STREAM.pattern}")),
        upto=body.integer("upto", 0, MAX_NUMBER),
        rejected=tuple(_rejection(entry) for entry in body.entries("rejected", MAX_BLOCK_READINGS)),
    )


def decode_status(payload: bytes) -> dict[str, object]:
    """A gateway's health report: any JSON object of at most 16 KiB."""
    if len(payload) > MAX_STATUS_BYTES:
        raise WireError("OVERSIZED", f"{len(payload)} bytes; {MAX_STATUS_BYTES} are allowed")
    body = _parse_json(payload, parse_float=float)
    if not isinstance(body, dict):
        raise WireError("UNREADABLE", "status is not an object")
    return body


def _rejection(entry: _Fields) -> Rejection:
    return Rejection(
        code=entry.text("code", re.compile(r"[A-Z_]{3,40}")),
        sha256=entry.text("sha256", re.compile(r"[0-9a-f]{64}")),
        number=entry.integer("seq", 1, MAX_NUMBER) if entry.has("seq") else None,
        serial=entry.text("serial", SERIAL) if entry.has("serial") else None,
    )


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("only typed arrays may be tagged")


# cbor2 would build dates, decimals, regular expressions and shared references on its own.
_NO_SEMANTICS: Final = dict.fromkeys(
    (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 43000, 52, 54, 100, 256, 258, 260, 261, 1004),
    _refuse_tag,
)


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise WireError("OVERSIZED", f"{len(payload)} bytes; {MAX_MESSAGE_BYTES} are allowed")


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not an integer; say the decimal exponent instead")


def _parse_json(payload: bytes, *, parse_float: Callable[[str], float] = _refuse_number) -> object:
    try:
        _check_depth(payload)
        parsed: object = json.loads(
            payload,
            parse_float=parse_float,
            parse_constant=_refuse_number,
            object_pairs_hook=_without_duplicates,
        )
    except ValueError as error:
        raise WireError("UNREADABLE", f"not JSON within the limits: {error}") from error
    return parsed


def _check_depth(payload: bytes) -> None:
    """Count brackets outside of strings in one linear pass, before anything is parsed."""
    depth = 0
    for match in _JSON_NESTING.finditer(payload):
        depth += _NESTING_STEP.get(match[0], 0)
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return fields


def _shorten(value: object) -> object:
    """The same fields under the short keys of the native payload."""
    if isinstance(value, dict):
        return {_KEYS[key]: _shorten(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shorten(inner) for inner in value]
    return value


def _typed(array: NDArray[np.integer]) -> object:
    little = array.astype(array.dtype.newbyteorder("<"))
    return cbor2.CBORTag(_TAGS[little.dtype], little.tobytes())


def _listed(array: NDArray[np.integer]) -> object:
    if array.dtype.kind == "u":
        return array.tolist()
    none = np.iinfo(array.dtype).min
    return [None if value == none else value for value in array.tolist()]


def _message_fields(message: Message, pack: _Pack) -> dict[str, object]:
    return {
        "version": VERSION,
        "gateway": message.gateway,
        "stream": message.stream,
        "number": message.number,
        "sent_at_ms": message.sent_at_ms,
        "blocks": [_block_fields(block, pack) for block in message.blocks],
    }


def _block_fields(block: Block, pack: _Pack) -> dict[str, object]:
    fields: dict[str, object] = {
        "serial": block.serial,
        "first_sequence": block.first_sequence,
        "base_ms": block.base_ms,
        "offsets_ms": pack(block.offsets_ms),
        "series": [_series_fields(series, pack) for series in block.series],
    }
    if block.flags is not None:
        fields["flags"] = pack(block.flags)
    if block.clock is not None:
        fields["clock"] = {
            "logger_ms": block.clock.logger_ms,
            "gateway_ms": block.clock.gateway_ms,
        }
    if block.battery_millivolt is not None:
        fields["battery_millivolt"] = block.battery_millivolt
    return fields


def _series_fields(series: Series, pack: _Pack) -> dict[str, object]:
    return {
        "quantity": series.quantity.name.lower(),
        "sensor": series.sensor,
        "exponent": series.exponent,
        "values": pack(series.values),
    }


class _Fields:
    """Strict reader of one object from outside: every error says where, by the spelled-out key."""

    __slots__ = ("_keys", "_path", "_values")

    def __init__(self, values: object, path: str, keys: Mapping[str, str] | None) -> None:
        if not isinstance(values, dict):
            raise WireError("UNREADABLE", f"{path} is not an object")
        self._values: dict[object, object] = values
        self._path = path
        self._keys = keys

    def has(self, key: str) -> bool:
        return self._values.get(self._short(key)) is not None

    def integer(self, key: str, low: int, high: int) -> int:
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(key, f"is not an integer from {low} to {high}")
        return value

    def text(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(key, f"does not match {pattern.pattern}")
        return value

    def nested(self, key: str) -> _Fields:
        return _Fields(self._get(key), f"{self._path}.{key}", self._keys)

    def entries(self, key: str, most: int) -> list[_Fields]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) > most:
            self.refuse(key, f"is not a list of at most {most} objects")
        return [_Fields(v, f"{self._path}.{key}[{i}]", self._keys) for i, v in enumerate(value)]

    def unsigned(self, key: str, dtype: type[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """An array of ``dtype`` from a narrower or equal typed array, or from a JSON list."""
        array = self._array(key, np.dtype(dtype), sentinel=None)
        if array.dtype.kind != "u" or array.dtype.itemsize > np.dtype(dtype).itemsize:
            self.refuse(key, f"is not an array of {np.dtype(dtype).name}")
        return array.astype(dtype)

    def signed(self, key: str) -> NDArray[np.int16] | NDArray[np.int32]:
        """An int16 or int32 array; its minimum is the sentinel for "no value"."""
        array = self._array(key, np.dtype(np.int32), sentinel=np.iinfo(np.int32).min)
        if array.dtype.kind != "i" or array.dtype.itemsize == 1:
            self.refuse(key, "is not an array of int16 or int32")
        if array.dtype.itemsize == _INT16_BYTES:
            return array.astype(np.int16)
        return array.astype(np.int32)

    def refuse(self, key: str, problem: str) -> NoReturn:
        raise WireError("UNREADABLE", f"{self._path}.{key} {problem}")

    def _array(
        self, key: str, listed_as: np.dtype[np.integer], *, sentinel: int | None
    ) -> NDArray[np.integer]:
        value = self._get(key)
        try:
            if isinstance(value, list) and self._keys is None:
                return _from_list(value, listed_as, sentinel)
            return _from_tag(value)
        except (KeyError, ValueError, OverflowError, TypeError):
            self.refuse(key, "is not an array of integers")

    def _get(self, key: str) -> object:
        try:
            return self._values[self._short(key)]
        except KeyError:
            self.refuse(key, "is missing")

    def _short(self, key: str) -> str:
        return self._keys[key] if self._keys else key


def _from_tag(value: object) -> NDArray[np.integer]:
    """The numbers of one typed array (RFC 8746), as they stand in the message."""
    if not isinstance(value, cbor2.CBORTag):
        raise TypeError
    content: object = value.value
    if not isinstance(content, bytes):
        raise TypeError
    numbers: NDArray[np.integer] = np.frombuffer(content, _TYPED_ARRAYS[value.tag])
    return numbers


def _from_list(
    values: list[object], dtype: np.dtype[np.integer], sentinel: int | None
) -> NDArray[np.integer]:
    """An array of exactly these integers; None stands for the sentinel where there is one."""
    if any(type(value) is not int and (value is not None or sentinel is None) for value in values):
        raise TypeError
    return np.array([sentinel if value is None else value for value in values], dtype)


def _message(fields: _Fields) -> Message:
    if fields.integer("version", 0, MAX_NUMBER) != VERSION:
        raise WireError("VERSION_UNKNOWN", f"only version {VERSION} of the payload is understood")
    return Message(
        gateway=fields.text("gateway", IDENTIFIER),
        stream=fields.text("stream", STREAM),
        number=fields.integer("number", 1, MAX_NUMBER),
        sent_at_ms=fields.integer("sent_at_ms", 0, MAX_NUMBER),
        blocks=tuple(_block(entry) for entry in fields.entries("blocks", MAX_BLOCKS)),
    )


def _block(fields: _Fields) -> Block:
    offsets = fields.unsigned("offsets_ms", np.uint32).astype(np.uint32)
    if not 0 < len(offsets) <= MAX_BLOCK_READINGS:
        fields.refuse("offsets_ms", f"has {len(offsets)} entries, not 1 to {MAX_BLOCK_READINGS}")
    flags = fields.unsigned("flags", np.uint8).astype(np.uint8) if fields.has("flags") else None
    if flags is not None and len(flags) != len(offsets):
        fields.refuse("flags", "differs from offsets_ms in length")
    return Block(
        serial=fields.text("serial", SERIAL),
        first_sequence=fields.integer("first_sequence", 0, MAX_NUMBER - MAX_BLOCK_READINGS),
        base_ms=fields.integer("base_ms", 0, MAX_NUMBER // 2),
        offsets_ms=offsets,
        series=_all_series(fields, len(offsets)),
        flags=flags,
        clock=_clock(fields.nested("clock")) if fields.has("clock") else None,
        battery_millivolt=(
            fields.integer("battery_millivolt", 0, 1_000_000)
            if fields.has("battery_millivolt")
            else None
        ),
    )


def _all_series(fields: _Fields, count: int) -> tuple[Series, ...]:
    series = tuple(_series(entry, count) for entry in fields.entries("series", MAX_SERIES))
    if not series:  # its clock would change judgements of channels that it does not name
        fields.refuse("series", "is empty")
    if len({(one.quantity, one.sensor) for one in series}) != len(series):
        fields.refuse("series", "names one quantity of one sensor twice")
    return series


def _series(fields: _Fields, count: int) -> Series:
    name = fields.text("quantity", re.compile("[a-z]{1,20}"))
    if name not in _QUANTITY_NAMES:
        fields.refuse("quantity", f"is {name!r}, not one of {', '.join(_QUANTITY_NAMES)}")
    values = fields.signed("values")
    if len(values) != count:
        fields.refuse("values", "differs from offsets_ms in length")
    return Series(
        quantity=_QUANTITY_NAMES[name],
        sensor=fields.integer("sensor", 0, 255),
        exponent=fields.integer("exponent", *_EXPONENTS),
        values=values,
    )


def _clock(fields: _Fields) -> ClockPair:
    return ClockPair(
        logger_ms=fields.integer("logger_ms", 0, MAX_NUMBER // 2),
        gateway_ms=fields.integer("gateway_ms", 0, MAX_NUMBER // 2),
    )
