"""A module taken apart: the body that makes the features, the last layer, the running statistics."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from limbeck.core import tree
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.tree import Tree

TWO = 2
"""Inputs that a module is tried on."""


def activations() -> tuple[type[nn.Module], ...]:
    """What acts on each number by itself and ends a layer, whatever the layer is made of."""
    return (
        nn.ReLU,
        nn.LeakyReLU,
        nn.PReLU,
        nn.ELU,
        nn.SELU,
        nn.CELU,
        nn.GELU,
        nn.SiLU,
        nn.Mish,
        nn.Hardtanh,
        nn.Hardswish,
        nn.Softplus,
        nn.Sigmoid,
        nn.Tanh,
    )


def normalisations() -> tuple[type[nn.Module], ...]:
    """What brings numbers to a common scale: batch and instance norms, group norms, layer norms."""
    return nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm


def _by_batch(module: nn.Module) -> Iterator[tuple[str, nn.modules.batchnorm._NormBase]]:
    """The parts that may normalise by running statistics, by their names: batch and instance norms."""
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            yield name, part


def channel_axis(normalisation: nn.Module) -> int:
    """The axis of the channels in what enters a normalisation: a layer norm's first one, else the second.

    >>> [channel_axis(norm) for norm in (nn.BatchNorm2d(3), nn.LayerNorm([3, 8, 8]), nn.LayerNorm(16))]
    [1, -3, -1]
    """
    if isinstance(normalisation, nn.LayerNorm | nn.RMSNorm):
        return -len(normalisation.normalized_shape)
    return 1


class Anatomy(NamedTuple):
    """Skeletons without numbers of their own, and the names by which numbers are put into them."""

    by_batch: nn.Module
    """Inputs -> features, normalised by the statistics of the batch; updates nothing."""
    by_running: nn.Module
    """Inputs -> features, normalised by the running statistics."""
    tracking: nn.Module
    """As `by_batch`, and updates the running statistics it is called with in place."""
    trained: tuple[str, ...]
    """The parameters that require a gradient."""
    weight: str
    """The weight of the last layer."""
    bias: str | None
    statistics: dict[str, Tensor]
    """The running statistics at the start."""
    constants: dict[str, Tensor]
    """The other buffers, and the parameters that require no gradient."""
    notes: tuple[str, ...]
    """What its learners do otherwise than the module would, in words."""


def split_off_head(name: str, module: nn.Module, shape: Tree, outputs: int) -> Anatomy:
    """Take `module` apart, having checked on two random inputs that the parts do what the whole does.

    Raises InputError where its outputs are not (example, `outputs`) or do not come straight from an `nn.Linear`, and
    where they are drawn, or nothing is to be trained.
    """
    if any(nn.parameter.is_lazy(tensor) for tensor in module.parameters()):
        raise InputError(f"network {name}: has lazy layers without a size; give every layer its size")
    whole = _without_running(module)
    first = next(iter(module.parameters()), None)
    kind = torch.float32 if first is None else first.dtype
    probe = tree.build(shape, TWO, lambda path, sides: Key(("probe", *filter(None, [path]))).normal(*sides).to(kind))
    head_name, head, expected = _last_layer(name, whole, probe, outputs)
    body = _without_head(whole, head_name)
    with torch.no_grad():
        features = body(probe)
    if not torch.equal(expected, _called(whole, probe)):
        raise InputError(
            f"network {name}: the same inputs gave other outputs when it was called again, expected the same; "
            "draw nothing in forward, as a learner's randomness is its initialisation and its data"
        )
    if features.dim() != 2 or not torch.allclose(
        nn.functional.linear(features, head.weight, head.bias), expected, rtol=1e-3, atol=1e-3
    ):
        raise InputError(f"network {name}: its last nn.Linear is used more than once; use it once, at the end")
    prefix = f"{head_name}." if head_name else ""
    inner = tuple(parameter for parameter, _ in body.named_parameters())
    every = {parameter: tensor.requires_grad for parameter, tensor in module.named_parameters()}
    bias = None if head.bias is None else f"{prefix}bias"
    if every.keys() != {*inner, f"{prefix}weight", *([bias] if bias else [])}:
        raise InputError(f"network {name}: its last nn.Linear shares parameters with another layer; give it its own")
    trained = tuple(parameter for parameter, wanted in every.items() if wanted)
    if not trained:
        raise InputError(f"network {name}: none of its parameters requires a gradient, expected some to train")
    statistics = _statistics(name, module)
    frozen = {
        parameter: tensor.detach().clone() for parameter, tensor in module.named_parameters() if not every[parameter]
    }
    buffers = {buffer: tensor.detach().clone() for buffer, tensor in module.named_buffers()}
    tracked = {layer for layer, _ in _by_batch(module)}
    kept = {buffer: tensor for buffer, tensor in buffers.items() if buffer.rpartition(".")[0] not in tracked}
    by_running = _without_head(_counterless(module), head_name)
    tracking = copy.deepcopy(by_running)
    for _, part in _by_batch(tracking):
        part.train()
    body, by_running, tracking = (skeleton.to("meta") for skeleton in (body, by_running, tracking))
    return Anatomy(
        body, by_running, tracking, trained, f"{prefix}weight", bias, statistics, kept | frozen, _notes(module, frozen)
    )


def _notes(module: nn.Module, frozen: Collection[str]) -> tuple[str, ...]:
    """That dropout is off, and which parameters are frozen, where there are such."""
    dropped = [part for part in module.modules() if isinstance(part, nn.modules.dropout._DropoutNd) and part.p > 0]
    found = ["its dropout is off, here and in every learner"] if dropped else []
    if frozen:
        some = ", ".join(list(frozen)[:3]) + (f" and {len(frozen) - 3} more" if len(frozen) > 3 else "")
        found.append(f"{some} without requires_grad: kept as made, the same in every learner")
    return tuple(found)


@without_gradients
def _called(module: nn.Module, inputs: Tree) -> Tensor:
    """What a module gives."""
    given: Tensor = module(inputs)
    return given


def _counterless(module: nn.Module) -> nn.Module:
    """A copy that judges (no dropout) and whose normalisations count no batches."""
    quiet = copy.deepcopy(module).eval()
    for _, part in _by_batch(quiet):
        part.num_batches_tracked = None
    return quiet


def _without_running(module: nn.Module) -> nn.Module:
    """A copy that judges (no dropout) but normalises by the batch, having no running statistics."""
    quiet = _counterless(module)
    for _, part in _by_batch(quiet):
        part.track_running_stats = False
        part.running_mean = None
        part.running_var = None
    return quiet


def _without_head(module: nn.Module, head: str) -> nn.Module:
    """A copy in which the layer `head` passes its input on."""
    if not head:
        return nn.Identity()
    body = copy.deepcopy(module)
    body.set_submodule(head, nn.Identity())
    return body


def _last_layer(name: str, module: nn.Module, probe: Tree, outputs: int) -> tuple[str, nn.Linear, Tensor]:
    """The name of the `nn.Linear` whose result is the module's, that layer, and the result."""
    results: list[tuple[str, nn.Linear, Tensor]] = []
    hooks = [
        part.register_forward_hook(lambda part, _, result, label=label: results.append((label, part, result)))
        for label, part in module.named_modules()
        if type(part) is nn.Linear
    ]
    try:
        with torch.no_grad():
            found = module(probe)
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(found, Tensor) or found.shape != (TWO, outputs):
        what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        said = tree.map(lambda leaf: tuple(leaf.shape[1:]), probe)
        raise InputError(
            f"network {name}: {TWO} inputs of shape {said} gave {what}, expected one tensor "
            f"({TWO}, {outputs}); return one row of {outputs} outputs for each input"
        )
    if not results or results[-1][2] is not found:
        raise InputError(
            f"network {name}: its outputs do not come straight from an nn.Linear; end forward with an nn.Linear, "
            "as what enters it is taken as the features"
        )
    return results[-1]


def _statistics(name: str, module: nn.Module) -> dict[str, Tensor]:
    """The running means and variances of the module's normalisations."""
    found = {}
    for label, part in _by_batch(module):
        if part.running_mean is not None and part.running_var is not None:
            if part.momentum is None:
                raise InputError(f"network {name}: {label} has momentum None; give it a number, such as 0.1")
            found[f"{label}.running_mean"] = part.running_mean.detach().clone()
            found[f"{label}.running_var"] = part.running_var.detach().clone()
    return found
