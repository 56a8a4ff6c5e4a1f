"""A miniature task of images in colour whose sides differ, in double precision, and what is rendered of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core.contracts import Batch, NoCache, Parameters, Problem
from limbeck.core.key import Key
from limbeck.parameterizations import PARAMETERIZATIONS  # noqa: F401 (its parts are known by their names)
from limbeck.tasks import load
from strange_tasks import Small, Strange

KEY = Key(("coloured",))


@dataclass(frozen=True)
class Coloured(Strange):
    """Images in three colours, 6 high and 4 wide, of three classes, each of which varies in a way of its own."""

    name: str = "coloured"
    classes: tuple[str, ...] = ("ant", "bat", "cow")
    shape: tuple[int, int, int] = (3, 6, 4)

    @property
    def small(self) -> Small:
        raise NotImplementedError

    def draw(self, split: str, count: int, key: Key) -> tuple[Tensor, Tensor]:
        labels = key.fold("labels").integers(len(self.classes), count)
        ways = KEY.fold("ways").normal(len(self.classes), 72, 72).double()
        pixels = torch.einsum("nij,nj->ni", ways[labels], key.fold("pixels").normal(count, 72).double())
        return 1 + pixels.unflatten(1, self.shape), labels


TASK = Coloured()
PROBLEM = Problem(TASK, load("digits").network("mlp-w4"), torch.device("cpu"), NoCache())


def real(count: int = 90) -> Batch:
    """So many real examples."""
    return TASK.load("train", torch.arange(count))


def rendered(part: object, start: Batch, key: Key = KEY) -> tuple[Tensor, Parameters]:
    """What a part renders of a start, and its parameters."""
    params = part.init(PROBLEM, start, key)  # type: ignore[attr-defined]
    return part.render(params, key).inputs, params  # type: ignore[attr-defined]
