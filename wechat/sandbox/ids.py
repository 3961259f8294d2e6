"""Numbers and names in WeChat's shapes, drawn from the seed so that a run can be repeated."""

import base64
import random
import string
from typing import Final

from wechat.sandbox.clock import china_day, rfc3339

_LETTERS: Final = string.ascii_letters + string.digits


class Ids:
    """Everything the simulator invents. `life` differs after each restart, so nothing repeats."""

    def __init__(self, seed: int, life: int) -> None:
        self.random = random.Random(f"{seed}:{life}")

    def letters(self, length: int) -> str:
        return "".join(self.random.choices(_LETTERS, k=length))

    def hex(self, length: int) -> str:
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def digits(self, length: int) -> str:
        return f"{self.random.randrange(10**length):0{length}d}"

    def openid(self) -> str:
        """28 characters, as every openid and unionid in the wild."""
        return "o" + self.letters(27)

    def session_key(self) -> str:
        """16 bytes as 24 characters of base64."""
        return base64.b64encode(self.random.randbytes(16)).decode()

    def prepay_id(self, now: float) -> str:
        """`wx`, the second in China, 22 more characters."""
        second = rfc3339(now)[:19].translate({ord(mark): None for mark in "-:T"})
        return f"wx{second}{self.hex(18)}0000"

    def transaction_id(self, now: float) -> str:
        """28 digits that begin with 42, as those of payments do."""
        return f"420000{self.digits(4)}{china_day(now)}{self.digits(10)}"

    def refund_id(self, now: float) -> str:
        """29 digits that begin with 50, as those of refunds do."""
        return f"503000{self.digits(5)}{china_day(now)}{self.digits(10)}"
