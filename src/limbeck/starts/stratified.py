"""What is spread over all scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.features import Networks
from limbeck.core.contracts import Problem
from limbeck.core.expect import at_least, fraction
from limbeck.core.key import Key
from limbeck.starts.scores import AbstractScore, MeanMargin
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractSelection


@dataclass(frozen=True)
class Stratified(AbstractSelection):
    """Random real images from all strata of how hard they are, but for the hardest (Zheng et al., ICLR 2023)."""

    score: AbstractScore = field(default_factory=MeanMargin)
    """How hard an image is."""
    cut: float = 0.3
    """Which share of the images of a class, the hardest, are left out."""
    strata: int = 50
    """Into how many strata of equal width the scores of the others are divided."""

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "cut")
        at_least(self, 1, "strata")

    @property
    def seen_by(self) -> Networks:
        """Those that the score is by."""
        return Networks(self.score.networks, self.score.readings)

    def check(self, problem: Problem) -> None:
        """InputError for a task that the score is not for."""
        self.score.check(problem.task)

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, stratum by stratum from the smallest."""
        return spread(self.score.of(seen), count, self.cut, self.strata, key)


def spread(scores: Float[Tensor, " example"], count: int, cut: float, strata: int, key: Key) -> Int[Tensor, " item"]:
    """`count` examples from strata of equal width, but for a share `cut` of the highest scores.

    From the smallest stratum on each gives an equal share of what is still asked for, or all that it has. No more are
    cut than leaves `count`; scores that are infinite are taken to lie 1 above the others.
    """
    kept = scores.argsort(stable=True)[: max(count, len(scores) - int(cut * len(scores)))]
    finite = scores[kept][scores[kept].isfinite()]
    held = scores[kept].nan_to_num(posinf=float(finite.max()) + 1 if len(finite) else 0.0)
    width = (held.max() - held.min()) / strata
    stratum = ((held - held.min()) / width).long().clamp(max=strata - 1) if width > 0 else torch.zeros_like(kept)
    members = [kept[stratum == number] for number in range(strata)]
    sizes = sorted((len(rows), number) for number, rows in enumerate(members) if len(rows))
    chosen: list[Tensor] = []
    left = count
    for index, (size, number) in enumerate(sizes):
        share = min(size, left // (len(sizes) - index))
        chosen.append(members[number][key.fold("stratum", number).permutation(size)[:share]])
        left -= share
    return torch.cat(chosen)
