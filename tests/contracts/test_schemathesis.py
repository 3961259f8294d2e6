"""Whatever fits the document, or nearly: no accident, and no answer that the document does not know.

Schemathesis asks from a process of its own, once as everybody there is. The seed is fixed.
"""

import json
import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.enums import StaffRole
from tests.contracts.calls import ANYBODY, ENDPOINTS, GUEST, ROWS, SHOPPER, Ground, make_ground
from tests.shop import Shop

SEED = 20261120

# What fits the schema may still be refused: 5.0 is an integer to JSON Schema and none to us, a cursor
# of the right letters may be forged, a key once used for one body is refused for another.
NOT_OURS = "positive_data_acceptance"
# Done by `answer_fits` of fuzzing_checks.py.
BROKEN = "response_schema_conformance"

# Logging out would leave the rest of the run outside; the matrix of rights does it.
LEAVING = {"DELETE /v1/session", "DELETE /v1/staff/session"}
PUBLIC = [name for name, row in ROWS.items() if row.who in (ANYBODY, GUEST)]
PRIVATE = [name for name in ROWS if name not in PUBLIC]
OF_SHOPPERS = [name for name, row in ROWS.items() if row.who == SHOPPER]


def of_role(role: StaffRole) -> list[str]:
    return [
        name for name, row in ROWS.items() if isinstance(row.who, frozenset) and role in row.who
    ]


def _config(ground: Ground) -> str:
    """Where a name is asked for, every other one is of something that is there."""
    things = {
        name: sorted({ground.own[name], ground.foreign[name]})
        for name in ("order", "store", "sku", "product", "address", "person", "alert", "quote")
    }
    named = {
        "path.no": "order",
        "path.store_id": "store",
        "path.sku_id": "sku",
        "path.product_id": "product",
        "query.store_id": "store",
        "body.store_id": "store",
        "body.address_id": "address",
        "body.quote_id": "quote",
    }
    lines = [f"[dictionaries.{name}]\nvalues = {values}" for name, values in things.items()]
    lines.append("[parameters]")
    lines += [f'"{place}" = {_every_other(name)}' for place, name in named.items()]
    for room, name in {
        "addresses": "address",
        "stores": "store",
        "people": "person",
        "alerts": "alert",
    }.items():
        lines.append(f'[[operations]]\ninclude-path-regex = "/{room}/.id."')
        lines.append(f'parameters = {{ "path.id" = {_every_other(name)} }}')
    return "\n".join(lines)


def _every_other(name: str) -> str:
    return f'{{ dictionary = "{name}", probability = 0.5 }}'


@dataclass(frozen=True)
class Run:
    """Which operations of which document are tried, and how often beyond their corner cases."""

    operations: Sequence[str]
    cases: int = 0
    document: str = ""

    def arguments(self, url: str) -> list[str]:
        words = ["run", self.document or f"{url}/openapi.json", "--url", url]
        for name in self.operations:
            if name not in LEAVING:
                words += ["--include-operation-id", ENDPOINTS[name].operation_id]
        phases = "coverage,fuzzing" if self.cases else "coverage"
        return [*words, "--phases", phases, "--max-examples", str(self.cases or 1)]


@dataclass(frozen=True)
class Fuzzer:
    """Schemathesis in a process of its own, with the shop's things to name."""

    ground: Ground
    place: Path
    checkout: Path

    async def holes(self, token: str | None, run: Run) -> str:
        """What is found by whoever has `token`, in schemathesis' words; empty when there is nothing."""
        config = self.place / "schemathesis.toml"
        config.write_text(_config(self.ground))
        process = await create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *run.arguments(self.ground.shop.url),
            *("--seed", str(SEED), "--continue-on-failure", "--no-shrink", "--no-color"),
            *("--exclude-checks", f"{NOT_OURS},{BROKEN}", "--generation-database", "none"),
            *("--output-sanitize", "false", "--warnings", "off"),
            *(("-H", f"Authorization: Bearer {token}") if token else ()),
            stdout=PIPE,
            stderr=STDOUT,
            cwd=self.place,
            env={"PYTHONPATH": str(self.checkout), "SCHEMATHESIS_HOOKS": HOOKS},
        )
        said, _ = await process.communicate()
        return said.decode() if process.returncode else ""


HOOKS = "tests.contracts.fuzzing_checks"


@pytest.fixture
async def fuzzer(shop: Shop, tmp_path: Path, checkout_dir: Path) -> Fuzzer:
    return Fuzzer(await make_ground(shop), tmp_path, checkout_dir)


async def test_nobody_finds_a_hole_in_what_is_public(fuzzer: Fuzzer) -> None:
    assert await fuzzer.holes(None, Run(PUBLIC, cases=15)) == ""


async def test_nobody_finds_a_hole_in_what_is_private(fuzzer: Fuzzer) -> None:
    assert await fuzzer.holes(None, Run(PRIVATE)) == ""


async def test_a_shopper_finds_no_hole(fuzzer: Fuzzer) -> None:
    assert await fuzzer.holes(fuzzer.ground.phone.token, Run(OF_SHOPPERS, cases=20)) == ""


@pytest.mark.parametrize("role", list(StaffRole))
async def test_the_staff_find_no_hole(fuzzer: Fuzzer, role: StaffRole) -> None:
    cases = 20 if role is StaffRole.HEADQUARTERS else 10
    assert await fuzzer.holes(fuzzer.ground.staff[role], Run(of_role(role), cases)) == ""


async def test_what_the_document_does_not_know_is_found(fuzzer: Fuzzer) -> None:
    """The control: the same shop against a document that tells less, and something else."""
    known = (await fuzzer.ground.shop.http.get("/openapi.json")).json()
    name = known["paths"]["/v1/me"]["get"]["responses"]
    name["401"]["description"] = "logged_out"
    del known["paths"]["/v1/cart"]["get"]["responses"]["401"]
    cities = known["paths"]["/v1/cities"]["get"]["responses"]["200"]
    cities["content"]["application/json"]["schema"] = {"type": "object"}
    document = fuzzer.place / "less.json"
    document.write_text(json.dumps(known))
    names = ["GET /v1/me", "GET /v1/cart", "GET /v1/cities"]
    found = await fuzzer.holes(None, Run(names, document=str(document)))
    assert "401 unauthenticated is not in the document" in found
    assert "Undocumented status code" in found
    assert 'is not of type "object"' in found
