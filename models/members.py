"""Shoppers: one person, the WeChat identities that lead to it, and where goods are brought."""

from tortoise import fields
from tortoise.models import Model


class Member(Model):
    id = fields.BigIntField(primary_key=True)
    nickname = fields.CharField(max_length=64, default="")
    phone_sealed = fields.TextField(null=True)
    phone_index = fields.BinaryField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "member"


class WechatIdentity(Model):
    """`openid` is per appid; `unionid` ties one person's identities together."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="identities", on_delete=fields.RESTRICT
    )
    appid = fields.CharField(max_length=32)
    openid = fields.CharField(max_length=128)
    unionid = fields.CharField(max_length=128, null=True)
    session_key_sealed = fields.TextField(null=True)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "wechat_identity"
        unique_together = (("appid", "openid"),)


class Address(Model):
    """`content_sealed` holds receiver, phone, region, detail and position; nothing of it stands in clear."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="addresses", on_delete=fields.RESTRICT
    )
    content_sealed = fields.TextField()
    phone_index = fields.BinaryField()
    is_default = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()

    class Meta:
        table = "address"
