"""Vectors of words, learned from which words stand near one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import scipy.sparse

Array = NDArray[Any]

SMOOTHING = 0.75
"""The power of the counts of contexts, which takes weight from rare ones (Levy, Goldberg & Dagan, TACL 2015)."""
DENSE = 400
"""Up to so many tokens the whole decomposition is taken."""


def learned(sentences: Sequence[Sequence[int]], tokens: int, numbers: int, window: int) -> Array:
    """(token, number) float64: the vector of each of `tokens` tokens, of as many `numbers` as are asked for.

    The positive pointwise mutual information of the tokens within `window` places of one another is brought to its
    largest singular values, whose square roots the left vectors are multiplied by (Levy & Goldberg, NeurIPS 2014);
    each vector then has the length sqrt(numbers), but for a token that is near no other, whose is 0. It depends on the
    sentences alone, up to rounding. Where there are fewer tokens than numbers, the last numbers are 0.
    """
    information = mutual_information(together(sentences, tokens, window))
    left, values = _largest(information, min(numbers, tokens))
    made = np.zeros((tokens, numbers))
    made[:, : len(values)] = left * np.sqrt(values)
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    near = lengths > 1e-9 * max(float(lengths.max(initial=0.0)), 1.0)
    return np.where(near, made / np.where(near, lengths, 1.0), 0.0) * np.sqrt(numbers)


def together(sentences: Sequence[Sequence[int]], tokens: int, window: int) -> scipy.sparse.csr_array:
    """(token, token): how often each stands within `window` places of each other one, in either order."""
    import scipy.sparse

    lengths = [len(each) for each in sentences]
    flat = np.fromiter((token for each in sentences for token in each), np.int64, sum(lengths))
    owner = np.repeat(np.arange(len(lengths)), lengths)
    counts = scipy.sparse.csr_array((tokens, tokens))
    for apart in range(1, window + 1):
        one, other = flat[:-apart], flat[apart:]
        same = owner[:-apart] == owner[apart:]
        ones = np.ones(int(same.sum()))
        counts = counts + scipy.sparse.csr_array((ones, (one[same], other[same])), shape=counts.shape)
    return (counts + counts.T).tocsr()


def mutual_information(counts: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """max(0, log P(token, context) / (P(token) P(context))), where contexts have the power `SMOOTHING` of their counts.

    0 where two tokens were never together.
    """
    import scipy.sparse

    found = counts.tocoo()
    of_token = np.asarray(counts.sum(1), float)
    of_context = np.asarray(counts.sum(0), float) ** SMOOTHING
    share = found.data / max(float(of_token.sum()), 1.0)
    expected = (of_token / max(float(of_token.sum()), 1.0))[found.row] * (of_context / max(of_context.sum(), 1.0))[
        found.col
    ]
    values = np.log(share / expected).clip(min=0)
    return scipy.sparse.csr_array((values, (found.row, found.col)), shape=counts.shape)


def _largest(matrix: scipy.sparse.csr_array, count: int) -> tuple[Array, Array]:
    """The left singular vectors of the `count` largest singular values, and these; the largest entry is positive."""
    import scipy.sparse.linalg

    size = matrix.shape[0]
    if size <= DENSE or count >= size:
        left, values, _ = np.linalg.svd(matrix.toarray())
    else:
        start = np.ones(size) / np.sqrt(size)
        left, values, _ = scipy.sparse.linalg.svds(matrix, k=count, v0=start)
        order = np.argsort(-values)
        left, values = left[:, order], values[order]
    left, values = left[:, :count], values[:count]
    signs = np.sign(left[np.abs(left).argmax(0), np.arange(len(values))])
    return left * np.where(signs == 0, 1, signs), values
