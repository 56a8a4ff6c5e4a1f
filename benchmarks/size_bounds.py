"""How many items reach kernel ridge regression on all data: the sizes of Maalouf et al. (NeurIPS 2023), on digits.

    python benchmarks/size_bounds.py [--features 16 32 64 128 256] [--ridge 0.01] [--draws 5] [--out size_bounds.json]

The kernel is Gaussian, its width the median distance of the training images; random Fourier features phi of number s
stand for it (Rahimi & Recht 2007). w* is the ridge regression of all n training images in those features, at ridge n l.
A set of m real images, with features Z, under the labels

    Y = Z w* + m l (Z')^+ w*,

has the ridge regression P w* at ridge m l, where P projects onto the rows of Z: w* itself from m = s on, where Z has
full rank. So s + 1 images, a size that is linear in s as the paper has it, give the predictions of all data. Fewer give
the nearest that any labels can. The paper's sets need not be of real images; that these do is what is measured.

What is left is how far the features are from the kernel. With K and G their Gram matrices and r = n l,

    K (K + r)^-1 y - G (G + r)^-1 y = r (G + r)^-1 (K - G) (K + r)^-1 y,

so that the predictions for the training images differ by at most |K - G| |(K + r)^-1 y|, spectral norm and Frobenius
norm. The paper's own bound is a function of the ridge, too; its constants are not used here. Above the table stand the
effective degrees of freedom tr K (K + r)^-1, with which the paper's second size grows.

Errors are Frobenius norms of differences of predictions, over that of the predictions of kernel ridge regression on all
data; those of sets are for validation images, which neither has seen.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.core.key import Key
from limbeck.learn.ridge import ridge_solution
from limbeck.statistics.estimates import interval
from limbeck.tasks import load

KEY = Key(("benchmarks", "size-bounds"))


class Data(NamedTuple):
    """Images as rows of numbers, in float64."""

    inputs: Tensor
    targets: Tensor
    held: Tensor
    """Inputs for validation."""
    width: float
    """Of the kernel."""


def digits(count: int = 0) -> Data:
    """The first `count` training images in a drawn order (0: all), and those for validation."""
    task = load("digits")
    whole, held = task.load("train"), task.load("validation")
    rows = KEY.fold("rows").permutation(len(whole.classes))
    rows = rows[:count] if count else rows
    inputs, targets = whole.inputs[rows].flatten(1).double(), whole.targets[rows].double()
    width = float(torch.pdist(inputs).median())
    return Data(inputs, targets - targets.mean(1, keepdim=True), held.inputs.flatten(1).double(), width)


def gaussian(left: Tensor, right: Tensor, width: float) -> Tensor:
    """exp(-|x - z|^2 / (2 width^2)) (left, right)."""
    return (-torch.cdist(left, right).square() / (2 * width**2)).exp()


def frequencies(numbers: int, count: int, width: float, key: Key) -> Tensor:
    """The frequencies (number, count / 2) of `count` random Fourier features of a Gaussian kernel."""
    return key.normal(numbers, count // 2).double() / width


def fourier(inputs: Tensor, waves: Tensor) -> Tensor:
    """Random Fourier features (example, 2 waves): their inner products are the kernel's in expectation."""
    phases = inputs @ waves
    return torch.cat([phases.cos(), phases.sin()], 1) / waves.shape[1] ** 0.5


def labels_for(features: Tensor, solution: Tensor, ridge: float) -> Tensor:
    """The labels (item, output) under which ridge regression on items is as near to a solution as any labels take it.

    `features` are (item, feature), of full rank; `solution` is (feature, output).
    """
    return features @ solution + ridge * torch.linalg.pinv(features.T) @ solution


def set_solution(features: Tensor, solution: Tensor, each: float) -> Tensor:
    """The ridge regression on items under those labels, at a ridge of `each` for every item."""
    ridge = each * len(features)
    return ridge_solution(features, labels_for(features, solution, ridge), ridge)


class Row(NamedTuple):
    """What a set of a size came to, for one draw of features and of images."""

    features: int
    items: int
    to_features: float
    """Error against the regression on all data in the features."""
    to_kernel: float
    """Error against kernel ridge regression on all data."""
    training: float
    """That of the features with all data, on training images."""
    bound: float
    """Of the last."""


def measured(data: Data, count: int, sizes: tuple[int, ...], each: float, draw: int) -> list[Row]:
    """One draw of features, and a set of each size, at a ridge of `each` for every example."""
    key, ridge = KEY.fold(count, draw), each * len(data.inputs)
    gram = gaussian(data.inputs, data.inputs, data.width)
    eye = torch.eye(len(gram), dtype=gram.dtype)
    dual = torch.linalg.solve(gram + ridge * eye, data.targets)
    exact, fitted = gaussian(data.held, data.inputs, data.width) @ dual, gram @ dual
    waves = frequencies(data.inputs.shape[1], count, data.width, key.fold("waves"))
    phi, held = fourier(data.inputs, waves), fourier(data.held, waves)
    normal = phi.T @ phi + ridge * torch.eye(phi.shape[1], dtype=phi.dtype)
    solution = torch.linalg.solve(normal, phi.T @ data.targets)
    training = float((phi @ solution - fitted).norm() / fitted.norm())
    bound = float(torch.linalg.matrix_norm(gram - phi @ phi.T, 2) * dual.norm() / fitted.norm())
    rows = []
    for size in sizes:
        chosen = phi[key.fold("items").permutation(len(phi))[:size]]
        found = held @ set_solution(chosen, solution, each)
        apart = float((found - held @ solution).norm() / (held @ solution).norm())
        rows.append(Row(count, size, apart, float((found - exact).norm() / exact.norm()), training, bound))
    return rows


def freedom(data: Data, each: float) -> float:
    """The effective degrees of freedom."""
    values = torch.linalg.eigvalsh(gaussian(data.inputs, data.inputs, data.width)).clamp(min=0)
    return float((values / (values + each * len(values))).sum())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--features", type=int, nargs="+", default=[16, 32, 64, 128, 256], help="numbers of features")
    parser.add_argument("--ridge", type=float, default=0.01, help="l, for each example")
    parser.add_argument("--draws", type=int, default=5, help="draws of features and images")
    parser.add_argument("--out", type=Path, help="where the rows are written as JSON")
    asked = parser.parse_args()
    data, rows = digits(), []
    free = freedom(data, asked.ridge)
    print(f"{len(data.inputs)} training images, ridge {asked.ridge:g} each, effective degrees of freedom {free:.1f}\n")
    print(
        "| features s | items | error to all data, features | error to all data, kernel | of all data's | its bound |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for count in asked.features:
        sizes = (10, count // 2, count - 1, count + 1)
        draws = [measured(data, count, sizes, asked.ridge, draw) for draw in range(asked.draws)]
        for each in zip(*draws, strict=True):
            said = [over([row[column] for row in each]) for column in range(2, 6)]
            print(f"| {count} | {each[0].items} | " + " | ".join(said) + " |", flush=True)
            rows += [row._asdict() for row in each]
    if asked.out:
        asked.out.write_text(json.dumps({"ridge": asked.ridge, "freedom": free, "rows": rows}, indent=1) + "\n")


def over(values: list[float]) -> str:
    """A mean with its 95 % interval."""
    mean, low, high = interval(values, within=(0.0, math.inf))
    return f"{mean:.2g} ({low:.2g} to {high:.2g})"


if __name__ == "__main__":
    main()
