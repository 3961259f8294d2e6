"""Every state and kind that is stored, with its Chinese name where people see it."""

from enum import StrEnum


class StaffRole(StrEnum):
    HEADQUARTERS = "headquarters"
    MERCHANDISER = "merchandiser"
    STORE_MANAGER = "store_manager"
    CLERK = "clerk"
    GUIDE = "guide"
    RIDER = "rider"


class ProductStatus(StrEnum):
    DRAFT = "draft"
    LISTED = "listed"
    DELISTED = "delisted"


class StockKind(StrEnum):
    """Why stock moved; with the cause and the SKU it names one movement, once."""

    HOLD = "hold"
    RELEASE = "release"
    HAND_OVER = "hand_over"
    COUNT = "count"


class DeliveryMethod(StrEnum):
    PICKUP = "pickup"
    DELIVERY = "delivery"


class OrderStatus(StrEnum):
    UNPAID = "unpaid"
    PAID = "paid"
    COMPLETED = "completed"
    CLOSED = "closed"


class CloseReason(StrEnum):
    EXPIRED = "expired"
    CANCELLED_BY_MEMBER = "cancelled_by_member"
    CANCELLED_BY_STAFF = "cancelled_by_staff"


class FulfilmentStatus(StrEnum):
    """待接单 · 备货中 · 待自提/待配送 · 配送中 · 已交付 · 已取消."""

    WAITING = "waiting"
    PREPARING = "preparing"
    READY = "ready"
    DELIVERING = "delivering"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"


class StepSubject(StrEnum):
    ORDER = "order"
    FULFILMENT = "fulfilment"


class ActorKind(StrEnum):
    MEMBER = "member"
    STAFF = "staff"
    SYSTEM = "system"
    WECHAT = "wechat"


class PaymentStatus(StrEnum):
    CREATED = "created"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    ABNORMAL = "abnormal"


class RefundCause(StrEnum):
    CANCELLED = "cancelled"
    LATE_PAYMENT = "late_payment"
