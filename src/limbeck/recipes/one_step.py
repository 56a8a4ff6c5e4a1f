"""Distillation for one step of training, or a few: inputs, targets and learning rates are all learned."""

from __future__ import annotations

from dataclasses import replace

from limbeck.composition import Recipe
from limbeck.estimators import Evolution
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Adam as InnerAdam
from limbeck.learn.rules import Momentum
from limbeck.objectives import EpisodeReturn, Unrolled
from limbeck.parameterizations import SoftTargets
from limbeck.recipes.contract import CODE, Expected, Method
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Noise

OURS = "Its settings are ours, chosen on digits; the source's code has none for its outer loop on images."
PLAIN = Momentum(0.0)
PASS = 59
"""Real batches of 1,024 in a pass over 60,000 images; Sucholutsky & Schonlau make 350, and halve rates every 35."""
HALVED = Adam(learning_rate=0.01, beta1=0.5, halve_at=tuple(range(35 * PASS, 350 * PASS, 35 * PASS)))
ONE_STEP = Recipe(
    start=Noise(targets=True),
    parameterization=SoftTargets(),
    objective=Unrolled(per_class=102, initialisations=1),
    schedule=LearnedRates(Fixed(steps=1, learning_rate=0.02, optimizer=PLAIN, loss=SquaredError())),
    optimizer=Adam(learning_rate=0.05),
    schedule_optimizer=Adam(learning_rate=0.05),
    steps=1000,
)

METHOD = Method(
    name="one-step",
    summary="One step of training: images, targets and learning rate are learned for a fixed initialisation.",
    source="Wilhelm & Ventura, submission 7563 to ICLR 2025 (openreview.org, CCoa6XgO8F), by its code",
    cost="one step of the set forward and back, 1,000 times",
    recipe=ONE_STEP,
    deviations=(OURS,),
)
FEW_STEP = Method(
    name="few-step",
    summary="As one-step for ten steps, each with a learning rate of its own.",
    source=METHOD.source,
    cost="ten steps of the set forward and back, 1,000 times",
    recipe=replace(
        ONE_STEP,
        schedule=LearnedRates(Fixed(steps=10, learning_rate=0.02, optimizer=PLAIN, loss=SquaredError())),
    ),
    deviations=(OURS,),
)
SOFT_LABELS = Method(
    name="soft-label-dd",
    summary="Dataset distillation under soft labels, learned with the images and a learning rate for each step.",
    source="Sucholutsky & Schonlau, Soft-Label Dataset Distillation and Text Dataset Distillation, IJCNN 2021",
    cost="three steps of the set forward and back, 20,650 times",
    recipe=Recipe(
        start=Noise(),
        parameterization=SoftTargets(),
        objective=Unrolled(per_class=102, initialisations=1),
        schedule=LearnedRates(Fixed(steps=3, learning_rate=0.01, optimizer=PLAIN), through="softplus"),
        optimizer=HALVED,
        schedule_optimizer=HALVED,
        steps=350 * PASS,
    ),
    published={("mnist", 1, False): {}},
    expected=(Expected("mnist", 1, "lenet", "own", 0.96, None, False, "its abstract, one fixed initialisation"),),
    deviations=(
        "Real batches of 1,020 images hold 102 of every class; the published ones are 1,024 as they come.",
        "The network starts as torch has it; the published one by Xavier's normal, without biases.",
    ),
    settings_from=CODE,
)
EVOLVED = Method(
    name="one-step-es",
    summary="One step of training for control: states, targets and learning rate by evolution strategies.",
    source="Wilhelm & Ventura, Distilling Reinforcement Learning into Single-Batch Datasets, ECAI 2025, by evolution "
    "strategies as in Lupu et al., Behaviour Distillation, ICLR 2024, in place of its PPO",
    cost="64 candidates of 2 policies and 4 episodes each, 100 times",
    recipe=Recipe(
        start=Noise(targets=True),
        parameterization=SoftTargets(),
        objective=EpisodeReturn(),
        schedule=LearnedRates(Fixed(steps=1, learning_rate=3.0, optimizer=PLAIN, loss=SquaredError())),
        estimator=Evolution(pairs=32, sigma=0.1, ranks=True),
        optimizer=Adam(learning_rate=0.05),
        schedule_optimizer=Adam(learning_rate=0.05),
        steps=100,
    ),
    deviations=("Its settings are ours, chosen on one cart-pole.",),
)
HADES = Method(
    name="hades",
    summary="Behaviour distillation: states and what to do in them, for 32 steps of cloning, by evolution strategies.",
    source="Lupu et al., Behaviour Distillation, ICLR 2024, by the settings of its code for MinAtar",
    cost="64 candidates of 2 policies, each 32 steps of cloning and 4 episodes, 100 times",
    recipe=Recipe(
        start=Noise(),
        parameterization=SoftTargets(),
        objective=EpisodeReturn(),
        schedule=Fixed(steps=32, learning_rate=0.03, optimizer=InnerAdam(), binding=True),
        estimator=Evolution(pairs=32, sigma=0.1, ranks=True),
        optimizer=Adam(learning_rate=0.05),
        steps=100,
    ),
    deviations=(
        "The published population is 2,048, for 2,000 to 5,000 generations.",
        "It is SNES at a standard deviation of 0.5; here evolution strategies with antithetic pairs, ranks and Adam.",
    ),
)
METHODS = (METHOD, FEW_STEP, SOFT_LABELS, EVOLVED, HADES)
