"""Numbers in the shapes of the shop and of WeChat, thrown from dice: same town, same numbers."""

from datetime import datetime
from random import Random
from uuid import UUID

from kit.clock import shanghai


class Numbers:
    """Draws numbers; order numbers and pick-up codes never twice."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._taken: set[str] = set()

    def quote_id(self, at: datetime) -> UUID:
        """As `kit.ids.uuid7` would have made it at `at` (RFC 9562, section 5.7)."""
        milliseconds = int(at.timestamp() * 1000)
        high, low = self._dice.getrandbits(12), self._dice.getrandbits(62)
        return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)

    def idempotency_key(self) -> str:
        """What a client sends with an order."""
        return f"{self._dice.getrandbits(128):032x}"

    def order_no(self, at: datetime) -> str:
        """As `kit.ids.business_no` would have drawn it."""
        return self._once(f"{shanghai(at):%y%m%d}", 12)

    def pickup_code(self) -> str:
        """Eight digits for the counter."""
        return self._once("", 8)

    def prepay_id(self, at: datetime) -> str:
        """`wx`, the second in China, 22 more characters."""
        return f"wx{shanghai(at):%Y%m%d%H%M%S}{self._dice.getrandbits(72):018x}0000"

    def transaction_id(self, at: datetime) -> str:
        """28 digits that begin with 42 and hold the day, as those of payments do."""
        return f"420000{self._digits(4)}{shanghai(at):%Y%m%d}{self._digits(10)}"

    def refund_id(self, at: datetime) -> str:
        """29 digits that begin with 50 and hold the day, as those of refunds do."""
        return f"503000{self._digits(5)}{shanghai(at):%Y%m%d}{self._digits(10)}"

    def _digits(self, length: int) -> str:
        return f"{self._dice.randrange(10**length):0{length}d}"

    def _once(self, head: str, length: int) -> str:
        number = head + self._digits(length)
        while number in self._taken:
            number = head + self._digits(length)
        self._taken.add(number)
        return number
