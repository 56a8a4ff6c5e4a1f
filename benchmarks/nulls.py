"""How many verdicts claim an effect of simulated data that have none: what the tests under `tests/nulls` count.

    python benchmarks/nulls.py --out benchmarks/results/nulls.json

Each test simulates the statistics of a probe (or of scores) without an effect, 200 times or as often as it says, and
asks the code that decides verdicts. The rule is to err in 5 % of cases at most; "within" says whether the count is
what chance makes of that (but for one in a thousand). Rules that were given up are counted too, by tests that say so.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1] / "tests"


class Watch:
    """Knows which test is running, and what it counted."""

    def __init__(self) -> None:
        self.running = ""
        self.counts: list[dict[str, object]] = []

    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Remember the test that begins."""
        self.running = item.nodeid.removeprefix("tests/nulls/")

    def note(self, count: int, runs: int, within: bool) -> None:
        """Keep what it counted."""
        self.counts.append({"null": self.running, "claims": count, "of": runs, "within": within})


def main() -> int:
    """Run the tests in this process, and write what they counted."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, required=True)
    given = made.parse_args()
    sys.path.insert(0, str(TESTS))
    import simulated

    watch, seldom = Watch(), simulated.seldom

    def told(count: int, runs: int = simulated.RUNS) -> bool:
        within: bool = seldom(count, runs)
        watch.note(count, runs, within)
        return within

    simulated.seldom = told
    code = pytest.main(["-q", "-n0", str(TESTS / "nulls")], plugins=[watch])
    given.out.write_text(json.dumps(watch.counts, indent=1) + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
