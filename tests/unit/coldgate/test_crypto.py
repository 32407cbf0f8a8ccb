from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coldgate import crypto
from coldgate.errors import SettingsError, WireError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def test_signed_payload_opens_and_verifies() -> None:
    envelope = crypto.open_envelope(crypto.sign(b"payload", key=KEY, key_id="gw-0001"))

    crypto.verify(envelope, KEY.public_key())
    assert (envelope.key_id, envelope.payload) == ("gw-0001", b"payload")


def test_every_flipped_bit_is_noticed() -> None:
    signed = crypto.sign(b"payload", key=KEY, key_id="gw-0001")

    for position in range(len(signed) * 8):
        broken = bytearray(signed)
        broken[position // 8] ^= 1 << position % 8
        with pytest.raises(WireError):
            crypto.verify(crypto.open_envelope(bytes(broken)), KEY.public_key())


def test_signature_of_another_key_is_refused() -> None:
    signed = crypto.sign(b"payload", key=Ed25519PrivateKey.generate(), key_id="gw-0001")

    with pytest.raises(WireError, match="SIGNATURE_INVALID"):
        crypto.verify(crypto.open_envelope(signed), KEY.public_key())


@pytest.mark.parametrize(
    "signed",
    [
        b"",
        b"\x00",
        cbor2.dumps([b"", {}, b"", b""]),
        cbor2.dumps(cbor2.CBORTag(17, [b"\xa0", {}, b"", b""])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa0", {}, b"", b""])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x27", {1: 1}, b"", b""])),
        cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({1: -7, 4: b"x"}), {}, b"", b""])),
        crypto.sign(b"payload", key=KEY, key_id="gw-0001") + b"\x00",
    ],
)
def test_bytes_that_are_no_cose_sign1_are_unreadable(signed: bytes) -> None:
    with pytest.raises(WireError, match="UNREADABLE"):
        crypto.open_envelope(signed)


def test_private_key_file_is_for_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "gateway.pem"
    key = crypto.create_private_key(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert crypto.public_key_text(crypto.load_private_key(path)) == crypto.public_key_text(key)
    with pytest.raises(FileExistsError):
        crypto.create_private_key(path)


def test_file_without_a_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nonsense")

    with pytest.raises(SettingsError, match=r"key\.pem"):
        crypto.load_private_key(tmp_path / "key.pem")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "A" * 44])
def test_public_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="public key"):
        crypto.public_key_from_text(text)


def test_canonical_json_has_one_form_and_refuses_nan() -> None:
    assert crypto.canonical_json({"b": 1, "a": "°"}) == '{"a":"°","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        crypto.canonical_json(float("nan"))
