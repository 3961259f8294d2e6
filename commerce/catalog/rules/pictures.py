"""Names of picture files: the hash of what is in them, so that a name never changes its picture."""

import re
from typing import Final

# Where they are served, at the API's own address (miniprogram_api/pictures.py).
PICTURES: Final = "/media/"
ENDINGS: Final = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_NAME: Final = re.compile(r"[0-9a-f]{32}\.(?:png|jpg|webp)")


def is_picture_name(name: str) -> bool:
    """Whether `name` can be one of ours; anything else (paths, dots, other endings) is not."""
    return _NAME.fullmatch(name) is not None


def media_type(name: str) -> str:
    """The media type of a picture by its (checked) name."""
    return ENDINGS[name.rpartition(".")[2]]
