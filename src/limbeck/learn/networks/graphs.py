"""Networks that read graphs (sizes as their papers and benchmarks of condensed graphs have them)."""

from __future__ import annotations

from typing import Any

from torch import nn

from limbeck.learn.graphs import FEATURES, Whole
from limbeck.learn.networks.options import Choice, Number, Option

SCALED, NATIVE = "scaled", "native"
"""Whether features are seen as the codec scales them, so that plain gradient descent learns from them, or in the units
of the data: published protocols train on rows that add up to 1, by Adam."""
UNITS = Choice("units", SCALED, (SCALED, NATIVE))
WIDTH = 256
"""Of hidden layers where condensed graphs are scored (Jin et al., ICLR 2022)."""


def sgc_options(shape: Any) -> tuple[Option, ...]:
    """How far it sees."""
    return Number("hops", 2), UNITS


def options(shape: Any) -> tuple[Option, ...]:
    """Width, and how far it sees, which is how many layers it has."""
    return Number("width", WIDTH), Number("hops", 2), UNITS


def gat_options(shape: Any) -> tuple[Option, ...]:
    """Width of a head, how far it sees, and how many heads."""
    return Number("width", 8), Number("hops", 2), Number("attentions", 8), UNITS


def sgc(shape: Any, classes: int, *, hops: int, units: str, whole: Whole | None = None) -> nn.Module:
    """SGC: features spread over two hops, then one linear layer (Wu et al., ICML 2019)."""
    from limbeck.learn.networks.graph_modules import Sgc

    return Sgc(shape[FEATURES][0], classes, whole, hops, units)


def gcn(shape: Any, classes: int, *, width: int, hops: int, units: str, whole: Whole | None = None) -> nn.Module:
    """GCN: two layers, 256 wide, each after a normalised hop (Kipf & Welling, ICLR 2017)."""
    from limbeck.learn.networks.graph_modules import Gcn

    return Gcn(shape[FEATURES][0], classes, whole, hops, units, width)


def sage(shape: Any, classes: int, *, width: int, hops: int, units: str, whole: Whole | None = None) -> nn.Module:
    """GraphSAGE: two layers, 256 wide, of a node beside the mean of its neighbours (Hamilton et al., NeurIPS 2017)."""
    from limbeck.learn.networks.graph_modules import Sage

    return Sage(shape[FEATURES][0], classes, whole, hops, units, width)


def gat(
    shape: Any, classes: int, *, width: int, hops: int, attentions: int, units: str, whole: Whole | None = None
) -> nn.Module:
    """GAT: two layers of 8 heads, 8 wide, that attend to neighbours (Velickovic et al., ICLR 2018)."""
    from limbeck.learn.networks.graph_modules import Gat

    return Gat(shape[FEATURES][0], classes, whole, hops, units, width, attentions)
