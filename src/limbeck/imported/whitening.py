"""How whitened images look, known without the whitening; and the whitening of kernel methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.codecs.images import RIDGE, ImageCodec, Whitening, fit_channels, whitening_of

Images = Float[Tensor, "example channel height width"]


def whitened_like(images: Images, relative: bool) -> Images:
    """Images with the second moments that `images` would have after ZCA whitening, in moments.

    With X of n centred rows and S = X^T X / n, whitened images have second moments S (S + r)^-1 = Y^T Y for
    Y = L^-1 X, L L^T = X X^T + n r. That takes a matrix as large as the images are many, not as their pixels. The ridge
    r is `RIDGE`, times the mean of the diagonal of S where it is `relative`.
    """
    rows = images.flatten(1).to(torch.float64)
    rows = rows - rows.mean(0)
    ridge = RIDGE * (float(rows.square().mean()) if relative else 1)
    gram = rows @ rows.T + len(rows) * max(ridge, 1e-12) * torch.eye(len(rows), dtype=torch.float64)
    lower = torch.linalg.cholesky(gram)
    like = torch.linalg.solve_triangular(lower, rows, upper=False) * len(rows) ** 0.5
    return like.to(images.dtype).view(images.shape)


def kernel_codec(chunks: Callable[[], Iterable[Images]]) -> ImageCodec:
    """The units of Nguyen et al. (2021), Loo et al. (2022) and Zhou et al. (2022).

    Pixels less the mean of their channel over its standard deviation, times (S + r)^(-1/2) for second moments S about
    zero; r is `RIDGE` times the mean of the diagonal of S.
    """
    channels = fit_channels(chunks())
    total, count = torch.zeros(()), 0
    for chunk in chunks():
        rows = channels.encode(chunk).flatten(1)
        total, count = total + (rows.T @ rows).to(torch.float64), count + len(rows)
    moments = total / count
    ridge = RIDGE * float(moments.diagonal().mean())
    centre: Whitening = whitening_of(moments, torch.zeros(len(moments)), ridge)
    return ImageCodec(channels.mean, channels.std, centre)
