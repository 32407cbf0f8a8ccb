import cbor2
import numpy as np
import pytest
from factories import make_block, make_message, make_series

from coldgate import wire
from coldgate.errors import WireError


def refusal(payload: bytes) -> str:
    with pytest.raises(WireError) as caught:
        wire.decode_message(payload)
    return caught.value.code


def altered(**changes: object) -> bytes:
    fields = cbor2.loads(wire.encode_message(make_message()))
    return cbor2.dumps({**fields, **changes})


def altered_block(**changes: object) -> bytes:
    fields = cbor2.loads(wire.encode_message(make_message()))
    return cbor2.dumps({**fields, "b": [{**fields["b"][0], **changes}]})


def test_block_without_a_series_is_refused() -> None:
    assert refusal(altered_block(y=[])) == "UNREADABLE"


def test_topic_reads_what_it_writes() -> None:
    topic = wire.Topic("p03", "gw-0001", wire.UP_READINGS)

    assert wire.Topic.parse(str(topic)) == topic


@pytest.mark.parametrize(
    "text",
    [
        "",
        "coldgate/v1/p16/gw-0001/up/readings",
        "coldgate/v1/p00/GW/up/readings",
        "coldgate/v1/p00/gw-0001/sideways/readings",
        "coldgate/v1/p00/gw-0001/up/readings\n",
        "coldgate/v2/p00/gw-0001/up/readings",
    ],
)
def test_topic_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="TOPIC_UNKNOWN"):
        wire.Topic.parse(text)


def test_message_over_the_size_limit_is_refused_before_decoding() -> None:
    assert refusal(bytes(wire.MAX_MESSAGE_BYTES + 1)) == "OVERSIZED"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"\x81" * 300,  # nested too deep
        b"\x9f\x01\xff",  # indefinite length
        b"\xa2\x61v\x01\x61v\x01",  # one key twice
        b"\xd8\x23\x61a",  # a regular expression
        b"\xc2\x58\x20" + b"\xff" * 32,  # a big integer
        cbor2.dumps([]),
        altered(n=0),
        altered(n=True),
        altered(n=2**60),
        altered(g="UPPER"),
        altered(st=""),
        altered(b={}),
        altered_block(s=""),
        altered_block(dt=b"\x00"),
        altered_block(dt=cbor2.CBORTag(70, b"\x00")),
        altered_block(dt=cbor2.CBORTag(70, b"")),
        altered_block(dt=[0, 1, 2]),
        altered_block(dt=cbor2.CBORTag(70, bytes(4 * 10_001))),
        altered_block(f=cbor2.CBORTag(64, b"\x00")),
        altered_block(y=[{"k": "colour", "i": 0, "e": 0, "x": cbor2.CBORTag(77, bytes(6))}]),
        wire.encode_message(make_message()) + b"\x00",
    ],
    ids=lambda payload: payload[:4].hex() or "empty",  # some payloads contain the present time
)
def test_payload_that_breaks_the_contract_is_unreadable(payload: bytes) -> None:
    assert refusal(payload) == "UNREADABLE"


def test_version_from_the_future_is_named() -> None:
    assert refusal(altered(v=2)) == "VERSION_UNKNOWN"


def test_one_quantity_of_one_sensor_twice_is_refused() -> None:
    block = make_block(series=(make_series(), make_series()))

    assert refusal(wire.encode_message(make_message(blocks=(block,)))) == "UNREADABLE"


def test_big_endian_arrays_of_a_foreign_encoder_are_read() -> None:
    payload = altered_block(
        dt=cbor2.CBORTag(66, np.array([0, 1, 2], ">u4").tobytes()),
        y=[{"k": "humidity", "i": 1, "e": 0, "x": cbor2.CBORTag(74, bytes([0, 0, 1, 0] * 3))}],
    )

    block = wire.decode_message(payload).blocks[0]

    assert block.offsets_ms.tolist() == [0, 1, 2]
    assert block.series[0].values.tolist() == [256, 256, 256]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"version": 1.0}',
        b'{"version": NaN}',
        b'{"version": 1, "version": 1}',
        b"[" * 9 + b"]" * 9,
        b'{"a": "' + b'\\"' * 100_000,
    ],
)
def test_json_that_breaks_the_contract_is_unreadable(payload: bytes) -> None:
    with pytest.raises(WireError, match="UNREADABLE"):
        wire.decode_json(payload)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "5.1", "1e400", '"5"', "true"])
def test_value_that_is_no_integer_is_refused_in_json(value: str) -> None:
    payload = wire.encode_json(make_message()).replace(b"[51,", f"[{value},".encode())

    with pytest.raises(WireError, match="UNREADABLE"):
        wire.decode_json(payload)


@pytest.mark.parametrize(("tag", "kind"), [(84, "<f2"), (85, "<f4"), (86, "<f8"), (82, ">f8")])
def test_array_of_fractions_is_refused_whatever_they_are(tag: int, kind: str) -> None:
    values = cbor2.CBORTag(tag, np.array([5.1, np.nan, np.inf], kind).tobytes())

    assert refusal(altered_block(y=[{"k": "temperature", "i": 0, "e": -1, "x": values}])) == (
        "UNREADABLE"
    )


def test_brackets_inside_json_strings_are_not_depth() -> None:
    payload = wire.encode_json(make_message()).replace(b'"L-1"', b'"[[[[[[[[[["')

    with pytest.raises(WireError, match="serial does not match"):
        wire.decode_json(payload)


def test_error_names_the_place_by_its_long_key() -> None:
    with pytest.raises(WireError, match=r"message\.blocks\[0\]\.serial does not match"):
        wire.decode_message(altered_block(s="ö"))


def test_stamp_ten_years_away_is_refused() -> None:
    with pytest.raises(WireError, match="TIME_OUT_OF_RANGE"):
        wire.check_times(make_block(base_ms=0), received_ms=1_800_000_000_000)


@pytest.mark.parametrize(
    ("exponent", "value", "milli"),
    [(0, 5, 5000), (-3, 5, 5), (-1, -51, -5100), (3, 2, 2_000_000), (-4, 25, 2), (-4, 35, 4)],
)
def test_milli_units_are_exact_and_half_even(exponent: int, value: int, milli: int) -> None:
    values, present = wire.to_milli(make_series([value], exponent=exponent))

    assert (values.tolist(), present.tolist()) == ([milli], [True])


def test_sentinel_is_no_value() -> None:
    _, present = wire.to_milli(make_series([-32768, 1]))

    assert present.tolist() == [False, True]


def test_status_may_hold_fractions_but_must_be_an_object() -> None:
    assert wire.decode_status(b'{"hours": 1.5}') == {"hours": 1.5}
    with pytest.raises(WireError, match="UNREADABLE"):
        wire.decode_status(b"[]")
