"""The three ways of saying no: Pay v3, api.weixin.qq.com, and the phone."""


class PayRefusal(Exception):
    """An error answer of Pay v3: HTTP `status`, `code`, and the inner code support asks for."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str = "", inner: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.inner = inner

    def body(self) -> dict[str, object]:
        """The JSON that Pay v3 answers with (facts 0)."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.field:
            detail = {"field": self.field, "issue": self.message, "location": "body"}
            body["detail"] = detail
        return body


class ApiRefusal(Exception):
    """An `errcode` answer of api.weixin.qq.com (HTTP 200 all the same)."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg

    def body(self) -> dict[str, object]:
        """The JSON that api.weixin.qq.com answers with."""
        return {"errcode": self.errcode, "errmsg": self.errmsg}


class PhoneRefusal(Exception):
    """The phone or the control panel cannot do that; answered as `{"message": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
