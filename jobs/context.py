"""What background work needs, bound once by the composition root."""

from dataclasses import dataclass

from commerce.payments.closing import Till
from commerce.payments.rules import Account
from commerce.ports import Ports


@dataclass(frozen=True, slots=True)
class Templates:
    """The ids of the subscribe-message templates of this account."""

    order_paid: str
    order_ready: str
    order_refunded: str


@dataclass(frozen=True, slots=True)
class Work:
    ports: Ports
    account: Account
    templates: Templates

    @property
    def till(self) -> Till:
        return Till(self.ports.payments, self.account)
