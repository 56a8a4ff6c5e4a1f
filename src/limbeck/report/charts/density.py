"""A density from a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence


def density(values: Sequence[float | int], at: Sequence[float | int]) -> list[float]:
    """The kernel density estimate of a sample at some points, by normal kernels of Silverman's width.

    f(t) = mean over v of N(t; v, h^2), h = 0.9 min(s, IQR / 1.34) n^(-1/5), with s the standard deviation
    (Silverman, Density Estimation, 1986, equation 3.31).

    >>> round(density([0.0, 1.0], [0.5])[0], 3) == round(density([0.0, 1.0], [0.5, 2.0])[0], 3)
    True
    """
    n = len(values)
    mean = sum(values) / n
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / max(n - 1, 1))
    ranked = sorted(values)
    spread = (ranked[(3 * n) // 4] - ranked[n // 4]) / 1.34 if n > 3 else deviation
    width = 0.9 * (min(deviation, spread) or deviation or 1e-3) * n**-0.2
    scale = n * width * math.sqrt(2 * math.pi)
    return [sum(math.exp(-0.5 * ((t - value) / width) ** 2) for value in values) / scale for t in at]
