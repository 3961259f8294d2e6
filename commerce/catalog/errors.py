"""Why the catalogue says no."""

from collections.abc import Sequence

from commerce.catalog.rules.faults import Fault
from kit.errors import Refusal


class CatalogueRefused(Refusal):
    """Rows are wrong; nothing was written. `faults` names each."""

    code = "catalogue_refused"
    status = 422
    zh = "商品表有 {count} 处错误，未导入任何内容。"
    en = "The sheet has {count} faults; nothing was imported."

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(count=len(faults))
        self.faults = sorted(faults, key=lambda fault: (fault.row, fault.column))


class CatalogueBusy(Refusal):
    """Another import is being written; two would mix their counts."""

    code = "catalogue_busy"
    status = 409
    zh = "另一个商品导入正在进行，请稍后再试。"
    en = "Another catalogue import is running, try again later."


class PictureRefused(Refusal):
    """Not a picture we serve."""

    code = "picture_refused"
    status = 422
    zh = "图片须为 PNG、JPEG 或 WebP，不超过 5 MB、4000 万像素。"
    en = "A picture must be PNG, JPEG or WebP, at most 5 MB and 40 megapixels."
