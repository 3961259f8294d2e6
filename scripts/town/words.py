"""Names for streets, people and houses, from words.txt."""

from functools import cache
from pathlib import Path


@cache
def words(kind: str) -> tuple[str, ...]:
    """All words under the heading `kind`. Raises KeyError when there is none."""
    text = Path(__file__).with_name("words.txt").read_text(encoding="utf-8")
    sections = (section.partition("\n") for section in text.split("\n= ")[1:])
    return {heading: tuple(body.split()) for heading, _, body in sections}[kind]
