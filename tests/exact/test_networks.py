"""Networks by name: their sizes, and that they are pure functions under every transform of torch.func."""

from __future__ import annotations

import sys
import types

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from limbeck.core import tree
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.networks import ARCHITECTURES, IMAGES, Network, build, names

KEY = Key(("networks",))
SMALL = (1, 8, 8)


def images(count: int, *shape: int) -> Tensor:
    return KEY.fold("images").normal(count, *shape)


def plain(network: Network, params: dict[str, Tensor]) -> nn.Module:
    """The module itself, holding `params`."""
    module = network.factory().to(next(iter(params.values())).dtype)
    module.load_state_dict(params, strict=False)
    return module


@pytest.mark.parametrize(("width", "count"), [(128, 320_010), (64, 86_282), (32, 24_714), (16, 7_754)])
def test_the_convnet_has_the_published_number_of_parameters(width: int, count: int) -> None:
    assert tree.count(build(f"convnet-w{width}", (3, 32, 32), 10).init(KEY)) == count


def test_the_convnet_equals_its_definition() -> None:
    network = build("convnet-w4", (1, 28, 28), 3)
    params = tree.map(lambda leaf: leaf.double(), network.init(KEY))
    maps = inputs = images(5, 1, 28, 28).double()
    for block in (1, 2, 3):
        name = f"block{block}"
        padding = 3 if block == 1 else 1
        maps = functional.conv2d(
            maps, params[f"{name}.convolution.weight"], params[f"{name}.convolution.bias"], padding=padding
        )
        variance, mean = torch.var_mean(maps, (2, 3), correction=0, keepdim=True)
        scale, shift = (params[f"{name}.norm.{kind}"][:, None, None] for kind in ("weight", "bias"))
        maps = ((maps - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)
        maps = maps.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).mean((3, 5))
    features = maps.flatten(1)
    readout = network.apply(params, inputs)
    torch.testing.assert_close(readout.features, features)
    torch.testing.assert_close(readout.outputs, features @ params["head.weight"].T + params["head.bias"])
    assert features.shape == (5, 4 * 4 * 4)


def test_the_layers_of_the_convnet_are_its_activations_before_they_are_pooled_and_its_features() -> None:
    network = build("convnet-w4-d2-batch", SMALL, 3)
    params, statistics = tree.map(lambda leaf: leaf.double(), (network.init(KEY), network.statistics()))
    inputs = images(5, *SMALL).double()
    module = plain(network, {**params, **statistics}).eval()
    first = module.block1[:3](inputs)
    second = module.block2[:3](module.block1[3](first))
    found = network.layers(params, inputs, statistics)
    for layer, expected in zip(found, (first, second, module.block2[3](second).flatten(1)), strict=True):
        torch.testing.assert_close(layer, expected)
    # Without running statistics the batch's own are used, as in the readout.
    assert torch.equal(network.layers(params, inputs)[-1], network.apply(params, inputs).features)
    assert not torch.equal(network.layers(params, inputs)[0], found[0])


@pytest.mark.parametrize(
    ("name", "count"), [("mlp-w8", 2), ("lenet", 4), ("alexnet", 6), ("vgg11", 9), ("resnet18", 18), ("vit", 5)]
)
def test_the_layers_of_every_network_end_in_its_features(name: str, count: int) -> None:
    network = build(name, SMALL, 3)
    params, inputs = network.init(KEY), images(2, *SMALL)
    found = network.layers(params, inputs)
    assert len(found) == count and all(len(layer) == 2 for layer in found)
    assert torch.equal(found[-1], network.apply(params, inputs).features)
    # Nothing is left listening: another call hears only itself.
    assert len(network.layers(params, inputs)) == count


@pytest.mark.parametrize("name", ["convnet-w2-d1-batch-tanh", "mlp-w3", "vit"])
def test_layers_can_be_stacked_and_differentiated_twice(name: str) -> None:
    network = build(name, (1, 4, 4), 2)
    singles = [tree.map(lambda leaf: leaf.double(), network.init(KEY.fold(index))) for index in range(2)]
    inputs = images(3, 1, 4, 4).double()

    def size(params: dict[str, Tensor], inputs: Tensor) -> Tensor:
        return torch.stack([layer.square().sum() for layer in network.layers(params, inputs)]).sum()

    found = vmap(grad(size), in_dims=(0, None))(tree.map(lambda *leaves: torch.stack(leaves), *singles), inputs)
    for index, params in enumerate(singles):
        for leaf, expected in grad(size)(params, inputs).items():
            torch.testing.assert_close(found[leaf][index], expected)

    def slope(inputs: Tensor) -> Tensor:
        return tree.norm(grad(size)(singles[0], inputs))

    (along,) = torch.autograd.grad(slope(moved := inputs.clone().requires_grad_()), [moved])
    direction, step = KEY.fold("direction").normal(3, 1, 4, 4).double(), 1e-6
    difference = (slope(inputs + step * direction) - slope(inputs - step * direction)) / (2 * step)
    torch.testing.assert_close((along * direction).sum(), difference.detach(), rtol=1e-4, atol=1e-6)


def test_however_it_is_written_a_network_has_one_name_and_is_built_alike() -> None:
    network = build("convnet-w128-d3-instance-avg-relu", (3, 32, 32), 10)
    assert network.name == "convnet"
    assert build("convnet-relu-d3-avg", (3, 32, 32), 10).name == network.name
    params = network.init(KEY)
    assert all(torch.equal(params[name], leaf) for name, leaf in build(network.name, (3, 32, 32), 10).init(KEY).items())
    assert build("convnet-max-batch-d1-w8", SMALL, 10).name == "convnet-w8-d1-batch-max"
    for side, depth in ((8, 2), (28, 3), (32, 3), (64, 4), (84, 4), (128, 5)):
        assert build(f"convnet-w2-d{depth}", (1, side, side), 2).name == "convnet-w2"


@pytest.mark.parametrize("family", [name for name, each in ARCHITECTURES.items() if IMAGES in each.takes])
@pytest.mark.parametrize("shape", [SMALL, (1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 37, 29)])
def test_every_network_reads_every_size_of_image(family: str, shape: tuple[int, int, int]) -> None:
    network = build(family, shape, 7)
    params = network.init(KEY)
    inputs = images(2, *shape)
    with torch.no_grad():
        readout = network.apply(params, inputs)
        expected = plain(network, params).train()(inputs)
    torch.testing.assert_close(readout.outputs, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        readout.outputs, functional.linear(readout.features, params["head.weight"], params["head.bias"])
    )
    assert readout.outputs.shape == (2, 7)
    # No layer is cut off: the outputs of two images differ.
    assert not torch.allclose(readout.outputs[0], readout.outputs[1], atol=1e-6)


@pytest.mark.parametrize("family", ["vgg11-instance", "resnet18-instance", "alexnet-layer"])
def test_other_norms_leave_signal_on_small_images(family: str) -> None:
    network = build(family, SMALL, 3)
    params = network.init(KEY)
    outputs = network.apply(params, images(2, *SMALL)).outputs
    assert not torch.allclose(outputs[0], outputs[1], atol=1e-5)
    assert network.statistics() == {}


def test_one_key_gives_one_learner_and_the_global_generator_is_left_alone() -> None:
    network = build("convnet-w4", SMALL, 3)
    before = torch.random.get_rng_state()
    one, same, other = network.init(KEY), network.init(KEY), network.init(KEY.fold(1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])
    assert not any(leaf.requires_grad for leaf in one.values())
    bound = 1 / 3
    first = one["block1.convolution.weight"]
    assert 0.5 * bound < float(first.abs().max()) <= bound


@pytest.mark.parametrize("name", ["convnet-w2-d1", "convnet-w2-d1-batch-gelu", "mlp-w3"])
def test_gradients_of_both_orders_are_exact(name: str) -> None:
    network = build(name, (1, 4, 4), 2)
    params = tree.map(lambda leaf: leaf.double().requires_grad_(), network.init(KEY))
    inputs = images(3, 1, 4, 4).double().requires_grad_()

    def outputs(inputs: Tensor, *leaves: Tensor) -> Tensor:
        return network.apply(dict(zip(params, leaves, strict=True)), inputs).outputs

    assert torch.autograd.gradcheck(outputs, (inputs, *params.values()))
    assert torch.autograd.gradgradcheck(outputs, (inputs, *params.values()))


@pytest.mark.parametrize("name", ["convnet-w4", "convnet-w4-batch", "mlp-w8", "lenet", "vit", "resnet18"])
def test_stacked_learners_and_their_gradients_equal_single_ones(name: str) -> None:
    network = build(name, SMALL, 3)
    inputs, targets = images(4, *SMALL), torch.tensor([0, 1, 2, 0])
    singles = [network.init(KEY.fold(index)) for index in range(2)]
    stacked = tree.map(lambda *leaves: torch.stack(leaves), *singles)

    def loss(params: dict[str, Tensor]) -> Tensor:
        return functional.cross_entropy(network.apply(params, inputs).outputs, targets)

    found = vmap(grad(loss))(stacked)
    for index, params in enumerate(singles):
        for leaf, expected in grad(loss)(params).items():
            torch.testing.assert_close(found[leaf][index], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["vit", "resnet18", "vgg11", "alexnet", "lenet"])
def test_a_gradient_can_be_differentiated_in_the_images(name: str) -> None:
    network = build(name, SMALL, 3)
    params = tree.map(lambda leaf: leaf.double(), network.init(KEY))
    inputs, direction = images(2, *SMALL).double(), KEY.fold("direction").normal(2, *SMALL).double()

    def norm(inputs: Tensor) -> Tensor:
        gradient = grad(lambda held: network.apply(held, inputs).outputs.square().sum())(params)
        return tree.dot(gradient, gradient)

    slope = (grad(norm)(inputs) * direction).sum()
    step = 1e-6
    with torch.no_grad():
        difference = (norm(inputs + step * direction) - norm(inputs - step * direction)) / (2 * step)
    torch.testing.assert_close(slope, difference, rtol=1e-4, atol=1e-6)


def test_batch_norm_judges_by_running_statistics_and_trains_by_the_batch() -> None:
    network = build("convnet-w4-batch", SMALL, 3)
    params, start = network.init(KEY), network.statistics()
    inputs = images(6, *SMALL)
    module = plain(network, params).train()
    with torch.no_grad():
        expected = module(inputs)
        readout, after = network.track(params, inputs, start)
        torch.testing.assert_close(readout.outputs, expected)
        torch.testing.assert_close(network.apply(params, inputs).outputs, expected)
        torch.testing.assert_close(network.apply(params, inputs, after).outputs, module.eval()(inputs))
    for name, statistic in after.items():
        torch.testing.assert_close(statistic, module.state_dict()[name])
    assert set(start) == {f"block{block}.norm.running_{kind}" for block in (1, 2) for kind in ("mean", "var")}


def test_nothing_that_is_given_or_kept_changes() -> None:
    network = build("convnet-w4-batch", SMALL, 3)
    params, statistics = network.init(KEY), network.statistics()
    held = [{name: leaf.clone() for name, leaf in group.items()} for group in (params, statistics)]
    first = network.apply(params, images(6, *SMALL)).outputs
    network.track(params, 5 + images(6, *SMALL), statistics)
    network.apply(params, 5 + images(6, *SMALL), statistics)
    assert torch.equal(network.apply(params, images(6, *SMALL)).outputs, first)
    for group, copy in zip((params, statistics, network.statistics()), (*held, held[1]), strict=True):
        assert all(torch.equal(group[name], leaf) for name, leaf in copy.items())


def test_running_statistics_are_tracked_under_grad_and_vmap() -> None:
    network = build("convnet-w4-batch", SMALL, 3)
    inputs = images(6, *SMALL)
    singles = [(network.init(KEY.fold(index)), network.statistics()) for index in range(2)]
    stacked = tree.map(lambda *leaves: torch.stack(leaves), *singles)

    def loss(params: dict[str, Tensor], statistics: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        readout, statistics = network.track(params, inputs, statistics)
        return readout.outputs.square().sum(), statistics

    _, found = vmap(grad(loss, has_aux=True))(*stacked)
    for index, (params, statistics) in enumerate(singles):
        for name, expected in network.track(params, inputs, statistics)[1].items():
            torch.testing.assert_close(found[name][index], expected)


@pytest.mark.parametrize("name", ["convnet-w4", "convnet-w4-batch", "vit"])
def test_double_precision_is_kept(name: str) -> None:
    network = build(name, SMALL, 3)
    params, statistics = tree.map(lambda leaf: leaf.double(), (network.init(KEY), network.statistics()))
    readout, after = network.track(params, images(2, *SMALL).double(), statistics)
    assert {leaf.dtype for leaf in (*readout, *after.values())} == {torch.float64}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("covnet-w32", "unknown network 'covnet': did you mean 'convnet'"),
        ("convnet-insance", "'insance': did you mean 'instance'"),
        ("convnet-w0", "unknown option of network 'convnet-w0' 'w0'"),
        ("convnet-w8-w16", "its width is given twice"),
        ("lenet-w8", "unknown option"),
        ("convnet-d4", "choose a depth of at most 3 or nopool"),
        ("convnet-w6-group", "choose a multiple of 4"),
        ("module:nowhere_at_all.factory", "cannot import nowhere_at_all"),
        ("module:factory", "expected module:PACKAGE.FACTORY"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        build(name, SMALL, 10)
    assert message in str(refused.value)


class Own(nn.Module):
    """A user's module with dropout, a constant, a batch norm and a head that is not its last attribute."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(4, classes)
        self.stem = nn.Conv2d(shape[0], 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.5)
        self.register_buffer("centre", torch.tensor(0.25))

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.dropout(self.norm(self.stem(images - self.centre)).relu().mean((2, 3))))


def activated(shape: tuple[int, int, int], classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes), nn.Softmax(dim=1))


def twice(shape: tuple[int, int, int], classes: int) -> nn.Module:
    layer = nn.Linear(64, 64)
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer)


def narrow(shape: tuple[int, int, int], classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes - 1))


def broken(shape: tuple[int, int, int], classes: int) -> nn.Module:
    raise RuntimeError("no such layer")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("users_networks")
    for item in (Own, activated, twice, narrow, broken):
        setattr(module, item.__name__, item)
    module.bare = lambda: nn.Flatten()  # type: ignore[attr-defined]
    module.wrong = lambda shape, classes: "a network"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "users_networks", module)


@pytest.mark.usefixtures("own")
def test_a_users_module_is_made_pure_and_its_dropout_is_off() -> None:
    network = build("module:users_networks.Own", SMALL, 3)
    params, statistics = network.init(KEY), network.statistics()
    inputs = images(6, *SMALL)
    readout = network.apply(params, inputs, statistics)
    expected = functional_call(Own(SMALL, 3).eval(), {**params, **statistics}, (inputs,))
    torch.testing.assert_close(readout.outputs, expected)
    assert readout.features.shape == (6, 4)
    assert torch.equal(network.apply(params, inputs).outputs, network.apply(params, inputs).outputs)
    # Its activation is a function, not a module.
    assert torch.equal(*(*network.layers(params, inputs), network.apply(params, inputs).features))
    double = tree.map(lambda leaf: leaf.double(), params)
    assert network.apply(double, inputs.double()).outputs.dtype == torch.float64


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("activated", "do not come straight from an nn.Linear"),
        ("twice", "used more than once"),
        ("narrow", "gave (2, 63), expected one tensor (2, 64)"),
        ("broken", "its factory raised RuntimeError: no such layer"),
        ("bare", "expected bare(shape, classes)"),
        ("wrong", "its factory returned str"),
        ("missing", "has no function or class 'missing'"),
    ],
)
def test_a_users_module_that_cannot_be_used_is_refused(factory: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        build(f"module:users_networks.{factory}", SMALL, 64)
    assert message in str(refused.value)


def test_every_network_is_listed_with_a_summary() -> None:
    listed = names()
    assert [entry["name"] for entry in listed] == [*ARCHITECTURES, "module:PACKAGE.FACTORY"]
    assert all(entry["summary"].endswith(".") for entry in listed)
