"""Selections of real images by what networks that have learned the data make of them (collected by Guo et al. 2022)."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractStart
from limbeck.recipes import herding
from limbeck.recipes.contract import Method
from limbeck.starts import (
    Closeness,
    Contrast,
    ErrorNorm,
    FacilityLocation,
    FarthestPredictions,
    Forgetting,
    GradientNearness,
    GradientNorm,
    GraphCut,
    HeldOut,
    Highest,
    MatchingPursuit,
    NearMedian,
    Stratified,
    Submodular,
)

BALANCED = "As many images of each class are chosen, among 1,000 of it, and within it; the source chooses among all."
BRIEFLY = "What networks say is taken after at least 150 steps of training."
LAST_LAYER = "Gradients are those of the last layer, as is common since; the source takes them in all parameters."
UNWEIGHTED = "The weights that the method gives its images are left out: each counts as one."
FOLLOWED = "The network is followed for 20 epochs and looked at 20 times; the source follows it for all of training."
SEVERAL = "the training of ten networks, then seconds"
LONG = "the training of one network for 20 epochs, then seconds"


def _method(
    name: str, summary: str, source: str, start: AbstractStart, *deviations: str, cost: str = herding.METHOD.cost
) -> Method:
    recipe = Recipe(start=start)
    return Method(name=name, summary=summary, source=source, cost=cost, recipe=recipe, deviations=deviations)


METHODS = (
    _method(
        "forgetting",
        "Real images that the network most often gets wrong after it had them right.",
        "Toneva et al., An Empirical Study of Example Forgetting during Deep Neural Network Learning, ICLR 2019",
        Highest(epochs=20, score=Forgetting()),
        BALANCED,
        "The network looks at evenly spaced steps of 20 epochs; the source counts whenever a step sees an image.",
        cost=LONG,
    ),
    _method(
        "grand",
        "Real images whose loss has the largest gradient early in training, the mean of ten networks.",
        "Paul, Ganguli & Dziugaite, Deep Learning on a Data Diet, NeurIPS 2021",
        Highest(score=GradientNorm()),
        BALANCED,
        BRIEFLY,
        LAST_LAYER,
        cost=SEVERAL,
    ),
    _method(
        "el2n",
        "Real images that ten networks are most wrong about early in training, by the norm of the error.",
        "Paul, Ganguli & Dziugaite, Deep Learning on a Data Diet, NeurIPS 2021",
        Highest(score=ErrorNorm()),
        BALANCED,
        BRIEFLY,
        cost=SEVERAL,
    ),
    _method(
        "craig",
        "Real images that stand for the gradients of their class: facility location of gradients.",
        "Mirzasoleiman, Bilmes & Leskovec, Coresets for Data-efficient Training, ICML 2020",
        Submodular(similarity=GradientNearness()),
        UNWEIGHTED,
        "Images are chosen once, by one network; the source chooses anew every few epochs of training.",
    ),
    _method(
        "gradmatch",
        "Real images whose weighted gradients match the mean of their class, by orthogonal matching pursuit.",
        "Killamsetty et al., GRAD-MATCH: Gradient Matching based Data Subset Selection, ICML 2021",
        MatchingPursuit(),
        UNWEIGHTED,
        "Images are chosen once, by one network; the source chooses anew every few epochs of training.",
        "Lambda is a hundredth of the mean squared norm of the gradients; the source has a fixed number.",
    ),
    _method(
        "glister",
        "Real images a step on which most lowers the loss of validation images.",
        "Killamsetty et al., GLISTER: Generalization based Data Subset Selection, AAAI 2021",
        HeldOut(),
        "Images of a class are chosen by the validation images of that class.",
        "Images are chosen once, by one network; the source chooses anew every few epochs of training.",
    ),
    _method(
        "facility-location",
        "Real images that stand for all of their class by the likeness of features, chosen greedily.",
        "Iyer et al., Submodular Combinatorial Information Measures with Applications in Machine Learning, ALT 2021",
        Submodular(function=FacilityLocation()),
        *herding.DEVIATIONS,
    ),
    _method(
        "graph-cut",
        "Real images that are like all of their class and unlike one another, chosen greedily.",
        "Iyer et al., Submodular Combinatorial Information Measures with Applications in Machine Learning, ALT 2021",
        Submodular(function=GraphCut()),
        *herding.DEVIATIONS,
    ),
    _method(
        "uncertainty",
        "Real images of which the network is least sure: by entropy, margin or least-confidence (--start.score).",
        "Coleman et al., Selection via Proxy: Efficient Data Selection for Deep Learning, ICLR 2020",
        Highest(),
        BALANCED,
        BRIEFLY,
    ),
    _method(
        "cal",
        "Real images that are predicted otherwise than those of their class that look alike.",
        "Margatina et al., Active Learning by Acquiring Contrastive Examples, EMNLP 2021",
        Highest(score=Contrast()),
        BALANCED,
        BRIEFLY,
        "Neighbours are images of the same class; those of the source are the labelled ones.",
    ),
    _method(
        "deepfool",
        "Real images that the least change makes the network take for another class.",
        "Ducoffe & Precioso, Adversarial Active Learning for Deep Networks: a Margin Based Approach, 2018",
        Highest(score=Closeness()),
        BALANCED,
        BRIEFLY,
        cost="the training of one network, and some tens of passes forward and back over all images considered",
    ),
    _method(
        "contextual-diversity",
        "Real images chosen farthest-first by the divergence of predictions.",
        "Agarwal et al., Contextual Diversity for Active Learning, ECCV 2020",
        FarthestPredictions(),
        BALANCED,
        BRIEFLY,
        "An image has one prediction; the source compares mixtures over all places of an image.",
    ),
    _method(
        "ccs",
        "Random real images from all strata of hardness, without the hardest.",
        "Zheng et al., Coverage-centric Coreset Selection for High Pruning Rates, ICLR 2023",
        Stratified(epochs=20),
        BALANCED,
        FOLLOWED,
        "Three tenths are cut as hardest whatever the size; the source chooses that share by the size.",
        cost=LONG,
    ),
    _method(
        "moderate",
        "Real images whose distance from the mean of their class is nearest to the median one.",
        "Xia et al., Moderate Coreset: a Universal Method of Data Selection, ICLR 2023",
        Highest(score=NearMedian()),
        *herding.DEVIATIONS,
    ),
)
