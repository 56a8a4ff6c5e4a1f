"""Between real examples that are near one another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.row_autoencoder import choices_of
from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import check_numbers, loaded, rows_by_class


@dataclass(frozen=True)
class Interpolated(AbstractStart):
    """Each item lies between a real example and one of its nearest of the same class (SMOTE; Chawla et al., 2002).

    item = x + u (z - x), where x is drawn from the class, z from the nearest of x among it, and u is uniform. A
    category is what most of those nearest have, as in SMOTE-NC.
    """

    makes = True
    neighbours: int = 5
    """How many are the nearest; all others of the class, where there are fewer."""
    examples: int = 10_000
    """How many examples of a class are considered, drawn where there are more."""

    def __post_init__(self) -> None:
        at_least(self, 1, "neighbours", "examples")

    def check(self, problem: Problem) -> None:
        """InputError for inputs that have nothing between them."""
        check_numbers("between examples", problem.task)

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class; InputError where a class has fewer examples."""
        self.check(problem)
        chosen, inputs = [], []
        for label, rows in enumerate(rows_by_class(problem, per_class)):
            own = key.fold(label)
            considered = rows[own.fold("considered").permutation(len(rows))[: max(self.examples, per_class)]]
            examples = problem.task.load("train", considered).inputs
            inputs.append(between(examples, per_class, self.neighbours, choices_of(problem.task), own))
            chosen.append(considered[:per_class])
        made = loaded(problem, torch.cat(chosen))
        return made._replace(inputs=torch.cat(inputs).to(made.inputs))


def between(
    examples: Float[Tensor, "example ..."], count: int, neighbours: int, choices: tuple[slice, ...], key: Key
) -> Float[Tensor, "item ..."]:
    """`count` items between the first `count` examples and one each of their nearest.

    `choices` are the numbers of an example that are one 1 among zeros.
    """
    flat = examples.flatten(1)
    apart = torch.cdist(flat[:count].double(), flat.double())
    apart[torch.arange(count), torch.arange(count)] = torch.inf
    most = min(neighbours, len(flat) - 1)
    if most == 0:
        return examples[:count]
    nearest = apart.topk(most, largest=False).indices
    other = flat[nearest.gather(1, key.fold("which").integers(most, count)[:, None])[:, 0]]
    made = flat[:count] + key.fold("share").uniform(count, 1).to(flat) * (other - flat[:count])
    for block in choices:
        votes = flat[nearest][:, :, block].sum(1) + flat[:count, block] / 2
        made[:, block] = torch.nn.functional.one_hot(votes.argmax(1), votes.shape[1]).to(made)
    return made.reshape(count, *examples.shape[1:])
