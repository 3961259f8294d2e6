"""`jishi bench` runs, says what it should, and notices when the books are wrong. How fast is nobody's test."""

import subprocess
import sys

import msgspec
import pytest

from benchmarks.figures import FIGURES, Figure
from benchmarks.load import read_answer
from config.settings import CHECKOUT


def _bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.jishi", "bench", *words]
    return subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def lines() -> dict[str, Figure]:
    """Every figure of a tiny shop."""
    done = _bench("--tiny", "--seconds", "0.5")
    assert done.returncode == 0, done.stderr
    figures = [msgspec.json.decode(line, type=Figure) for line in done.stdout.splitlines()]
    return {figure.name: figure for figure in figures}


def test_every_figure_is_one_line_with_its_conditions(lines: dict[str, Figure]) -> None:
    assert list(lines) == list(FIGURES)
    for figure in lines.values():
        assert figure.value > 0
        assert figure.unit in {"/s", "s", "MB"}
        assert (figure.baseline is None) == (figure.ratio is None)
        assert figure.conditions.get("errors", {}) == {}


def test_a_rate_is_held_against_the_bare_handler(lines: dict[str, Figure]) -> None:
    for name in ("stores.nearest", "catalog.product", "order.place", "order.path"):
        figure = lines[name]
        assert figure.baseline is not None
        assert figure.ratio == pytest.approx(figure.value / figure.baseline, abs=0.001)


def test_a_rush_sells_what_there_is_and_refuses_the_rest(lines: dict[str, Figure]) -> None:
    rush = lines["order.rush"].conditions
    assert rush["sold"] == [rush["units"]] * rush["rushes"]
    assert rush["refused"] == [rush["connections"] - rush["units"]] * rush["rushes"]


def test_an_unknown_figure_is_refused_with_the_names_there_are() -> None:
    refused = _bench("order.plaice")
    assert refused.returncode == 1
    assert "order.place" in refused.stderr
    assert refused.stdout == ""


def test_an_answer_in_pieces_is_read_when_it_is_whole() -> None:
    whole = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\nx-request-id: 1\r\n\r\nbody"
    assert [read_answer(whole[:end]) for end in (5, 60, len(whole) - 1)] == [None] * 3
    answer = read_answer(whole)
    assert answer == (201, b"body")
    assert read_answer(b"HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n") == (204, b"")
