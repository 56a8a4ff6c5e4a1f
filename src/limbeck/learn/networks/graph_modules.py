"""Modules that read graphs: {"features", "edges"} of a dense one, or {"nodes"} of the whole real one that they know.

A class that is one of torch's needs torch, so these are imported by the functions that build networks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from limbeck.core.tree import Tree
from limbeck.learn.graphs import MEAN, NORMALISED, WEIGHTS, Neighbourhood, Whole, neighbourhood
from limbeck.learn.networks.graphs import NATIVE

SLOPE = 0.2
"""Of the leaky ReLU of attention (Velickovic et al., ICLR 2018)."""


class Reading(nn.Module):
    """What begins with the neighbourhood of nodes."""

    by = NORMALISED
    activation: nn.Module
    act: Callable[..., Tensor] = staticmethod(functional.relu)
    """The activation as a function."""
    like: Tensor
    """A number of the type and on the device that are computed in: what becomes of buffers tells these."""

    def __init__(self, whole: Whole | None, hops: int, units: str) -> None:
        super().__init__()
        self.whole, self.hops = whole, hops
        self.gain = 1 / whole.scale if whole is not None and units == NATIVE else 1.0
        self.register_buffer("like", torch.zeros(()))

    def around(self, inputs: Tree) -> Neighbourhood:
        """What is seen of the inputs."""
        return neighbourhood(inputs, self.whole, self.hops, self.by, self.gain, self.like)

    def acted(self, near: Neighbourhood, hop: int, rows: Tensor) -> Tensor:
        """What the activation makes of rows of the nodes that a hop leads from.

        Whoever watches the activation sees it called on those of the nodes themselves.
        """
        here = near.below(hop, rows)
        made: Tensor = self.activation(here)
        return made if here is rows else self.act(rows)


@final
class Sgc(Reading):
    """head(A^hops X), A the normalised adjacency."""

    def __init__(self, numbers: int, classes: int, whole: Whole | None, hops: int, units: str) -> None:
        super().__init__(whole, hops, units)
        self.head = nn.Linear(numbers, classes)

    def forward(self, inputs: Tree) -> Tensor:
        """The outputs of each node."""
        return self.head(self.around(inputs).far)


@final
class Gcn(Reading):
    """head(A relu(A X W + b)), A the normalised adjacency; more layers in between where it is deeper."""

    def __init__(self, numbers: int, classes: int, whole: Whole | None, hops: int, units: str, width: int) -> None:
        super().__init__(whole, hops, units)
        self.hidden = nn.ModuleList(nn.Linear(width if layer else numbers, width) for layer in range(hops - 1))
        self.activation = nn.ReLU()
        self.head = nn.Linear(width if hops > 1 else numbers, classes)
        for layer in (*self.hidden, self.head):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, inputs: Tree) -> Tensor:
        """The outputs of each node."""
        near = self.around(inputs)
        found = near.spread
        for hop, layer in enumerate(self.hidden, 1):
            found = near.hops[hop] @ self.acted(near, hop, layer(found))
        return self.head(found)


@final
class Sage(Reading):
    """Layers of h = relu(W [own; mean of the neighbours]), and a linear one of the same at the end."""

    by = MEAN

    def __init__(self, numbers: int, classes: int, whole: Whole | None, hops: int, units: str, width: int) -> None:
        super().__init__(whole, hops, units)
        self.hidden = nn.ModuleList(nn.Linear(2 * (width if layer else numbers), width) for layer in range(hops - 1))
        self.activation = nn.ReLU()
        self.head = nn.Linear(2 * (width if hops > 1 else numbers), classes)

    def forward(self, inputs: Tree) -> Tensor:
        """The outputs of each node."""
        near = self.around(inputs)
        found = torch.cat([near.within(0, near.features), near.spread], 1)
        for hop, layer in enumerate(self.hidden, 1):
            inner = self.acted(near, hop, layer(found))
            found = torch.cat([near.within(hop, inner), near.hops[hop] @ inner], 1)
        return self.head(found)


@final
class Gat(Reading):
    """Layers of attention over neighbours, several heads side by side, and a linear one at the end.

    Of a dense graph attention is in proportion to the weights of edges, so that these can be learned.
    """

    by = WEIGHTS
    act: Callable[..., Tensor] = staticmethod(functional.elu)

    def __init__(
        self, numbers: int, classes: int, whole: Whole | None, hops: int, units: str, width: int, heads: int
    ) -> None:
        super().__init__(whole, hops, units)
        sizes = [numbers] + [heads * width] * hops
        self.values = nn.ModuleList(nn.Linear(size, heads * width, bias=False) for size in sizes[:-1])
        self.taken = nn.ParameterList(nn.Parameter(torch.empty(2, heads, width)) for _ in range(hops))
        self.activation = nn.ELU()
        self.head = nn.Linear(heads * width, classes)
        for each in self.taken:
            nn.init.xavier_uniform_(each)

    def forward(self, inputs: Tree) -> Tensor:
        """The outputs of each node."""
        near = self.around(inputs)
        found = near.features
        for hop in range(self.hops):
            values = self.values[hop](found).unflatten(1, self.taken[hop].shape[1:])
            found = self.acted(near, hop + 1, _attended(near, hop, values, self.taken[hop]).flatten(1))
        return self.head(found)


@final
class Alone(Reading):
    """A module of vectors on the features of each node by itself."""

    def __init__(self, inner: nn.Module, whole: Whole | None, units: str) -> None:
        super().__init__(whole, 0, units)
        self.inner = inner

    def forward(self, inputs: Tree) -> Tensor:
        """The outputs of each node."""
        return self.inner(self.around(inputs).own)


def _attended(near: Neighbourhood, hop: int, values: Tensor, taken: Tensor) -> Tensor:
    """What each inner node takes of the values (outer, head, width) of its neighbours, (inner, head, width)."""
    giving, taking = ((values * each).sum(-1) for each in taken)
    tied, inner = near.hops[hop], near.within(hop, taking)
    if tied.is_sparse:
        to, of = tied.indices()
        scores = functional.leaky_relu(inner[to] + giving[of], SLOPE)
        rows = to[:, None].expand_as(scores)
        most = torch.full_like(inner, -torch.inf).scatter_reduce(0, rows, scores.detach(), "amax")
        shares = tied.values()[:, None] * (scores - most[to]).exp()
        total = torch.zeros_like(inner).index_add(0, to, shares)
        taken_here = (shares / total[to])[:, :, None] * values[of]
        return torch.zeros(len(inner), *values.shape[1:], dtype=values.dtype, device=values.device).index_add(
            0, to, taken_here
        )
    scores = functional.leaky_relu(inner[:, None] + giving[None], SLOPE)
    # The largest of all, with an edge or without, so that no derivative is of what is not there.
    shares = tied[:, :, None] * (scores - scores.detach().amax(1, keepdim=True)).exp()
    return torch.einsum("ioh,ohw->ihw", shares / shares.sum(1, keepdim=True), values)
