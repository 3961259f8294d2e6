"""Check the checkout in the current directory; exit 1 when a rule is broken."""

import sys
from pathlib import Path

from scripts.lint import money, refusals, sizes, statuses, topics
from scripts.lint.sources import Finding, Source, not_allowed, read_sources


def check(sources: list[Source]) -> list[Finding]:
    """Every broken rule that its line does not allow."""
    findings = [
        finding for rule in (money, statuses, topics, refusals) for finding in rule.check(sources)
    ]
    return not_allowed(findings, sources)


def main() -> None:
    sources = read_sources(Path.cwd())
    for line in sizes.report(sources):
        print(line)
    findings = check(sources)
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
