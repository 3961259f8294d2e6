"""What the people of the shop may be refused."""

from kit.errors import Refusal


class LoginRefused(Refusal):
    """Unknown account, wrong password or dismissed: the caller cannot tell which."""

    code = "login_refused"
    status = 401
    zh = "账号或密码不正确。"
    en = "Wrong account or password."


class AccountTaken(Refusal):
    code = "account_taken"
    status = 409
    zh = "该账号已存在。"
    en = "This account already exists."


class OwnAccount(Refusal):
    """Nobody locks himself out: another one of headquarters has to do it."""

    code = "own_account"
    status = 409
    zh = "不能停用自己的账号或更改自己的角色。"
    en = "You cannot dismiss yourself or change your own role."


class WeakPassword(Refusal):
    code = "weak_password"
    status = 422
    zh = "密码过于简单：至少 10 个字符、5 个不同字符，且不得包含账号。"
    en = "Weak password: at least 10 characters, 5 different ones, and not the account's name."
