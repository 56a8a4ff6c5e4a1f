"""What a set teaches other networks, beside as many real examples, on accuracies that are known exactly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from limbeck.computations import Chosen, Draw
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core import tree
from limbeck.core.findings import Finding
from limbeck.core.tree import Tree
from limbeck.probes.cross_architecture import CrossArchitecture
from limbeck.statistics.estimates import unlike
from planted import context_of

OWN = "convnet-w4-d1"
REAL = [0.31, 0.30, 0.32, 0.29]
"""Real examples come to so much, draw by draw, under every network."""


@dataclass(frozen=True)
class Searched(ProbeContext):
    """A case whose searches come to given accuracies: `table[network, whether on real examples]`, seed by seed."""

    table: Any = None

    def outcome(self, computation: AbstractComputation, branch: str = "") -> Tree:
        assert isinstance(computation, Draw | Chosen)
        values = self.table[computation.search.network, not computation.depends_on_set]
        # Fresh learners begin at seed 1: seed 0 is the one that was chosen by.
        value = values[computation.seed - 1 if isinstance(computation, Chosen) else 0]
        made = {"accuracy": value, "validation": 0.5, "index": 0}
        return tree.branch({name: torch.tensor(each, dtype=torch.float64) for name, each in made.items()}, branch)


def transferring(own: float, lenet: float, mlp: float, seeds: int = 4, real: list[float] = REAL) -> Finding:
    """The finding on networks that gain so much over real examples, each time alike."""
    plain = context_of()
    table: dict[tuple[str, bool], list[float]] = {}
    for name, gain in (("", own), ("lenet", lenet), ("mlp", mlp)):
        table[name, True] = real
        table[name, False] = [sum(REAL) / 4 + gain] * 4
    context = Searched(**{name: getattr(plain, name) for name in ("problem", "name", "set", "split")}, table=table)
    return CrossArchitecture(("lenet", "mlp"), draws=2, repeats=seeds, beside=seeds).find(context)


@pytest.mark.parametrize(
    ("gains", "tone", "said"),
    [
        ((0.3, 0.2, 0.1), "use", "It transfers to other networks."),
        ((0.3, -0.2, -0.1), "avoid", "Use it for its own network alone: others learn more from as many random real"),
        ((0.3, 0.2, -0.1), "note", "It transfers to lenet; it does not to mlp."),
        ((0.3, 0.2, 0.01), "note", "It transfers to lenet; of mlp it is not decided."),
        ((0.3, -0.2, 0.01), "note", "It does not to lenet; of mlp it is not decided."),
        ((0.3, 0.01, 0.0), "unknown", "Inconclusive: whether it transfers to other networks is not decided."),
        (
            (0.01, 0.2, 0.2),
            "unknown",
            "Inconclusive: whether its own network learns more from it than from real ones is",
        ),
        (
            (-0.1, 0.2, 0.2),
            "avoid",
            "Use real examples in place of it: as many random ones teach its own network more",
        ),
    ],
)
def test_a_set_transfers_where_every_network_is_decided_to_gain_over_as_many_real_images(
    gains: tuple[float, float, float], tone: str, said: str
) -> None:
    finding = transferring(*gains)
    assert finding.verdict.startswith(said), finding.verdict
    assert finding.tone == tone
    assert Finding.of(finding.document()).tone == tone


def test_a_gain_is_how_far_the_set_lies_from_one_more_draw_of_real_images_for_all_networks_at_once() -> None:
    finding = transferring(0.3, 0.2, 0.01)
    gain = finding.fact("gain over real examples of lenet")
    expected = unlike("", [0.505] * 4, REAL, 0.05 / 3)
    assert gain[1:] == pytest.approx(expected[1:]) and gain.n == 4
    said = f"lenet gains 20.0 points ({100 * gain.low:.1f} to {100 * gain.high:.1f}); mlp is undecided, +1.0 points ("
    assert said in finding.verdict, finding.verdict
    assert f"its own {OWN} gains 30.0 points" in finding.verdict
    assert finding.fact("retained by lenet").value == pytest.approx(0.505 / 0.605)
    row = finding.table("networks").rows[1]
    assert row[0] == "lenet" and row[7:10] == pytest.approx(gain[1:4])
    assert finding.deciding, "mlp is open"


def test_real_images_searched_alike_stand_beside_under_the_same_names() -> None:
    finding = transferring(0.3, 0.2, 0.1)
    control = {fact.name: fact for fact in finding.control}
    assert set(control) == {fact.name for fact in finding.facts}
    assert control["test accuracy of lenet"].value == pytest.approx(0.305)
    assert control["gain over real examples of mlp"].value == 0
    assert control["retained by lenet"].value == pytest.approx(1.0)


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_leave_it_open(seeds: int) -> None:
    finding = transferring(0.3, 0.2, 0.1, seeds)
    assert finding.tone == "unknown" and finding.verdict.startswith(f"Inconclusive: {seeds} seed")
    assert all(claim.side == "open" for claim in finding.claims)


def test_nothing_is_claimed_of_a_network_that_neither_teaches_anything() -> None:
    finding = transferring(0.09 - 0.305, 0.09 - 0.305, 0.2, real=[0.1, 0.1, 0.1, 0.1])
    assert finding.tone == "unknown" and finding.verdict.startswith("Not known: not even its own network")
    assert f"{OWN} is not shown to learn anything from either" in finding.verdict
    assert [claim.side for claim in finding.claims] == ["open", "open", "above"]


def test_no_interval_of_an_accuracy_leaves_what_accuracies_can_be() -> None:
    finding = transferring(0.6949, 0.2, 0.1, real=[0.01, 0.9, 0.02, 0.03])
    for fact in (*finding.facts, *finding.control):
        if fact.name.startswith("test accuracy"):
            assert 0 <= fact.low <= fact.high <= 1, fact
        if fact.name.startswith("gain"):
            assert -1 <= fact.low <= fact.high <= 1, fact
        if fact.name.startswith("retained"):
            assert fact.low >= 0, fact
    assert re.search(r"lenet is undecided, ", finding.verdict)
