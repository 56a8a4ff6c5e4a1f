"""Back-propagation through training, of images that share bases."""

from __future__ import annotations

from dataclasses import replace

from limbeck.learn.rules import Momentum
from limbeck.parameterizations import Bases
from limbeck.recipes import bptt
from limbeck.recipes.contract import ACCURACY_LADDER, CODE, ITS_OWN, VALIDATION, Method, Published, expected
from limbeck.schedules import Fixed
from limbeck.starts import Xavier

PUBLISHED: Published = {("cifar10", 1, False): {}}
"""The one command line that was published with bases: 16 of them, half as large as an image, and 150 steps."""

METHOD = Method(
    name="rtp",
    summary="Back-propagation through training, of images that are sums of bases that all classes share.",
    source="Deng & Russakovsky, Remember the Past: Distilling Datasets into Addressable Memories, NeurIPS 2022",
    cost="as bptt: 150 steps of 32 items of every class forward and back through each, up to 500,000 times",
    recipe=replace(
        bptt.METHOD.recipe,
        start=Xavier(),
        parameterization=Bases(count=16, factor=2),
        schedule=Fixed(steps=150, learning_rate=0.01, optimizer=Momentum(0.9), per_class=32),
    ),
    published=PUBLISHED,
    expected=(
        *expected("cifar10", {1: 66.4, 10: 71.2, 50: 73.6}, ITS_OWN, ACCURACY_LADDER),
        *expected("cifar100", {1: 34.0, 10: 42.9}, ITS_OWN, ACCURACY_LADDER),
    ),
    deviations=(
        "Bases and addresses begin as those of nearly grey images, which are products of them; published ones are each "
        "drawn by themselves.",
        "Gradients of bases and of addresses are each clipped to a norm of 2; in published code both together.",
        "There is no penalty on addresses: in published code it is added to a loss whose slope does not see it.",
        "How many bases and steps there were at more than one item per class was not published; here as at one.",
        VALIDATION,
    ),
    settings_from=CODE,
)
