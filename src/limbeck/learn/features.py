"""The features of real images under a network that has learned the real data a little."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import Problem
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.protocol import Protocol
from limbeck.learn.training import fit

LEAST_STEPS = 150
"""Small data sets are seen more often, until training has had this many steps."""
BATCH = 256
"""Images to a training step."""
CHUNK = 1000
"""Images read at once."""

Features = Float[Tensor, "example feature"]


def trained_features(problem: Problem, epochs: int) -> Callable[[Int[Tensor, " example"]], Features]:
    """A function from training rows to their features, on the CPU, under a network trained on the train split.

    The network is the problem's, trained by SGD with learning rate 0.01 and momentum 0.9 in shuffled batches of 256
    for `epochs` epochs, or for as many as give 150 steps where that is more. It is trained once for a
    problem and remembered: whatever selects by features selects by the same ones.
    """
    task, network = problem.task, problem.network
    key = Key(("features",))

    def train() -> dict[str, Tree]:
        every = torch.cat(task.groups("train"))
        steps = -(-len(every) // BATCH)
        protocol = Protocol(name="features", epochs=max(epochs, -(-LEAST_STEPS // steps)), batch=BATCH)
        schedule = protocol.schedule(len(every), key.fold("order"))
        return fit(task, network, lambda rows: task.load("train", every[rows]), schedule, key, problem.device)._asdict()

    learner = problem.remember(f"features after {epochs} epochs", key, train)
    statistics = learner.get("statistics", {})

    @torch.no_grad()
    def read(rows: Int[Tensor, " example"]) -> Features:
        chunks = [task.load("train", part).to(problem.device).inputs for part in rows.split(CHUNK)]
        return torch.cat([network.apply(learner["params"], chunk, statistics).features.cpu() for chunk in chunks])

    return read
