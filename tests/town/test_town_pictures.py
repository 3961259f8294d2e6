"""Pictures of the goods: every product has one, small, and always the same."""

from io import BytesIO

import pytest
from PIL import Image

from scripts.town.pictures import draw_picture
from scripts.town.town import Town


def test_every_product_can_be_painted(town: Town) -> None:
    painted = {product.code: draw_picture(product, 100) for product in town.products}
    assert len(set(painted.values())) == len(painted)


def test_a_picture_is_a_small_webp_square_and_the_same_every_time(town: Town) -> None:
    product = town.products[0]
    data = draw_picture(product)
    assert data == draw_picture(product)
    assert len(data) < 30_000
    with Image.open(BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (400, 400))


@pytest.mark.parametrize("size", [64, 400, 750])
def test_the_object_stands_in_its_colour_on_a_pale_ground(town: Town, size: int) -> None:
    apple = next(product for product in town.products if product.title == "青苹果")
    with Image.open(BytesIO(draw_picture(apple, size))) as picture:
        assert picture.size == (size, size)
        red, green, blue = picture.convert("RGB").getpixel((size // 2, size // 2))
        corner = picture.convert("RGB").getpixel((1, 1))
    assert green > red > blue
    assert min(corner) > 190
