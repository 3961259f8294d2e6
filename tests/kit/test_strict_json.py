"""Bodies that two readers could read differently are refused."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.strict_json import DEEPEST, BadJson, check, loads

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=40,
)


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_honest_json_is_read_as_the_standard_library_and_msgspec_read_it(value, ascii_only, indent):
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert loads(body) == value
    assert msgspec.json.decode(body) == value


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0d8019eE+-.ntl \n').map(str.encode))
def test_whatever_the_bytes_the_answer_is_a_value_or_bad_json(body):
    try:
        value = loads(body)
    except BadJson:
        return
    assert msgspec.json.decode(body) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "syntax"),
        (b" ", "syntax"),
        (b"{", "syntax"),
        (b"[1,]", "syntax"),
        (b"{'a':1}", "syntax"),
        (b"1 2", "syntax"),
        (b'{"a":1}{', "syntax"),
        (b"01", "syntax"),
        (b"+1", "syntax"),
        (b"1.", "syntax"),
        ("１".encode(), "syntax"),
        (b"// note\n1", "syntax"),
        (b"\x0c1", "syntax"),
        (b'"a\nb"', "syntax"),
        (b'"a\x00b"', "syntax"),
        (b"1\x00", "syntax"),
        (b'"\\x"', "syntax"),
        (b"NaN", "constant"),
        (b"[Infinity]", "constant"),
        (b'{"a":-Infinity}', "constant"),
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "duplicate_key"),
        (b'[{"b":{"a":1,"c":2,"a":3}}]', "duplicate_key"),
        (b'"\\u0000"', "nul"),
        (b'{"\\u0000":1}', "nul"),
        (b'"\\\\\\u0000"', "nul"),
        (b'"\\ud800"', "lone_surrogate"),
        (b'"\\uDC00"', "lone_surrogate"),
        (b'"\\udc00\\ud800"', "lone_surrogate"),
        (b'"\\ud800\\ud800\\udc00"', "lone_surrogate"),
        (b'{"\\ud83d":1}', "lone_surrogate"),
        (b'"\xff"', "utf8"),
        (b'"\xed\xa0\x80"', "utf8"),
        (b'"\xc0\x80"', "utf8"),
        ('"你"'.encode("utf-16"), "utf8"),
        ('"ab"'.encode("utf-16-le"), "syntax"),
        (b"\xef\xbb\xbf{}", "bom"),
        (b"1234567890123456789", "number"),
        (b"-1234567890123456789", "number"),
        (b"1" * 5000, "number"),
        (b"1e400", "number"),
        (b"[-1e400]", "number"),
        (b"1" * 400 + b".0", "number"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "deep"),
        (b"[" * 100_000, "deep"),
        (b'{"a":' * 100_000, "deep"),
        (b'["\\""' + b",[" * 100_000, "deep"),
    ],
)
def test_what_is_ambiguous_or_hostile_is_refused_with_its_reason(body, reason):
    with pytest.raises(BadJson) as refused:
        check(body)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\\\ud800"', "\\ud800"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\xf0\x9f\x98\x80"', "😀"),
        (b"999999999999999999", 10**18 - 1),
        (b"-999999999999999999", 1 - 10**18),
        (b"1e-400", 0.0),
        (b' \t\r\n{"a" : [ ] }\n', {"a": []}),
        (b'"' + b"[" * 1000 + b'\\"{"', "[" * 1000 + '"{'),
        (b"[" + b"[]," * 1000 + b"[]]", [[]] * 1001),
    ],
)
def test_what_only_looks_suspicious_passes(body, value):
    assert loads(body) == value


def test_the_deepest_value_still_passes():
    check(b"[" * DEEPEST + b"]" * DEEPEST)


def test_a_refusal_says_where():
    with pytest.raises(BadJson, match="syntax at 5") as refused:
        check(b'{"a":x}')
    assert refused.value.position == 5
