"""The scores of DD-Ranking (Li et al. 2025, arXiv 2505.13300): accuracy less what labels and augmentation do for it.

Both are e raised to a weighted sum of differences of accuracies, brought to 0 where that is -1 and to 1 where it is 1:
a set that is no better than random examples, and has nothing to recover, is at 0.269.
"""

from __future__ import annotations

import math


def label_robust(full: float, hard: float, own: float, random: float, weight: float = 0.5) -> float:
    """The label-robust score (LRS), of accuracies as shares.

    `full` is that of all real data and `hard` that of the set, both under hard labels; `own` is that of the set under
    its own labels and training, and `random` that of as many random examples under the same.
    LRS = scaled(weight (own - random) - (1 - weight) (full - hard)).

    >>> round(label_robust(0.85, 0.2, 0.6, 0.5), 4), round(label_robust(0.5, 0.5, 0.5, 0.5), 4)
    (0.1666, 0.2689)
    """
    return scaled(weight * (own - random) - (1 - weight) * (full - hard))


def augmentation_robust(
    augmented: float, random_augmented: float, plain: float, random_plain: float, weight: float = 0.5
) -> float:
    """The augmentation-robust score (ARS), of accuracies as shares.

    Of the set and of as many random examples, trained with augmentation and without.
    ARS = scaled(weight (augmented - random_augmented) + (1 - weight) (plain - random_plain)).

    >>> round(augmentation_robust(0.6, 0.5, 0.4, 0.4), 4)
    0.2908
    """
    return scaled(weight * (augmented - random_augmented) + (1 - weight) * (plain - random_plain))


def scaled(difference: float) -> float:
    """(e^d - e^-1) / (e - e^-1), for a difference d of shares.

    >>> scaled(-1.0), scaled(1.0)
    (0.0, 1.0)
    """
    return (math.exp(difference) - math.exp(-1)) / (math.exp(1) - math.exp(-1))
