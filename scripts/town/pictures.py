"""Pictures of the goods, painted by us: flat shapes from shapes.txt in the product's own colour."""

import colorsys
from functools import cache
from io import BytesIO
from math import cos, pi, radians, sin
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from PIL import Image, ImageColor, ImageDraw

from scripts.town.town import TownProduct

Colour = tuple[int, int, int, int]
Points = list[tuple[float, float]]

FINER: Final = 2  # painted at twice the size and reduced: Pillow's own edges are jagged

# Colours that do not depend on the product.
FIXED: Final[dict[str, Colour]] = {
    "white": (255, 255, 255, 255),
    "paper": (244, 240, 230, 255),
    "butter": (252, 228, 150, 255),
    "ink": (66, 72, 84, 255),
    "leaf": (116, 178, 92, 255),
    "leafdark": (78, 140, 70, 255),
    "wood": (160, 112, 72, 255),
    "ice": (222, 240, 248, 255),
    "steel": (196, 204, 214, 255),
    "bone": (246, 234, 212, 255),
    "glow": (255, 240, 190, 150),
    "shine": (255, 255, 255, 120),
    "shade": (40, 30, 60, 26),
}


class Stroke(NamedTuple):
    """One line of shapes.txt: what to paint, in which colour (or of which shape), and where."""

    kind: str
    colour: str
    numbers: tuple[float, ...]


class Shape(NamedTuple):
    shadow: float
    strokes: tuple[Stroke, ...]


class Place(NamedTuple):
    """Where the square of 100 x 100 lies on the canvas."""

    x: float
    y: float
    scale: float

    def at(self, points: Points) -> Points:
        return [(self.x + x * self.scale, self.y + y * self.scale) for x, y in points]


def draw_picture(product: TownProduct, size: int = 400) -> bytes:
    """A WebP square of `size` pixels showing `product`; the same bytes every time.

    Raises KeyError when shapes.txt has no such shape.
    """
    dice = Random(f"picture/{product.code}")
    palette = _palette(product.colour, dice)
    canvas = Image.new("RGB", (size * FINER, size * FINER), palette["backdrop"][:3])
    brush = ImageDraw.Draw(canvas, "RGBA")
    place = Place(0, 0, size * FINER / 100)
    _paint_backdrop(brush, place, palette, dice)
    shape = _shapes()[product.shape]
    brush.polygon(place.at(_oval(50, 86, shape.shadow, 4.2)), palette["ground"])
    _paint(brush, place, shape, palette)
    file = BytesIO()
    canvas.reduce(FINER).save(file, "WEBP", quality=88, method=2)
    return file.getvalue()


def _palette(hex_colour: str, dice: Random) -> dict[str, Colour]:
    red, green, blue = ImageColor.getrgb(hex_colour)[:3]
    hue, _, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    turn = dice.choice((0.08, 0.45, 0.55, 0.92))
    accent = colorsys.hls_to_rgb((hue + turn) % 1, 0.6, min(0.62, saturation + 0.15))
    # One lightness for all: a white tofu needs a background as much as a dark coffee does.
    backdrop = colorsys.hls_to_rgb(hue, 0.925, min(0.6, saturation))
    main = (red, green, blue, 255)
    return FIXED | {
        "main": main,
        "light": _mixed(main, FIXED["white"], 0.42),
        "pale": _mixed(main, FIXED["white"], 0.78),
        "dark": _mixed(main, FIXED["ink"], 0.24),
        "deep": _mixed(main, FIXED["ink"], 0.55),
        "accent": _bytes(accent),
        "backdrop": _bytes(backdrop),
        "ground": (*_mixed(main, FIXED["ink"], 0.5)[:3], 56),
    }


def _bytes(colour: tuple[float, float, float]) -> Colour:
    red, green, blue = (round(part * 255) for part in colour)
    return red, green, blue, 255


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(colour[:3], other[:3], strict=True)
    )
    return red, green, blue, 255


def _paint_backdrop(
    brush: ImageDraw.ImageDraw, place: Place, palette: dict[str, Colour], dice: Random
) -> None:
    brush.polygon(place.at(_oval(50, 52, 43, 43)), _mixed(palette["backdrop"], FIXED["white"], 0.5))
    for _ in range(6):
        angle, far, wide = dice.uniform(0, 2 * pi), dice.uniform(46, 56), dice.uniform(0.8, 2.0)
        x, y = 50 + far * cos(angle), 52 + far * sin(angle)
        brush.polygon(place.at(_oval(x, y, wide, wide)), palette["light"])


def _paint(
    brush: ImageDraw.ImageDraw, place: Place, shape: Shape, palette: dict[str, Colour]
) -> None:
    for kind, colour, numbers in shape.strokes:
        if kind == "use":
            x, y, scale = numbers
            inner = Place(place.x + x * place.scale, place.y + y * place.scale, place.scale * scale)
            _paint(brush, inner, _shapes()[colour], palette)
        elif kind == "line":
            _paint_line(brush, place, numbers, palette[colour])
        else:
            brush.polygon(place.at(_outline(kind, numbers)), palette[colour])


def _paint_line(
    brush: ImageDraw.ImageDraw, place: Place, numbers: tuple[float, ...], colour: Colour
) -> None:
    width, points = numbers[0], _points(numbers[1:])
    curve = _curve([points[0], *points, points[-1]])
    brush.line(place.at(curve), colour, round(width * place.scale), joint="curve")
    for x, y in (curve[0], curve[-1]):
        brush.polygon(place.at(_oval(x, y, width / 2, width / 2)), colour)


def _outline(kind: str, numbers: tuple[float, ...]) -> Points:
    match kind:
        case "oval":
            return _oval(*numbers)
        case "rect":
            return _rectangle(*numbers)
        case "blob":
            points = _points(numbers)
            return _curve([points[-1], *points, *points[:2]])
        case _:
            return _points(numbers)


def _points(numbers: tuple[float, ...]) -> Points:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _oval(x: float, y: float, wide: float, high: float, degrees: float = 0) -> Points:
    c, s = cos(radians(degrees)), sin(radians(degrees))
    corners = 48 if max(wide, high) > 8 else 24
    turns = [(cos(2 * pi * i / corners), sin(2 * pi * i / corners)) for i in range(corners)]
    return [(x + a * wide * c - b * high * s, y + a * wide * s + b * high * c) for a, b in turns]


def _rectangle(left: float, top: float, right: float, bottom: float, radius: float) -> Points:
    corners = ((right, bottom, 0), (left, bottom, 1), (left, top, 2), (right, top, 3))
    points: Points = []
    for x, y, quarter in corners:
        inner_x = x - radius if x == right else x + radius
        inner_y = y - radius if y == bottom else y + radius
        for step in range(7):
            angle = pi / 2 * (quarter + step / 6)
            points.append((inner_x + radius * cos(angle), inner_y + radius * sin(angle)))
    return points


def _curve(points: Points) -> Points:
    """Catmull-Rom through all but the first and last of `points`, which only give direction."""
    curve: Points = []
    spans = zip(points, points[1:], points[2:], points[3:], strict=False)
    for before, start, end, after in spans:
        curve += [_between(before, start, end, after, step / 10) for step in range(10)]
    return [*curve, points[-2]]


def _between(
    before: tuple[float, float],
    start: tuple[float, float],
    end: tuple[float, float],
    after: tuple[float, float],
    t: float,
) -> tuple[float, float]:
    x, y = (
        (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        / 2
        for a, b, c, d in zip(before, start, end, after, strict=True)
    )
    return x, y


@cache
def _shapes() -> dict[str, Shape]:
    text = Path(__file__).with_name("shapes.txt").read_text(encoding="utf-8")
    shapes: dict[str, Shape] = {}
    for block in text.split("\n= ")[1:]:
        header, *lines = filter(None, block.splitlines())
        name, shadow = header.split(" : ")
        shapes[name] = Shape(float(shadow), tuple(_stroke(line) for line in lines))
    return shapes


def _stroke(line: str) -> Stroke:
    kind, colour, *numbers = line.split()
    return Stroke(kind, colour, tuple(map(float, numbers)))
