"""What every part of one simulated WeChat stands on."""

from typing import Final

from wechat.sandbox.account import Account
from wechat.sandbox.clock import Clock, Timers
from wechat.sandbox.faults import Faults
from wechat.sandbox.ids import Ids
from wechat.sandbox.rows import Count
from wechat.sandbox.signatures import Gate, Seal
from wechat.sandbox.state import Store

_LIVES: Final = "lives"


class Ground:
    """Account, memory, time, chance and keys, made once and shared."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.gate = Gate(account)
        self.seal = Seal(account)
        self.store = Store(account.state_dir)
        life = self.store.lives.find(_LIVES) or Count(0)
        self.ids = Ids(account.seed, life.count)
        self.store.lives.put(_LIVES, Count(life.count + 1))
        self.clock = Clock()
        self.timers = Timers(self.clock)
        self.faults = Faults(self.ids.random)
