"""How fast one core is here, and how that compares with the machine that methods were measured on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import resources
from statistics import median
from typing import NamedTuple

import torch

from limbeck.core import tree
from limbeck.core.key import Key
from limbeck.core.threads import computing_by
from limbeck.learn import networks
from limbeck.learn.compiled import Operations
from limbeck.machine.line import Line
from limbeck.recipes.measured import FILE

WIDTHS = (32, 128)
"""Channels of the convolutions that are timed, the least and the most that published networks have."""
ITEMS, SIDE, KERNEL = 4, 32, 3
"""Images that a convolution is of, their side and its own, in pixels."""
EACH, AT_MOST = 0.3, 200
"""Seconds for which one kind of work is repeated, and how often at most."""
NETWORK, SHAPE, CLASSES, PASS = "convnet-w32", (3, 32, 32), 10, 32
"""The network of the reference, what it reads, and how many images at once."""
STEP = 3
"""Passes of the operations of one forward pass that a gradient takes."""
SLOW = 0.5
"""From which share of the reference's speed on a machine is called slow."""
KEY = Key(("machine",))


QUIET = 0.8
"""From which share of the time that a core works for this process on it is not shared."""


class Speed(NamedTuple):
    """What was measured of one core."""

    peaks: dict[str, float]
    """Operations a second of a convolution, by its width and its numbers, as in "32 float32"."""
    share: float
    """Which share of the time the core worked for this process."""
    training: float
    """Operations a second of the gradient of `NETWORK`."""

    @property
    def passes(self) -> float:
        """Images of the reference's size that its network reads in a second."""
        return self.training / operations()


def measured() -> Speed:
    """The speed of one core, in one to three seconds."""
    begun, worked = time.perf_counter(), time.thread_time()
    with computing_by(1):
        peaks = {
            f"{width} {str(kind).removeprefix('torch.')}": _convolving(width, kind)
            for width in WIDTHS
            for kind in (torch.float32, torch.bfloat16)
        }
        training = _training()
    share = (time.thread_time() - worked) / (time.perf_counter() - begun)
    return Speed(peaks, share, training)


def peak(speed: Speed) -> Line:
    """What one core comes to at best."""
    told = [
        f"{width}: {_giga(speed, width, 'float32')}, bfloat16 {_giga(speed, width, 'bfloat16')}" for width in WIDTHS
    ]
    said = f"one core, GFLOP/s of convolutions of width {'; '.join(told)}"
    busy = f"others took {1 - speed.share:.0%} of the core meanwhile: all takes longer than is told from these numbers"
    return Line("speed", said, busy if speed.share < QUIET else "", facts={**speed.peaks, "share": speed.share})


def beside_reference(speed: Speed) -> Line:
    """How that compares with where methods were measured, by which `distill --minutes` chooses one."""
    ours, theirs = speed.passes, reference()
    share = ours / theirs
    said = (
        f"{NETWORK} reads {ours:,.0f} images of 32 x 32 a second, {share:.2f} times as many as where methods were "
        f"measured ({theirs:,.0f})"
    )
    slow = "give --minutes more, or use a narrower network"
    return Line("reference", said, slow if share < SLOW else "", facts={"passes": round(ours), "reference": theirs})


def reference() -> float:
    """How many images the network read in a second where methods were measured: in the middle of all rows of it."""
    rows = map(json.loads, resources.files("limbeck.recipes").joinpath(FILE).read_text().splitlines())
    return median(row["passes"] for row in rows if row["network"] == NETWORK and row["numbers"] == 3 * 32 * 32)


def _giga(speed: Speed, width: int, kind: str) -> str:
    return f"{speed.peaks[f'{width} {kind}'] / 1e9:,.0f}"


def _convolving(width: int, kind: torch.dtype) -> float:
    inputs = KEY.fold("inputs", width).normal(ITEMS, width, SIDE, SIDE).to(kind)
    weight = KEY.fold("weight", width).normal(width, width, KERNEL, KERNEL).to(kind)
    operations = 2.0 * ITEMS * SIDE**2 * width**2 * KERNEL**2
    with torch.no_grad():
        return operations / _seconds(lambda: torch.conv2d(inputs, weight, padding=1))


def _training() -> float:
    network = networks.build(NETWORK, SHAPE, CLASSES)
    params = tree.map(lambda leaf: leaf.requires_grad_(), network.init(KEY))
    inputs = KEY.fold("images").normal(PASS, *SHAPE)

    def step() -> None:
        torch.autograd.grad(network.apply(params, inputs).outputs.square().sum(), tree.leaves(params))

    return STEP * PASS * operations() / _seconds(step)


def operations() -> float:
    """Of reading one image by the reference's network."""
    network = networks.build(NETWORK, SHAPE, CLASSES)
    with torch.no_grad(), Operations() as counted:
        network.apply(network.init(KEY), torch.zeros(1, *SHAPE))
    return float(counted.count)


def _seconds(work: Callable[[], object]) -> float:
    """The seconds of a core of the fastest of some turns, after one that warms up."""
    work()
    taken, end = list[float](), time.perf_counter() + EACH
    while not taken or (time.perf_counter() < end and len(taken) < AT_MOST):
        begun = time.thread_time()
        work()
        taken.append(time.thread_time() - begun)
    return min(taken)
