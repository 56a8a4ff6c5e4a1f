"""Principal codes: directions against a dense reference, and what is left out of real inputs in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import strange_tasks
from coloured import KEY, PROBLEM, TASK, real, rendered
from limbeck.core.contracts import Budget
from limbeck.core.errors import InputError
from limbeck.parameterizations import Pca
from limbeck.parameterizations.pca import principal


@pytest.mark.parametrize(("examples", "numbers"), [(40, 7), (7, 40), (12, 12)])
def test_directions_are_the_right_singular_vectors_of_what_is_centred(examples: int, numbers: int) -> None:
    given = 3 + KEY.fold(examples).normal(examples, numbers).double() * torch.arange(1.0, numbers + 1)
    mean, directions = principal(given.split(5), examples, numbers, 5)
    torch.testing.assert_close(mean, given.mean(0), rtol=1e-12, atol=0)
    expected = np.linalg.svd((given - given.mean(0)).numpy())[2][:5]
    np.testing.assert_allclose(np.abs((directions.numpy() * expected).sum(1)), 1, rtol=1e-9)
    assert bool((directions.max(1).values == directions.abs().max(1).values).all())
    whole = principal([given], examples, numbers, 5)[1]
    torch.testing.assert_close(directions, whole, rtol=0, atol=1e-9)


@pytest.mark.parametrize("examples", [1, 4, 30])
def test_directions_that_nothing_varies_in_are_orthonormal_too(examples: int) -> None:
    # Two numbers are the same in all examples.
    given = KEY.fold("few").normal(examples, 9).double()
    given[:, [2, 5]] = 1
    directions = principal([given], examples, 9, 9)[1]
    torch.testing.assert_close(directions @ directions.T, torch.eye(9, dtype=torch.float64), rtol=0, atol=1e-10)
    spanned = directions[: min(7, examples - 1)]
    away = given - given.mean(0)
    torch.testing.assert_close(away @ spanned.T @ spanned, away, rtol=0, atol=1e-9)


@pytest.mark.parametrize("components", [1, 20, 71])
def test_what_is_left_out_of_the_real_inputs_is_the_tail_of_their_spectrum(components: int) -> None:
    start = real()
    made, params = rendered(Pca(components), start)
    values = np.linalg.eigvalsh(np.cov(start.inputs.flatten(1).numpy().T, bias=True))[::-1]
    lost = float((made - start.inputs).flatten(1).square().sum(1).mean())
    assert lost == pytest.approx(values[components:].sum(), rel=1e-9)
    again = rendered(Pca(components), start._replace(inputs=made))[1]
    torch.testing.assert_close(again.learned["codes"], params.learned["codes"], rtol=0, atol=1e-9)


def test_as_many_components_as_numbers_are_the_pixels() -> None:
    for examples in (5_000, 30):
        start = real(7)
        made, params = rendered(Pca(72, examples), start)
        torch.testing.assert_close(made, start.inputs, rtol=0, atol=1e-10)
        assert params.learned["codes"].shape == (7, 72)


def test_directions_are_those_of_as_many_examples_as_are_asked_for() -> None:
    first = rendered(Pca(5, 20), real(3))[1].fixed["directions"]
    assert torch.equal(first, rendered(Pca(5, 20), real(4), KEY.fold("other"))[1].fixed["directions"])
    assert not torch.allclose(first, rendered(Pca(5, 21), real(3))[1].fixed["directions"])


def test_the_decoder_is_measured_and_not_counted_in_the_size_that_is_asked_for() -> None:
    stored = Pca(5).stored(rendered(Pca(5), real(6))[1])
    assert Budget.of(stored.learned).bytes == 4 * 6 * 5 == Pca(5).cost(TASK, 2)
    # Five directions and the mean in 32 bits, and the classes of six items.
    assert Budget.of(stored.fixed).bytes == 4 * 72 * (5 + 1) + 6


def test_inputs_need_not_be_images() -> None:
    task = strange_tasks.LOADERS["forecast"](None)
    start = task.load("train", torch.arange(6))
    problem, numbers = replace(PROBLEM, task=task), start.inputs[0].numel()
    params = Pca(numbers).init(problem, start, KEY)
    torch.testing.assert_close(Pca(numbers).render(params, KEY).inputs, start.inputs, rtol=0, atol=1e-5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"pca\.examples: found 0"):
        Pca(examples=0)
    with pytest.raises(InputError, match=r"pca\.components: found 73, expected at most 72"):
        rendered(Pca(73), real(3))
    with pytest.raises(InputError, match="pca: found inputs of several tensors, expected one tensor of floats"):
        rendered(Pca(), real(3)._replace(inputs={"left": torch.zeros(3, 2)}))
