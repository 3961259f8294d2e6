"""The typed "no": every refusal of the house is a subclass with a stable code."""

from typing import ClassVar


class Refusal(Exception):
    """A rule said no. Nothing was changed, or the change was rolled back.

    Subclasses state `code` (stable once shipped), `status` (HTTP) and one sentence per
    language; details are keywords, shown to the caller and usable in the sentences as `{name}`.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    zh: ClassVar[str]
    en: ClassVar[str]

    def __init__(self, **details: object) -> None:
        super().__init__(self.code)
        self.details = details

    def sentence(self, language: str) -> str:
        """The refusal in words, for `language` "zh" or "en"."""
        template = self.en if language == "en" else self.zh
        return template.format_map(_Gaps(self.details))

    def __str__(self) -> str:
        return f"{self.code} {self.details}" if self.details else self.code


class _Gaps(dict[str, object]):
    """Leaves a placeholder readable when a detail was not given."""

    def __missing__(self, key: str) -> str:
        return "…"


class InvalidInput(Refusal):
    """The request itself is malformed; `fields` maps a path to what is wrong there."""

    code = "invalid_input"
    status = 422
    zh = "提交的内容有误，请检查后重试。"
    en = "The request has invalid content."


class NotFound(Refusal):
    """Absent, or not yours: the caller cannot tell which."""

    code = "not_found"
    status = 404
    zh = "找不到您要的内容。"
    en = "Not found."


class Unauthenticated(Refusal):
    """No session, or one that has ended."""

    code = "unauthenticated"
    status = 401
    zh = "请先登录。"
    en = "Please log in."


class Forbidden(Refusal):
    """The role does not allow the function at all (whose object it is plays no part)."""

    code = "forbidden"
    status = 403
    zh = "您没有权限进行此操作。"
    en = "Your role does not allow this."


class TooManyRequests(Refusal):
    """A limit per caller was reached; `retry_after_seconds` says when to come back."""

    code = "too_many_requests"
    status = 429
    zh = "操作太频繁，请稍后再试。"
    en = "Too many requests, try again later."


class TemporarilyUnavailable(Refusal):
    """Something behind us did not answer; repeating the same request is safe."""

    code = "temporarily_unavailable"
    status = 503
    zh = "服务繁忙，请稍后再试。"
    en = "Temporarily unavailable, please try again."


class KeyReused(Refusal):
    """One Idempotency-Key, two different requests."""

    code = "idempotency_key_reused"
    status = 422
    zh = "该幂等键已用于另一个请求。"
    en = "This Idempotency-Key was used for a different request."
