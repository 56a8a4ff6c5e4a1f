"""The codec of graphs: features are scaled, edges are as they are, and all nodes are one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.expect import positive
from limbeck.core.tree import Tree

FEATURES, EDGES = "features", "edges"


@dataclass(frozen=True)
class Nodes(AbstractCodec):
    """Features of nodes <-> the same times a number; edges as they are."""

    scale: float = 1.0
    """What features are multiplied by."""

    def __post_init__(self) -> None:
        positive(self, "scale")

    def encode(self, native: Tree) -> Tree:
        """The features, scaled."""
        return {**native, FEATURES: native[FEATURES] * self.scale}

    def decode(self, inputs: Tree) -> Tree:
        """The features as they were."""
        return {**inputs, FEATURES: inputs[FEATURES] / self.scale}

    def clip(self, native: Tree) -> Tree:
        """The edges without negative weights, which join nothing."""
        return {**native, EDGES: native[EDGES].clamp(min=0)}

    def scene(
        self, native: Tree, classes: Int[Tensor, " item"], names: Sequence[str]
    ) -> UInt8[Tensor, "height width 3"]:
        """The graph: nodes in the colours of their classes, the strongest edges, and a legend."""
        from limbeck.codecs.node_link import drawn

        return drawn(native[EDGES].float(), native[FEATURES].float(), classes, names)

    def to_tensors(self) -> dict[str, Tensor]:
        """{"scale": the number}."""
        return {"scale": torch.tensor(self.scale, dtype=torch.float64)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Nodes:
        """The codec that `to_tensors` wrote; InputError where it wrote none."""
        if tensors.keys() != {"scale"} or tensors["scale"].shape != ():
            raise InputError(f"codec nodes: found tensors {', '.join(tensors) or 'none'}, expected one number, scale")
        return cls(float(tensors["scale"]))

    def header(self) -> dict[str, Any]:
        """The number."""
        return {"scale": self.scale}
