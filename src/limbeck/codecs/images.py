"""From pixels in [0, 1] to what a network sees, and back: channel statistics and ZCA whitening."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.placing import onto

Images = Float[Tensor, "example channel height width"]

RIDGE = 0.1
"""What is added to every eigenvalue of the covariance before whitening, in squared normalised units."""
LARGEST = 8192
"""Numbers of an image that is whitened, at most."""
_CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class Whitening:
    """ZCA whitening y = (x - mean) W of flattened images, W = U (S + ridge)^(-1/2) U^T for covariance U S U^T.

    Krizhevsky, "Learning multiple layers of features from tiny images" (2009), with the ridge and the
    channel normalisation before it as in Cazenavette et al. (2022).
    """

    matrix: Float[Tensor, "pixel pixel"]
    mean: Float[Tensor, " pixel"]

    def apply(self, images: Images) -> Images:
        """The whitened images, in the shape they came."""
        mean, matrix = (onto(each.to(images.dtype), images.device) for each in (self.mean, self.matrix))
        return ((images.flatten(1) - mean) @ matrix).view(images.shape)

    def invert(self, images: Images) -> Images:
        """The images that `apply` takes to `images`, solved in double precision because W is ill-conditioned."""
        matrix = self.matrix.to(images.device, torch.float64)
        coloured = torch.linalg.solve(matrix, images.flatten(1).to(torch.float64), left=False)
        return (coloured + self.mean.to(coloured)).to(images.dtype).view(images.shape)


@dataclass(frozen=True)
class ImageCodec(AbstractCodec):
    """Pixels in [0, 1] <-> y = (x - mean) / std in each channel, then ZCA whitening where there is one."""

    mean: tuple[float, ...]
    """The mean of each channel."""
    std: tuple[float, ...]
    """The standard deviation of each channel."""
    zca: Whitening | None = None
    """What whitens normalised images; none: nothing does."""

    def encode(self, native: Images) -> Images:
        """Pixels in [0, 1] -> normalised units; differentiable."""
        mean, std = self._columns(native)
        # In place on a tensor of our own: a large split is not held a third time.
        normal = (native - mean).div_(std)
        return normal if self.zca is None else self.zca.apply(normal)

    def decode(self, inputs: Images) -> Images:
        """Normalised units -> pixels, unclipped: outside [0, 1] where the images leave the range."""
        mean, std = self._columns(inputs)
        normal = inputs if self.zca is None else self.zca.invert(inputs)
        return normal * std + mean

    def clip(self, native: Images) -> Images:
        """Pixels cut off below 0 and above 1."""
        return native.clamp(0, 1)

    def picture(self, item: Float[Tensor, "channel height width"]) -> UInt8[Tensor, "height width 3"] | None:
        """The image, clipped; None where it has neither one channel nor three."""
        if len(item) not in (1, 3):
            return None
        eight = (item.detach().nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
        return eight.expand(3, -1, -1).permute(1, 2, 0).contiguous()

    def of_any_size(self) -> AbstractCodec | None:
        """This, where nothing is whitened."""
        return self if self.zca is None else None

    def _columns(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = (onto(torch.tensor(values, dtype=images.dtype), images.device) for values in (self.mean, self.std))
        return mean.view(-1, 1, 1), std.view(-1, 1, 1)

    def header(self) -> dict[str, Any]:
        """Means and standard deviations by channel, and whether the images are whitened."""
        return {"mean": list(self.mean), "std": list(self.std), "zca": self.zca is not None}

    def to_tensors(self) -> dict[str, Tensor]:
        """Every number by name, for a file to carry."""
        tensors = {name: torch.tensor(getattr(self, name), dtype=torch.float64) for name in ("mean", "std")}
        if self.zca is not None:
            tensors |= {"zca_matrix": self.zca.matrix, "zca_mean": self.zca.mean}
        return tensors

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> ImageCodec:
        """The codec that `to_tensors` wrote; InputError where a tensor is missing or of another shape."""
        expected = ("mean", "std", "zca_matrix", "zca_mean") if "zca_matrix" in tensors else ("mean", "std")
        missing = [name for name in expected if name not in tensors]
        if missing:
            raise InputError(
                f"a codec of images without {missing[0]!r} (found {', '.join(tensors) or 'nothing'}), "
                "expected mean and std, and zca_matrix with zca_mean; make the file again"
            )
        numbers = [tensors[name] for name in expected]
        mean, std, *zca = numbers
        square = not zca or (zca[1].dim() == 1 and zca[0].shape == 2 * zca[1].shape)
        finite = all(each.is_floating_point() and bool(each.isfinite().all()) for each in numbers)
        if mean.dim() != 1 or mean.shape != std.shape or not (square and finite) or not bool((std > 0).all()):
            shapes = ", ".join(f"{name} {tuple(tensors[name].shape)}" for name in expected)
            raise InputError(
                f"a codec of images with {shapes}, expected one finite mean and one positive std per channel "
                "and a square zca_matrix; make the file again"
            )
        return cls(tuple(mean.tolist()), tuple(std.tolist()), Whitening(*zca) if zca else None)


def fit_channels(chunks: Iterable[Float[Tensor, "_ channel height width"]]) -> ImageCodec:
    """The mean and standard deviation of each channel over all pixels of images in [0, 1].

    A constant channel gets a std of 1.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for chunk in chunks:
        wide = chunk.to(torch.float64)
        count += wide.numel() // wide.shape[1]
        total = total + wide.sum((0, 2, 3))
        squares = squares + wide.square().sum((0, 2, 3))
    mean = total / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt()
    return ImageCodec(tuple(mean.tolist()), tuple(value if value > _CONSTANT else 1.0 for value in std.tolist()))


def fit_zca(chunks: Callable[[], Iterable[Float[Tensor, "_ channel height width"]]]) -> Whitening:
    """The ZCA whitening of normalised images, ridge 0.1 on the eigenvalues of their covariance.

    `chunks` gives the images anew each time it is called: once for the mean and once for the covariance.
    Raises InputError for images of more than 8,192 numbers, whose matrix is too large to decompose.
    """
    count, total = 0, torch.zeros(())
    for chunk in chunks():
        size = chunk[0].numel()
        if size > LARGEST:
            raise InputError(
                f"ZCA of images of {size} numbers, expected at most {LARGEST} (its matrix has the square of that); "
                "load smaller images with --size (size= in Python), or leave zca out"
            )
        count += len(chunk)
        total = total + chunk.flatten(1).sum(0, dtype=torch.float64)
    mean = total / count
    covariance = torch.zeros(())
    for chunk in chunks():
        centred = chunk.flatten(1) - mean.to(chunk.dtype)
        covariance = covariance + (centred.T @ centred).to(torch.float64)
    return whitening_of(covariance / max(count - 1, 1), mean, RIDGE)


def whitening_of(covariance: Float[Tensor, "pixel pixel"], mean: Float[Tensor, " pixel"], ridge: float) -> Whitening:
    """The whitening by (covariance + ridge)^(-1/2), about `mean`."""
    values, vectors = torch.linalg.eigh(covariance)
    matrix = (vectors * (values.clamp(min=0) + ridge).rsqrt()) @ vectors.T
    return Whitening(matrix.to(torch.float32), mean.to(torch.float32))
