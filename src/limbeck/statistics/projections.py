"""Points of many dimensions on a plane, to be looked at."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart, at_least
from limbeck.core.family import Family
from limbeck.core.key import Key

FEW = 10
"""So many points and fewer are too few to lay out by their neighbours."""


class AbstractProjection(AbstractPart):
    """A map of points to the plane, fitted to the points that it maps."""

    @property
    @abstractmethod
    def available(self) -> bool:
        """Whether what it needs is installed."""

    @abstractmethod
    def project(self, points: Float[Tensor, "point feature"], key: Key) -> Float[Tensor, "point 2"]:
        """Where each point lies on the plane; InputError where what it needs is not installed."""


@dataclass(frozen=True)
class Pca(AbstractProjection):
    """The two directions of largest variance.

    Of the sign of a direction, that one in which its largest part is positive. Without a second direction (one point,
    one feature) its coordinates are 0.
    """

    @property
    def available(self) -> bool:
        """Always."""
        return True

    def project(self, points: Float[Tensor, "point feature"], key: Key) -> Float[Tensor, "point 2"]:
        """The coordinates along the eigenvectors of the covariance; nothing is drawn."""
        centred = points.to(torch.float64) - points.to(torch.float64).mean(0)
        vectors = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :2]
        largest = vectors.gather(0, vectors.abs().argmax(0)[None])
        plane = centred @ (vectors * torch.where(largest < 0, -1.0, 1.0))
        return torch.nn.functional.pad(plane, (0, 2 - plane.shape[1])).to(points.dtype)


@dataclass(frozen=True)
class Umap(AbstractProjection):
    """UMAP (McInnes et al. 2018): points that are neighbours lie together; needs `pip install limbeck[views]`.

    Five neighbours and else the defaults, as Yang et al. (ICML 2024), figure 2 right. Up to ten
    points are laid out by PCA.
    """

    neighbours: int = 5
    """Neighbours that are kept near."""

    def __post_init__(self) -> None:
        at_least(self, 2, "neighbours")

    @property
    def available(self) -> bool:
        """Whether umap-learn is installed."""
        return importlib.util.find_spec("umap") is not None

    def project(self, points: Float[Tensor, "point feature"], key: Key) -> Float[Tensor, "point 2"]:
        """The embedding, its random state the key's seed; InputError where umap-learn is not installed."""
        if not self.available:
            raise InputError("UMAP is not installed; pip install limbeck[views], or use the projection pca")
        if len(points) <= FEW:
            return Pca().project(points, key)
        from umap import UMAP

        # Of one seed it is the same every time by one job alone; said, lest it warn of that.
        made = UMAP(n_neighbors=min(self.neighbours, len(points) - 1), random_state=key.seed % 2**32, n_jobs=1)
        found = made.fit_transform(points.numpy())
        return torch.from_numpy(found).to(points.dtype)


PROJECTIONS = Family("projection", AbstractProjection, Pca, Umap)
