"""Pictures over HTTP: ours for ever, and nothing else of the disk."""

import io
from pathlib import Path

import pytest
from PIL import Image

from commerce.catalog.errors import PictureRefused
from commerce.catalog.pictures import store_picture
from tests.shop import Shop


def picture(colour: str = "red", kind: str = "PNG", size: tuple[int, int] = (4, 3)) -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", size, colour).save(packed, kind)
    return packed.getvalue()


@pytest.fixture
def media(shop: Shop) -> Path:
    return shop.settings.data_dir / "media"


@pytest.mark.parametrize(
    ("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
async def test_a_stored_picture_is_served_for_ever(
    shop: Shop, media: Path, kind: str, media_type: str
) -> None:
    content = picture(kind=kind)
    answer = await shop.http.get(f"/media/{store_picture(content, media)}")
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_client_that_has_it_is_told_so(shop: Shop, media: Path) -> None:
    path = f"/media/{store_picture(picture(), media)}"
    tag = (await shop.http.get(path)).headers["etag"]
    again = await shop.http.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_same_picture_has_the_same_name(tmp_path: Path) -> None:
    first = store_picture(picture(), tmp_path)
    assert store_picture(picture(), tmp_path) == first
    assert store_picture(picture("blue"), tmp_path) != first
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "name",
    [
        "0123456789abcdef0123456789abcdef.png",
        "demo_secrets.json",
        "..%2Fdemo_secrets.json",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "0123456789abcdef0123456789abcdef.png%00",
        "0123456789abcdef0123456789abcdef.svg",
        "%E5%9B%BE.png",
    ],
)
async def test_anything_else_is_not_found(shop: Shop, media: Path, name: str) -> None:
    assert {"demo_secrets.json"} <= {path.name for path in media.parent.iterdir()}
    store_picture(picture(), media)
    answer = await shop.http.get(f"/media/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture()[:40],
        picture(kind="GIF"),
        picture(kind="BMP"),
        picture() + b"\x00" * (5 * 2**20),
        picture(size=(10_000, 10_000)),
    ],
    ids=["nothing", "svg", "torn", "gif", "bmp", "too large", "bomb"],
)
def test_what_is_no_usable_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(PictureRefused):
        store_picture(content, tmp_path)
    assert list(tmp_path.iterdir()) == []
