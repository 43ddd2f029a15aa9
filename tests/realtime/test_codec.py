from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol import messages
from realtime.protocol.codec import BadEnvelope, decode, encode, open_frame
from realtime.protocol.errors import CODES, ProtocolError
from realtime.protocol.numbers import number

PLACE = b'"account_id":1,"symbol":"BTC","side":"buy","order_type":"market"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.3", "0.3"),
        ("10000", "10000.0"),
        ("1E+3", "1000.0"),
        ("0.00000001", "0.00000001"),
        ("1.500", "1.5"),
        ("-0", "0.0"),
        ("-0.000", "0.0"),
        ("-12.50", "-12.5"),
    ],
)
def test_numbers_are_exact_and_plain(value: str, text: str) -> None:
    assert bytes(number(Decimal(value))) == text.encode()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=8))
def test_any_number_reads_back_as_itself(value: Decimal) -> None:
    text = bytes(number(value)).decode()
    assert "E" not in text.upper()
    assert Decimal(text) == value


@pytest.mark.parametrize("given_id", ["7", "", "x" * 64, 7, 0, -1, 2**53 - 1])
def test_the_request_id_comes_back_as_it_came(given_id: str | int) -> None:
    frame = open_frame(msgspec.json.encode({"type": "ping", "request_id": given_id}))
    assert frame.request_id == given_id
    assert msgspec.json.decode(encode("pong", {}, frame.request_id))["request_id"] == given_id


def test_a_frame_without_request_id_is_answered_without_one() -> None:
    assert "request_id" not in msgspec.json.decode(encode("pong", {}, open_frame('{"type":"ping"}').request_id))


@pytest.mark.parametrize("given_id", ["x" * 65, "x" * 10_000, 1.5, True, [], {}, 2**53])
def test_a_wrong_request_id_is_refused(given_id: object) -> None:
    with pytest.raises(BadEnvelope) as refused:
        open_frame(msgspec.json.encode({"type": "ping", "request_id": given_id}))
    assert refused.value.code == "bad_request"
    assert [field.path for field in refused.value.fields] == ["request_id"]
    assert (refused.value.request_id, refused.value.type) == (None, "ping")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_json"),
        ("{", "bad_json"),
        ('{"type":"ping"} x', "bad_json"),
        ('{"type":"ping","data":{"size":NaN}}', "bad_json"),
        ('{"type":"ping","data":' + "[" * 100_000 + "]" * 100_000 + "}", "bad_json"),
        (b'{"type":"\xff"}', "bad_request"),
        ("[]", "bad_request"),
        ('"ping"', "bad_request"),
        ("null", "bad_request"),
        ("{}", "bad_request"),
        ('{"type":7}', "bad_request"),
        ('{"type":""}', "bad_request"),
        ('{"type":"' + "x" * 65 + '"}', "bad_request"),
    ],
)
def test_a_frame_that_is_none_is_refused(text: str | bytes, code: str) -> None:
    with pytest.raises(BadEnvelope) as refused:
        open_frame(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (b"0", "must be greater than 0"),
        (b"-1", "must be greater than 0"),
        (b"1e999", "must be less than 1000000000000"),
        (b"1e12", "must be less than 1000000000000"),
        (b"1e-999", "has too many digits"),
        (b"0." + b"1" * 50, "has too many digits"),
        (b'"NaN"', "must be a finite number"),
        (b'"Infinity"', "must be a finite number"),
        (b'"abc"', "invalid decimal string"),
        (b"true", "must be decimal, not bool"),
        (b"[]", "must be decimal, not array"),
        (b"null", "must be decimal, not nothing"),
    ],
)
def test_a_wrong_size_is_told(size: bytes, told: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(messages.PlaceOrder, b'{%s,"size":%s}' % (PLACE, size))
    assert [(field.path, field.message) for field in refused.value.fields] == [("size", told)]


@pytest.mark.parametrize("size", [b"0.1", b'"0.1"', b'"0.10"'])
def test_numbers_are_taken_as_numbers_or_strings_and_stay_exact(size: bytes) -> None:
    assert decode(messages.PlaceOrder, b'{%s,"size":%s}' % (PLACE, size)).size == Decimal("0.1")


def test_all_wrong_fields_are_told_at_once() -> None:
    data = (
        b'{"account_id":"1","side":"up","size":-1,"order_type":"stop","leverage":0,"stoploss":1,"client_order_id":" "}'
    )
    with pytest.raises(ProtocolError) as refused:
        decode(messages.PlaceOrder, data)
    assert {field.path for field in refused.value.fields} == {
        "account_id",
        "symbol",
        "side",
        "size",
        "order_type",
        "leverage",
        "stoploss",
        "client_order_id",
    }
    for field in refused.value.fields:
        assert field.path in refused.value.message


@pytest.mark.parametrize("data", [b"[]", b"7", b'"x"', b"true"])
def test_data_that_is_no_object_is_told(data: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(messages.SwitchAccount, data)
    assert [(field.path, field.message) for field in refused.value.fields] == [("data", "must be an object")]


@given(st.binary(max_size=300))
def test_no_bytes_bring_anything_but_a_frame_or_a_refusal(raw: bytes) -> None:
    try:
        frame = open_frame(raw)
    except BadEnvelope as error:
        refused: BadEnvelope | None = error
        kind = ""
    else:
        refused, kind = None, frame.type
    assert kind or (refused is not None and refused.code in CODES)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from([*messages.PlaceOrder.__struct_fields__, "x"])


@given(st.dictionaries(names, json_values, max_size=12))
def test_no_data_brings_anything_but_a_request_or_a_refusal(data: dict[str, object]) -> None:
    refused = None
    try:
        decode(messages.PlaceOrder, msgspec.json.encode(data))
    except ProtocolError as error:
        refused = error
    assert refused is None or (refused.code == "bad_request" and refused.fields)
