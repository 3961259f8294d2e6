"""What the seed makes of the town before any row is written."""

import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from scripts.seed.accounts import demo_accounts, demo_password, demo_shoppers, keep_people
from scripts.seed.numbers import Numbers
from scripts.town.town import Town, TownRole

AT = datetime(2025, 6, 1, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai


def test_numbers_have_the_shapes_of_the_shop_and_of_wechat() -> None:
    numbers = Numbers(Random(1))
    assert re.fullmatch(r"250602[0-9]{12}", numbers.order_no(AT))
    assert re.fullmatch(r"[0-9]{8}", numbers.pickup_code())
    assert re.fullmatch(r"wx20250602003000[0-9a-f]{18}0000", numbers.prepay_id(AT))
    assert re.fullmatch(r"420000[0-9]{4}20250602[0-9]{10}", numbers.transaction_id(AT))
    assert re.fullmatch(r"503000[0-9]{5}20250602[0-9]{10}", numbers.refund_id(AT))
    assert re.fullmatch(r"[0-9a-f]{32}", numbers.idempotency_key())


def test_a_quote_id_is_a_uuid_of_its_time() -> None:
    made = Numbers(Random(1)).quote_id(AT)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(AT.timestamp() * 1000)


def test_no_order_number_comes_twice_though_the_dice_repeat() -> None:
    class Stuck(Random):
        """Throws every number twice."""

        def randrange(self, *bounds: int) -> int:
            self.count = getattr(self, "count", 0) + 1
            return self.count // 2

    numbers = Numbers(Stuck())
    drawn = [numbers.order_no(AT) for _ in range(10)]
    assert len(set(drawn)) == 10


def test_people_are_kept_where_the_announcement_looks(town: Town, tmp_path: Path) -> None:
    assert demo_accounts(tmp_path) == []
    assert demo_shoppers(tmp_path) == []
    keep_people(tmp_path, town, "abcd-efgh-jkmn")
    accounts = demo_accounts(tmp_path)
    assert [account.role for account in accounts] == list(TownRole)
    assert accounts[0].works_in == "所有门店"
    assert demo_password(tmp_path) == "abcd-efgh-jkmn"


def test_each_installation_draws_its_own_password(tmp_path: Path) -> None:
    drawn = {demo_password(tmp_path) for _ in range(20)}
    assert len(drawn) == 20
    assert all(re.fullmatch(r"(?:[a-z2-9]{4}-){2}[a-z2-9]{4}", word) for word in drawn)


def test_the_chosen_clerk_has_an_order_to_work_on(town: Town, tmp_path: Path) -> None:
    keep_people(tmp_path, town, "abcd-efgh-jkmn")
    manager = next(a for a in demo_accounts(tmp_path) if a.role is TownRole.STORE_MANAGER)
    codes = next(s.store_codes for s in town.staff if s.account == manager.account)
    assert any(
        o.store_code in codes and o.paid_at and not o.handed_over_at and not o.closed_at
        for o in town.orders
    )
    waiting = {
        o.openid for o in town.orders if o.paid_at and not o.handed_over_at and not o.closed_at
    }
    assert {shopper.openid for shopper in demo_shoppers(tmp_path)} & waiting
