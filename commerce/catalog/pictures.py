"""Picture files: checked, and stored under the hash of what is in them."""

import hashlib
import io
import warnings
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from commerce.catalog.errors import PictureRefused

LARGEST_BYTES: Final = 5 * 2**20
# A bigger picture of few bytes is a decompression bomb, not a photograph of milk.
MOST_PIXELS: Final = 40_000_000
_ENDINGS: Final = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


def picture_name(content: bytes) -> str:
    """The name a picture is kept under; the same picture, the same name.

    Raises `PictureRefused` unless it is PNG, JPEG or WebP of at most 5 MB and 40 megapixels.
    """
    return f"{hashlib.sha256(content).hexdigest()[:32]}.{_ending(content)}"


def store_picture(content: bytes, media_dir: Path) -> str:
    """Keep a picture in `media_dir` and return its name; raises as `picture_name` does."""
    name = picture_name(content)
    target = media_dir / name
    if not target.exists():
        media_dir.mkdir(parents=True, exist_ok=True)
        # Readers never see half a picture: the name appears when it is whole.
        unfinished = target.with_suffix(".part")
        unfinished.write_bytes(content)
        unfinished.replace(target)
    return name


def _ending(content: bytes) -> str:
    if len(content) > LARGEST_BYTES:
        raise PictureRefused
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=list(_ENDINGS)) as picture:
                width, height = picture.size
                picture.verify()
                found = str(picture.format)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Warning):
        raise PictureRefused from None
    if width * height > MOST_PIXELS:
        raise PictureRefused
    return _ENDINGS[found]
