"""Inputs stored as codes along the principal directions of real ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, expect
from limbeck.core.key import Key
from limbeck.core.pictured import BARS, MOST, bars, first_items, named
from limbeck.parameterizations.pixels import labelled, labels_of
from limbeck.parameterizations.real_inputs import real_inputs


@dataclass(frozen=True)
class Pca(AbstractParameterization):
    """Codes (item, component), group "codes", along the leading principal directions of real inputs (Pearson 1901).

    What is fixed are the directions (component, ...), orthonormal, and the mean (...) of the real inputs, of the shape
    of an input each: a linear decoder, which is stored with the set and counted in what it costs, but not in the size
    that is asked for. A code is what an item has of each direction, so what renders is the nearest to the start that
    directions and mean can make.
    """

    components: int = 32
    """Directions, the numbers of a code."""
    examples: int = 5_000
    """How many real inputs at most the directions are those of, drawn from all."""

    def __post_init__(self) -> None:
        at_least(self, 1, "components", "examples")

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the codes."""
        return FLOAT * self.components * per_class * len(task.classes)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The codes of the start; InputError for inputs of no floats or several tensors, and for too many components.

        The real inputs do not depend on the key: every set of a problem has one decoder.
        """
        inputs = start.inputs
        if not isinstance(inputs, Tensor) or not inputs.is_floating_point():
            found = f"{inputs.dtype} numbers" if isinstance(inputs, Tensor) else "several tensors"
            raise InputError(
                f"pca: found inputs of {found}, expected one tensor of floats; choose --parameterization pixels"
            )
        size = inputs[0].numel()
        expect(self, "components", self.components <= size, f"at most {size}, the numbers of an input")
        found = problem.remember(
            "principal directions", Key((self.components, self.examples)), lambda: self._of(problem.task)
        )
        mean, directions = (found[name].to(inputs) for name in ("mean", "directions"))
        codes = (inputs - mean).flatten(1) @ directions.flatten(1).T
        return Parameters({"codes": codes.detach()}, {**labels_of(start), "directions": directions, "mean": mean})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The mean and what the codes say of each direction."""
        fixed = tree.widen(params.fixed)
        away = params.learned["codes"] @ fixed["directions"].flatten(1)
        return labelled(fixed["mean"] + away.unflatten(1, fixed["mean"].shape), fixed)

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The mean and the leading directions where they are images, and the codes of some items."""
        fixed = tree.widen(params.fixed)
        items, count = first_items(fixed["classes"], 5), len(fixed["directions"])
        codes = Pictured(
            "codes",
            f"what an item has of each direction, from left to right{', the first' * (count > BARS)}; down is negative",
            bars(params.learned["codes"][items]),
            named(items, fixed["classes"], classes),
        )
        if fixed["mean"].dim() != 3:
            return (codes,)
        shown = fixed["directions"][:MOST]
        mean = Pictured("mean", "what an item of a code of 0 is", fixed["mean"][None], ("mean",), as_items=True)
        line = f"{count} principal directions of real inputs, by which codes are images; the first {len(shown)}"
        words = tuple(f"direction {number}" for number in range(len(shown)))
        return mean, Pictured("directions", line, shown, words), codes

    def _of(self, task: AbstractTask) -> dict[str, Tensor]:
        """The mean and the directions of real inputs, in double precision."""
        rows = torch.cat(task.groups("train"))
        drawn = rows[Key(("pca",)).permutation(len(rows))[: self.examples]].sort().values
        parts = (part.flatten(1) for part in real_inputs(task, drawn))
        mean, directions = principal(parts, len(drawn), tree.numel(task.shape), self.components)
        return {"mean": mean.reshape(task.shape), "directions": directions.unflatten(1, task.shape)}


def principal(
    parts: Iterable[Float[Tensor, "_ number"]], examples: int, numbers: int, components: int
) -> tuple[Float[Tensor, " number"], Float[Tensor, "component number"]]:
    """The mean and the leading principal directions of `examples` examples, which come in parts, in double precision.

    Exact: eigenvectors of the covariance, or where there are fewer examples than numbers, of their inner products. The
    largest number of each direction is positive. Directions beyond those that examples vary in are any, orthonormal.
    """
    if examples > numbers:
        total, products = torch.zeros(numbers, dtype=torch.float64), torch.zeros(numbers, numbers, dtype=torch.float64)
        for part in parts:
            total += part.sum(0)
            products.addmm_(part.T, part)
        mean = total / examples
        directions = torch.linalg.eigh(products / examples - mean.outer(mean)).eigenvectors.T.flip(0)[:components]
    else:
        whole = torch.cat(list(parts))
        mean = whole.mean(0)
        away = whole.sub_(mean)
        along = torch.linalg.eigh(away @ away.T).eigenvectors.flip(1)[:, :components]
        # Where inner products are next to 0 what they make is no direction: it is completed to an orthonormal one.
        missing = max(0, components - examples)
        spanned = nn.functional.pad(away.T @ along, (0, missing))
        directions = torch.linalg.qr(spanned).Q.T
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return mean, directions * largest.sign()
