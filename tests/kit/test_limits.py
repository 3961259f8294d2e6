"""Limits: counted in Redis before the act, per subject, for one window."""

import asyncio
from contextlib import suppress

import pytest

from kit.errors import TemporarilyUnavailable, TooManyRequests
from kit.limits import Limit, forgive, network_of, only_failures_count, spend
from kit.redis import Link

FIVE = Limit("test", tries=5, window_seconds=60)


async def tries(link: Link, subject: str, wanted: int) -> list[object]:
    return await asyncio.gather(
        *(spend(link, FIVE, subject) for _ in range(wanted)), return_exceptions=True
    )


async def test_fifty_simultaneous_tries_are_no_more_than_the_limit(link):
    outcomes = await tries(link, "anna", 50)
    assert outcomes.count(None) == 5
    refusals = [each for each in outcomes if each is not None]
    assert all(isinstance(each, TooManyRequests) for each in refusals)
    assert all(1 <= each.details["retry_after_seconds"] <= 60 for each in refusals)


async def test_one_subject_does_not_use_up_the_tries_of_another(link):
    await tries(link, "anna", 6)
    await spend(link, FIVE, "bert")


async def test_two_limits_of_one_subject_are_counted_apart(link):
    await tries(link, "anna", 6)
    await spend(link, Limit("other", tries=1, window_seconds=60), "anna")


async def test_tries_come_back_when_the_window_ends(link):
    await tries(link, "anna", 6)
    await link.call("PEXPIRE", "limit:test:anna", 1)
    await asyncio.sleep(0.01)
    await spend(link, FIVE, "anna")


async def test_forgiven_subject_has_all_tries_again(link):
    await tries(link, "anna", 6)
    await forgive(link, FIVE, "anna")
    assert (await tries(link, "anna", 6)).count(None) == 5


async def test_only_failures_count_and_success_does_not_forgive_them(link):
    for is_right in [True] * 7 + [False, True] * 4 + [False]:
        with suppress(KeyError):
            async with only_failures_count(link, (FIVE, "anna")):
                if not is_right:
                    raise KeyError
    with pytest.raises(TooManyRequests):
        async with only_failures_count(link, (FIVE, "anna")):
            pytest.fail("the body must not run")


async def test_a_try_is_not_given_back_to_a_window_that_had_not_counted_it(link):
    async with only_failures_count(link, (FIVE, "anna")):
        await forgive(link, FIVE, "anna")
    assert (await tries(link, "anna", 6)).count(None) == 5


async def test_what_the_first_limit_refuses_leaves_the_second_untouched(link):
    await tries(link, "anna", 6)
    with pytest.raises(TooManyRequests):
        async with only_failures_count(link, (FIVE, "anna"), (FIVE, "store")):
            pytest.fail("the body must not run")
    assert (await tries(link, "store", 6)).count(None) == 5


async def test_a_counter_that_lost_its_expiry_does_not_lock_for_ever(link):
    await link.call("SET", "limit:test:anna", 99)
    with pytest.raises(TooManyRequests):
        await spend(link, FIVE, "anna")
    assert 0 < await link.call("PTTL", "limit:test:anna") <= 60_000


async def test_without_redis_nobody_tries():
    with pytest.raises(TemporarilyUnavailable):
        await spend(Link("redis://127.0.0.1:1"), FIVE, "anna")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_counted_by_his_network(address, counted):
    assert network_of(address) == counted
