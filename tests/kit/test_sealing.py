"""Personal data at rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.sealing import SealBroken, Sealer, mask_address, mask_name, mask_phone

INDEX_KEY = b"i" * 32
sealer = Sealer({"k2": b"2" * 32, "k1": b"1" * 32}, INDEX_KEY)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(texts, texts)
def test_what_is_sealed_is_opened_again_in_its_context_only(text, context):
    sealed = sealer.seal(text, context)
    assert sealer.open(sealed, context) == text
    with pytest.raises(SealBroken):
        sealer.open(sealed, context + "x")


def test_two_seals_of_one_text_differ_and_do_not_show_it():
    one, other = (sealer.seal("13812341234", "address.phone") for _ in range(2))
    assert one != other
    assert "1381234" not in one


@given(st.data())
def test_any_single_altered_character_is_noticed(data):
    sealed = sealer.seal("上海市黄浦区南京东路100号", "address.detail")
    place = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.sampled_from("ABCk12:_-=\n .é"))
    altered = sealed[:place] + letter + sealed[place + 1 :]
    if altered != sealed:
        with pytest.raises(SealBroken):
            sealer.open(altered, "address.detail")


@pytest.mark.parametrize(
    "sealed", ["", "k2", "k2:", ":", "k2:AAAA", "k2:A", "k9:AAAA", "13812341234"]
)
def test_what_was_never_sealed_is_not_opened(sealed):
    with pytest.raises(SealBroken):
        sealer.open(sealed, "address.phone")


def test_the_same_key_id_with_another_key_does_not_open():
    other = Sealer({"k2": b"3" * 32}, INDEX_KEY)
    with pytest.raises(SealBroken):
        other.open(sealer.seal("text", "c"), "c")


def test_an_old_key_opens_and_is_reported_stale():
    before = Sealer({"k1": b"1" * 32}, INDEX_KEY)
    sealed = before.seal("13812341234", "address.phone")
    assert sealed.startswith("k1:")
    assert not before.is_stale(sealed)
    assert sealer.is_stale(sealed)
    assert sealer.open(sealed, "address.phone") == "13812341234"
    assert not sealer.is_stale(sealer.seal("13812341234", "address.phone"))


def test_a_blind_index_finds_equal_text_in_the_same_context_under_the_same_key():
    index = sealer.blind_index("13812341234", "address.phone")
    assert len(index) == 32
    assert index == sealer.blind_index("13812341234", "address.phone")
    assert index == Sealer({"k3": b"3" * 32}, INDEX_KEY).blind_index("13812341234", "address.phone")
    assert index != sealer.blind_index("13812341235", "address.phone")
    assert index != sealer.blind_index("13812341234", "member.phone")
    assert index != Sealer({"k1": b"1" * 32}, b"j" * 32).blind_index("13812341234", "address.phone")


@pytest.mark.parametrize(
    ("keys", "index_key"),
    [
        ({}, INDEX_KEY),
        ({"k1": b"short"}, INDEX_KEY),
        ({"k1": b"1" * 32}, b"short"),
        ({"K1": b"1" * 32}, INDEX_KEY),
        ({"k:1": b"1" * 32}, INDEX_KEY),
        ({"": b"1" * 32}, INDEX_KEY),
    ],
)
def test_bad_keys_are_refused_at_the_start(keys, index_key):
    with pytest.raises(ValueError, match="key"):
        Sealer(keys, index_key)


@pytest.mark.parametrize(
    ("mask", "text", "shown"),
    [
        (mask_phone, "13812341234", "138****1234"),
        (mask_phone, "02112345678", "****5678"),
        (mask_phone, "+8613812341234", "****1234"),
        (mask_phone, "12345", "****"),
        (mask_phone, "", "****"),
        (mask_name, "张三", "张*"),
        (mask_name, "张三丰", "张**"),
        (mask_name, "欧阳娜娜之妹", "欧**"),
        (mask_name, "张", "*"),
        (mask_name, "", ""),
        (mask_address, "上海市黄浦区南京东路100号", "上海市黄浦区****"),
        (mask_address, "3单元502", "3单元****"),
        (mask_address, "", ""),
    ],
)
def test_masks_show_enough_to_recognise_and_no_more(mask, text, shown):
    assert mask(text) == shown
