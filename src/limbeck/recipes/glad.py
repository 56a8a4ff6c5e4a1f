"""Distribution matching of codes of a generator."""

from __future__ import annotations

from dataclasses import replace

from limbeck.learn.optim import SGD
from limbeck.parameterizations import Latent
from limbeck.recipes import dm
from limbeck.recipes.contract import VALIDATION, Method

METHOD = Method(
    name="glad",
    summary="Distribution matching of images that a generator makes of codes, yours or one that is trained here.",
    source="Cazenavette et al., Generalizing Dataset Distillation via a Deep Generative Prior, CVPR 2023",
    cost="as dm and through the generator, 1,000 times; once the training of an autoencoder, or a generator of yours",
    recipe=replace(
        dm.METHOD.recipe, parameterization=Latent(), optimizer=SGD(learning_rate=10.0, momentum=0.5), steps=1_000
    ),
    deviations=(
        "The generator is an autoencoder of the real images; the published one a StyleGAN-XL of ImageNet: bring yours "
        "by --parameterization.decoder module:PACKAGE.FACTORY.",
        "An item is one code; published ones are codes of later layers and maps of features of an early one.",
        "As published the storage of an image buys codes of as many numbers, and the generator is not counted.",
        VALIDATION,
    ),
)
