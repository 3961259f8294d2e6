"""The documents say what the program does: ids, settings, codes, links and names are compared with it."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from commerce.audit import INVARIANTS
from jobs.outbox import CONSUMERS
from kit.web import problems
from models import enums
from tests.docs.refusals import refusal_classes

HOUSE = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    [*HOUSE.glob("*.md"), *HOUSE.glob("docs/**/*.md"), *HOUSE.glob("deploy/*.md")],
    key=lambda page: page.as_posix(),
)
LINK = re.compile(
    r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\""
)


def read(name: str) -> str:
    return (HOUSE / name).read_text()


def section(text: str, title: str) -> str:
    """What stands below the heading `title`, up to the next one."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The first cell of every table row, without its header."""
    rows = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    return [row.strip("` ") for row in rows if not row.startswith("---")][1:]


def test_the_invariants_of_the_page_are_those_of_the_audit() -> None:
    listed = first_cells(section(read("docs/invariants.md"), "Audited"))
    assert listed == list(INVARIANTS)


def test_every_rule_of_the_database_is_on_the_page() -> None:
    rules = importlib.import_module("models.migrations.0002_rules")
    checks = {name for table in rules.CHECKS.values() for name in table}
    uniques = {name for name, what in rules.INDEXES.items() if what.startswith("unique")}
    triggers = set(re.findall(r"create trigger ([a-z_]+)", Path(rules.__file__).read_text()))
    assert len(checks) > 20
    assert len(uniques) > 5
    assert len(triggers) > 5
    page = section(read("docs/invariants.md"), "Every rule of the database")
    assert checks | uniques | triggers == set(re.findall(r"`([a-z_]+)`", page)) - {
        "cart_line_limit"
    }


def test_every_test_a_page_names_exists() -> None:
    known = "\n".join(path.read_text() for path in HOUSE.glob("tests/**/test_*.py"))
    named = {
        name for page in PAGES for name in re.findall(r"`(test_[a-z0-9_]+)`", page.read_text())
    }
    assert len(named) > 20
    assert not {name for name in named if f"def {name}(" not in known}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(HOUSE).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = ["".join(found) for found in LINK.findall(prose)]
    relative = [t.partition("#")[0] for t in targets if not re.match(r"[a-z]+:|#", t)]
    assert not [target for target in relative if not (page.parent / target).exists()]


def test_every_setting_is_explained() -> None:
    settings = read("config/settings.py")
    variables = set(re.findall(r'"((?:JISHI|WECHAT)_[A-Z0-9_]+|DATABASE_URL|REDIS_URL)"', settings))
    assert len(variables) > 20
    assert variables <= set(re.findall(r"`([A-Z0-9_]+)`", read("docs/configuration.md")))


def test_every_refusal_is_listed_as_it_is_uttered() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (.+?) \| (.+?) \| ", read("docs/errors.md"), re.MULTILINE
    )
    listed = {code: (int(status), zh, en) for code, status, zh, en in rows}
    uttered = {r.code: (r.status, r.zh, r.en) for r in refusal_classes()}
    framework = {code: words for code, words in problems._SENTENCES.items() if code not in uttered}
    assert {code: listed.get(code) for code in uttered} == uttered
    assert {code: listed.get(code, ())[1:] for code in framework} == framework
    assert listed.keys() == uttered.keys() | framework.keys()


def test_every_state_and_kind_is_told() -> None:
    told = read("docs/lifecycle.md") + read("docs/money.md") + read("docs/stock.md")
    states = [
        enums.OrderStatus,
        enums.FulfilmentStatus,
        enums.PaymentStatus,
        enums.RefundStatus,
        enums.CloseReason,
        enums.StockKind,
    ]
    assert not [
        member.value for kind in states for member in kind if f"`{member.value}`" not in told
    ]


def test_every_topic_is_told_with_its_consumer() -> None:
    told = first_cells(section(read("docs/lifecycle.md"), "What others hear"))
    assert sorted(told) == sorted(CONSUMERS)


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=]", each)[0] for each in asked}
    cells = first_cells(read("docs/dependencies.md"))
    told = {name for cell in cells for name in cell.split(", ")}
    assert names <= told


def test_every_adr_is_numbered_and_has_its_parts() -> None:
    pages = sorted(HOUSE.glob("docs/adr/[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]
    parts = ["Context", "Decision", "Consequences", "Measured"]
    for page in pages:
        assert re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) == parts, page.name


def test_both_readmes_name_the_same_pages() -> None:
    def pages(name: str) -> set[str]:
        targets = {"".join(found) for found in LINK.findall(read(name))}
        return {t for t in targets if t.endswith(".md") and not t.startswith("README")}

    assert pages("README.md") == pages("README.zh-CN.md")
