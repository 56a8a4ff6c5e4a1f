"""How often verdicts claim an effect of simulated data that have none."""

from __future__ import annotations

from collections.abc import Callable

from scipy import stats

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.statistics.decisions import OPEN

RUNS = 200
"""Simulations of each null."""
BORNE = 0.05
"""The share of verdicts that may claim an effect where there is none."""


def claims(verdict: Verdict) -> bool:
    """Whether a verdict claims an effect."""
    return any(each.side != OPEN for each in verdict.claims)


def claiming(simulated: Callable[[Key], Verdict], runs: int = RUNS) -> int:
    """How many of the verdicts on simulated data claim an effect."""
    return sum(claims(simulated(Key(("null", run)))) for run in range(runs))


def seldom(count: int, runs: int = RUNS) -> bool:
    """Whether so many claims are no more than chance makes of tests that err in 5 % of cases.

    The probability of as many, of tests that err just so often, is above one in a thousand.
    """
    return bool(stats.binom.sf(count - 1, runs, BORNE) > 0.001)
