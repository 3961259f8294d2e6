"""What can be wrong with a row of a catalogue sheet, in words its author understands."""

from dataclasses import dataclass
from typing import Final

# code: (Chinese, English); a code never changes once shipped.
_SENTENCES: Final = {
    "missing": ("必填，不能为空", "is required"),
    "formula": ("是公式，请复制后“粘贴为数值”", "is a formula; paste it as values"),
    "cell_error": ("是错误值 {found}", "holds the error {found}"),
    "wrong_kind": (
        "是日期或真假值，请把单元格设为文本",
        "is a date or a truth value; format the cell as text",
    ),
    "control_character": ("含有不可见的控制字符", "has control characters"),
    "too_long": ("超过 {limit} 个字", "is longer than {limit} characters"),
    "full_width": ("含有全角数字或符号，请用半角", "has full-width digits; use ASCII ones"),
    "scientific": (
        "成了科学计数法 {found}，后几位已丢失，请把该列设为文本后重新填写",
        "became {found}, its last digits are lost; format the column as text and type it again",
    ),
    "rounded": (
        "末七位全为 0，像是被表格软件舍入过，请把该列设为文本后重新填写",
        "ends in seven zeros, as if rounded by the spreadsheet; format the column as text",
    ),
    "not_code": (
        "只能是 1 至 32 个字母、数字、“-”、“_”、“.”或“/”",
        "must be 1 to 32 letters, digits or - _ . /",
    ),
    "not_barcode": ("必须是 8 至 14 位数字", "must be 8 to 14 digits"),
    "wrong_check_digit": (
        "校验位不对，末位应为 {expected}",
        "has a wrong check digit; the last one should be {expected}",
    ),
    "not_money": (
        "不是金额：填“12.90”这样的元，最多两位小数",
        'is not an amount in yuan such as "12.90", with at most two decimals',
    ),
    "not_count": (
        "必须是 0 至 {limit} 的整数",
        "must be a whole number from 0 to {limit}",
    ),
    "not_pairs": (
        "格式应为“名称:值;名称:值”，名称不能重复",
        'must read "name:value;name:value", each name once',
    ),
    "not_category": (
        "格式应为“一级/二级”，最多 {limit} 级",
        'must read "upper/lower", at most {limit} levels',
    ),
    "too_many": ("最多 {limit} 项", "has more than {limit} entries"),
    "no_picture": ("找不到图片文件 {name}", "names the picture {name}, which is not there"),
    "bad_picture": (
        "{name} 不是可用的 PNG、JPEG 或 WebP 图片",
        "names {name}, which is not a usable PNG, JPEG or WebP picture",
    ),
    "no_column": ("缺少这一列", "column is missing"),
    "column_twice": ("这一列出现了两次", "column is there twice"),
    "unknown_store": ("没有编码为 {store} 的门店", "names the store {store}, which does not exist"),
    "sku_twice": ("与第 {other} 行的 SKU编码 重复", "has the same SKU code as row {other}"),
    "barcode_twice": ("与第 {other} 行的条码重复", "has the same barcode as row {other}"),
    "specs_twice": (
        "与同商品的 {other} 规格相同",
        "has the same specs as {other} of the same product",
    ),
    "specs_differ": (
        "同一商品各 SKU 的规格名称必须一致（应为：{axes}）",
        "must have the spec names of the product's other SKUs ({axes})",
    ),
    "differs": (
        "与同商品第 {other} 行不一致",
        "differs from row {other} of the same product",
    ),
    "sku_elsewhere": ("该 SKU 已属于商品 {product}", "belongs to the product {product} already"),
    "barcode_elsewhere": ("该条码已属于 SKU {sku}", "is the barcode of the SKU {sku} already"),
    "below_reserved": (
        "盘点数 {count} 少于已被订单占用的 {reserved}",
        "counts {count}, fewer than the {reserved} held by orders",
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: where (as the spreadsheet shows it), what, and why in both languages."""

    row: int
    column: str
    code: str
    zh: str
    en: str


def fault(row: int, column: str, code: str, **details: object) -> Fault:
    """The fault `code` at `row` and `column`; `details` fill its sentences."""
    zh, en = _SENTENCES[code]
    return Fault(row, column, code, zh.format_map(details), en.format_map(details))
