"""Codes through a frozen decoder: what an autoencoder learns, a generator of the user's, and what the set holds."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gaussian_nll_loss

from limbeck.computations import Autoencoder
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, Budget, NoCache, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.family import from_spec, spec_id, to_spec
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.distilled_set import DistilledSet
from limbeck.learn.autoencoder import begun, bound, decoder, encoder
from limbeck.parameterizations import FixedTargets, Latent
from limbeck.parameterizations.budgets import items_within
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("latent",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("mlp-w4"), torch.device("cpu"), NoCache())
YOURS = Latent(code=64, decoder="module:users_generators.Linear", fit_steps=0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 10), (2, 28, 28), (1, 1, 3)])
def test_the_halves_of_the_autoencoder_fit_images_of_any_size(shape: tuple[int, int, int]) -> None:
    images = torch.zeros(2, *shape)
    assert encoder(shape, 5, 4)(images).shape == (2, 10)
    assert decoder(shape, 5, 4)(torch.zeros(2, 5)).shape == images.shape


def test_what_it_is_trained_by_is_the_error_of_the_best_variance_and_a_divergence() -> None:
    images = PROBLEM.real(KEY, 2).inputs.double()
    params = tree.map(Tensor.double, begun((1, 8, 8), 3, 4, KEY))
    halves = {"decoder": decoder((1, 8, 8), 3, 4).double(), "encoder": encoder((1, 8, 8), 3, 4).double()}
    for half, module in halves.items():
        module.load_state_dict(params[half])
    mean, log = halves["encoder"](images).chunk(2, 1)
    codes = mean + torch.exp(log / 2) * KEY.normal(*mean.shape)
    error = halves["decoder"](codes) - images
    spread = torch.exp(log / 2)
    apart = ((spread**2 + mean**2) / 2 - spread.log() - 0.5).sum(1).mean()
    # The negative log-likelihood of a normal of the best variance for these, which is the mean squared error.
    variance = error.square().mean().expand(error.shape)
    unlikely = gaussian_nll_loss(error, torch.zeros_like(error), variance, full=True, reduction="sum") / len(images)
    constant = 64 / 2 * (1 + math.log(2 * math.pi))
    torch.testing.assert_close(bound(params, images, 3, 4, KEY) + constant, apart + unlikely)


class Kept(NoCache):
    """A cache that keeps one outcome."""

    outcome: Tree = None

    def remember(self, address: object, make: object, branch: str = "") -> Tree:
        self.outcome = make() if self.outcome is None else self.outcome
        return tree.branch(self.outcome, branch)


def test_codes_of_real_digits_come_back_to_a_stated_error_and_keep_what_decodes_them(tmp_path: Path) -> None:
    problem, part = replace(PROBLEM, cache=Kept()), Latent(code=16, width=16, steps=120)
    start = problem.real(KEY, 1)

    def noise(part: Latent) -> float:
        made = part.render(part.init(problem, start, KEY), KEY).inputs
        errors = (TASK.codec.decode(made) - TASK.codec.decode(start.inputs)).square().mean((1, 2, 3))
        return float(-10 * errors.log10().mean())

    # The mean image of the data is 12 dB from them.
    encoded, fit = noise(replace(part, fit_steps=0)), noise(part)
    assert encoded > 14 and fit > encoded + 1
    params = part.init(problem, start, KEY)
    numbers = 16 * (32 * 4) + 32 * 4 + 32 * 16 * 9 + 16 + 16 * 8 * 9 + 8 + 8 * 9 + 1
    assert Budget.of(params.fixed["decoder"]).scalars == numbers
    schedule = Fixed().render({}, start.classes, KEY)
    data, spec = {"name": "digits", "fingerprint": "f"}, {"network": "mlp-w4"}
    made = DistilledSet(params, part, schedule, TASK.codec, TASK.classes, data, spec)
    assert made.budget.bytes == 4 * (10 * 16 + numbers) + 10
    made.save(tmp_path / "a.safetensors")
    assert torch.equal(DistilledSet.load(tmp_path / "a.safetensors").batch.inputs, made.batch.inputs)


def test_its_training_is_a_computation_of_the_data_that_may_be_done_before() -> None:
    part = Latent(code=4, width=2, steps=3)
    (needed,) = FixedTargets(part).needs(PROBLEM)
    context = ProbeContext(PROBLEM)
    assert needed == Autoencoder(code=4, width=2, steps=3)
    once, again = needed.run(context), needed.run(context)
    assert all(torch.equal(one, other) for one, other in zip(tree.leaves(once), tree.leaves(again), strict=True))
    # Products of the linear layers and of the convolutions by hand: two operations each, three times, a batch, 3 steps.
    convolutions = 16 * 2 * 9 + 4 * 4 * 2 * 9 + 16 * 4 * 2 * 9 + 64 * 2 * 9 + 64 * 9
    linear = 4 * 4 * 8 + 4 * 4 * 4
    assert needed.flops(context) == 2 * (convolutions + linear) * 3 * 128 * 3
    assert YOURS.needs(PROBLEM) == ()


def test_a_generator_of_yours_is_used_as_it_is_and_lies_in_the_set() -> None:
    start = PROBLEM.real(KEY, 1)
    params = YOURS.init(PROBLEM, start, KEY)
    held, codes = params.fixed["decoder"], params.learned["inputs"]
    assert sorted(held) == ["layer.bias", "layer.weight", "scale"]
    expected = 2 * (codes @ held["layer.weight"].T + held["layer.bias"])
    torch.testing.assert_close(YOURS.render(params, KEY).inputs.flatten(1), expected)
    changed = Parameters(params.learned, {**params.fixed, "decoder": {**held, "scale": torch.tensor(4.0)}})
    torch.testing.assert_close(YOURS.render(changed, KEY).inputs.flatten(1), 2 * expected)
    # Of as many numbers as an image has, codes can say all of it.
    fit = replace(YOURS, fit_steps=1000, fit_rate=0.1)
    assert float((fit.render(fit.init(PROBLEM, start, KEY), KEY).inputs - start.inputs).norm()) < 0.1 * float(
        start.inputs.norm()
    )


def test_the_source_of_a_generator_is_part_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = to_spec(YOURS)
    assert spec["from"]["module"] == "users_generators" and len(spec["from"]["digest"]) == 16
    assert from_spec(spec) == YOURS and "from" not in to_spec(Latent())
    other = {**spec, "from": {**spec["from"], "digest": "0" * 16}}
    assert spec_id(other) != spec_id(spec)
    with pytest.warns(UserWarning, match="parameterization/latent: made with .*digest 0000000000000000"):
        from_spec(other)


def test_storage_holds_as_many_codes_as_fit_into_it() -> None:
    assert [items_within(Latent(code=16), TASK, count) for count in (1, 10)] == [4, 40]
    assert items_within(Latent(code=5), TASK, 1) == 12


def test_what_cannot_be_decoded_is_refused() -> None:
    start = PROBLEM.real(KEY, 1)
    for decoder_name, complaint in {
        "module:users_generators.flat": r"found \(1, 64\) of one code, expected \(1, \*\(1, 8, 8\)\)",
        "module:users_generators.nothing": "its factory returned tuple, expected an nn.Module",
        "module:users_generators.Missing": "users_generators has no function or class 'Missing'",
        "module:nowhere_at_all.made": "cannot import nowhere_at_all",
    }.items():
        with pytest.raises(InputError, match=f"decoder {decoder_name}: {complaint}"):
            Latent(decoder=decoder_name).init(PROBLEM, start, KEY)
    with pytest.raises(InputError, match="unknown decoder 'autoencoders'"):
        Latent(decoder="autoencoders")
    with pytest.raises(InputError, match=r"latent\.width: found 3, expected an even number"):
        Latent(width=3)
    with pytest.raises(InputError, match=r"latent: found inputs of the shape \(4,\), expected images"):
        Latent().cost(load("cartpole"), 1)
    vectors = Batch(torch.zeros(2, 192), torch.eye(2), torch.arange(2))
    with pytest.raises(InputError, match=r"latent: found inputs of the shape \(192,\), expected images"):
        Latent().init(PROBLEM, vectors, KEY)
