"""As many real digits as random Fourier features have the ridge regression of all, under labels in closed form."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.core.key import Key

KEY = Key(("size bounds",))
FEATURES, RIDGE = 24, 1e-3


@pytest.fixture(scope="module")
def bench(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("size_bounds", checkout / "benchmarks" / "size_bounds.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["size_bounds"] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def data(bench: ModuleType) -> Any:
    return bench.digits(300)


def features(bench: ModuleType, data: Any, inputs: Tensor) -> Tensor:
    waves = bench.frequencies(64, FEATURES, data.width, KEY.fold("waves"))
    found: Tensor = bench.fourier(inputs, waves)
    return found


def of_all(phi: Tensor, targets: Tensor) -> Tensor:
    """Ridge regression on all data, by its normal equations."""
    normal = phi.T @ phi + RIDGE * len(phi) * torch.eye(phi.shape[1], dtype=phi.dtype)
    return torch.linalg.solve(normal, phi.T @ targets)


@pytest.mark.parametrize("items", [FEATURES, FEATURES + 1, 2 * FEATURES])
def test_as_many_items_as_features_have_the_predictions_of_all_data(bench: ModuleType, data: Any, items: int) -> None:
    phi, held = (features(bench, data, each) for each in (data.inputs, data.held))
    solution = of_all(phi, data.targets)
    found = bench.set_solution(phi[:items], solution, RIDGE)
    torch.testing.assert_close(found, solution, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(held @ found, held @ solution, rtol=1e-6, atol=1e-8)
    # The labels that are real are others, and have other predictions.
    real = bench.ridge_solution(phi[:items], data.targets[:items], RIDGE * items)
    assert float((held @ (real - solution)).norm() / (held @ solution).norm()) > 0.3


@pytest.mark.parametrize("items", [1, 10, FEATURES - 1])
def test_fewer_items_have_the_nearest_that_any_labels_give(bench: ModuleType, data: Any, items: int) -> None:
    phi = features(bench, data, data.inputs)
    solution, chosen = of_all(phi, data.targets), phi[:items]
    found = bench.set_solution(chosen, solution, RIDGE)
    # By an orthonormal basis of the rows.
    rows = torch.linalg.qr(chosen.T).Q
    torch.testing.assert_close(found, rows @ rows.T @ solution, rtol=1e-6, atol=1e-8)
    least = float((found - solution).norm())
    assert least > 0.01 * float(solution.norm())
    labels = bench.labels_for(chosen, solution, RIDGE * items)
    for draw in range(10):
        near = labels + 0.1 * labels.std() * KEY.fold("labels", draw).normal(items, 10).double()
        assert float((bench.ridge_solution(chosen, near, RIDGE * items) - solution).norm()) > least


def test_predictions_of_features_differ_from_the_kernel_s_as_the_identity_says(bench: ModuleType, data: Any) -> None:
    phi = features(bench, data, data.inputs)
    gram, like = bench.gaussian(data.inputs, data.inputs, data.width), phi @ phi.T
    ridge = RIDGE * len(phi) * torch.eye(len(phi), dtype=phi.dtype)
    dual = torch.linalg.solve(gram + ridge, data.targets)
    apart = gram @ dual - phi @ of_all(phi, data.targets)
    said = ridge @ torch.linalg.solve(like + ridge, (gram - like) @ dual)
    torch.testing.assert_close(apart, said, rtol=1e-7, atol=1e-9)
    (row,) = bench.measured(data, FEATURES, (FEATURES + 1,), RIDGE, 0)
    assert 0 < row.training < row.bound and row.to_features < 1e-8 < row.to_kernel


def test_features_have_the_kernel_for_their_mean(bench: ModuleType, data: Any) -> None:
    """Hoeffding (1963): a mean of 2,000 cosines of some 20,000 pairs is further than 0.13 off once in 500 draws."""
    inputs, waves = data.inputs[:200], 2000
    phi = bench.fourier(inputs, bench.frequencies(64, 2 * waves, data.width, KEY.fold("many")))
    off = (phi @ phi.T - bench.gaussian(inputs, inputs, data.width)).abs().max()
    assert 2 * 20_000 * math.exp(-waves * 0.13**2 / 2) < 1 / 500
    assert float(off) < 0.13 and float((phi.square().sum(1) - 1).abs().max()) < 1e-12


def test_degrees_of_freedom_are_the_trace_of_the_hat(bench: ModuleType, data: Any) -> None:
    gram = bench.gaussian(data.inputs, data.inputs, data.width)
    ridge = RIDGE * len(gram) * torch.eye(len(gram), dtype=gram.dtype)
    assert bench.freedom(data, RIDGE) == pytest.approx(float(torch.linalg.solve(gram + ridge, gram).trace()), rel=1e-8)
