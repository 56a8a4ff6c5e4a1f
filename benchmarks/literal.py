"""One step of each published method as its script has it: plain modules, eager, class by class, one graph through all.

What a step costs here is what `objective_step.py` sets beside limbeck's objectives. The mathematics is the same, and
so are the draws: they come from limbeck's keys, so that both ways see the same networks, real images and augmentations.
Nothing else of limbeck is used: networks have torch's own initialisers, losses are cross-entropy with hard labels.

Of the methods in `objective_step.py`'s table steps are timed; all are held to one mathematics by `published_step.py`.

Where the scripts call `backward` on the loss of a step, so does this: it fills in the gradients of all leaves, those of
the network too, though only the set's are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from limbeck.core.contracts import Batch, Problem
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese


class ConvNet(nn.Module):
    """Blocks of convolution, instance norm, ReLU and average pooling, and a linear layer of what spots are left."""

    def __init__(self, width: int, classes: int = 10, channels: int = 3, depth: int = 3, spots: int = 16) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for entering in (channels, *[width] * (depth - 1)):
            layers += [
                nn.Conv2d(entering, width, kernel_size=3, padding=1),
                nn.GroupNorm(width, width, affine=True),
                nn.ReLU(inplace=True),
                nn.AvgPool2d(kernel_size=2, stride=2),
            ]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(width * spots, classes)

    def embed(self, images: Tensor) -> Tensor:
        """What enters the linear layer."""
        return self.features(images).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """The logits."""
        return self.classifier(self.embed(images))


class Set(NamedTuple):
    """What a step is taken on: items class by class, and how a learner is trained on them."""

    images: Tensor
    labels: Tensor
    step_size: Tensor
    momentum: float
    order: Sequence[Tensor]
    """The items that each inner step sees."""


class Found(NamedTuple):
    """What a step comes to."""

    loss: Tensor
    gradients: dict[str, Tensor]
    """The gradient of the loss, by what is learned."""
    network: list[Tensor]
    """The parameters of the network after the step, where it is trained between steps."""


def fresh(width: int, key: Key) -> ConvNet:
    """A network as it is initialised under `key`."""
    with key.governing():
        return ConvNet(width)


def _entropy(outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy with labels that lie on the CPU, as groups of images do."""
    return functional.cross_entropy(outputs, labels.to(outputs.device), reduction=reduction)


def _of_class(label: int, real: Batch, learned: Set, augment: Siamese, key: Key) -> list[Tensor]:
    """The real images of a class and the set's, under one augmentation."""
    pair = []
    for images, labels in ((real.inputs, real.classes), (learned.images, learned.labels)):
        mine = labels == label
        pair.append(augment.apply(images[mine], key.fold("augment"), labels[mine]))
    return pair


def distribution(width: int, problem: Problem, learned: Set, per_class: int, augment: Siamese, key: Key) -> Found:
    """Distribution matching: a fresh frozen network, and class by class the squared distance of the mean embeddings."""
    net = fresh(width, key.fold("network")).to(learned.images.device)
    net.requires_grad_(False)
    real = problem.real(key.fold("real"), per_class)
    loss = torch.zeros(())
    for label in range(10):
        pair = _of_class(label, real, learned, augment, key)
        with torch.no_grad():
            of_real = net.embed(pair[0])
        of_set = net.embed(pair[1])
        loss = loss + torch.sum((of_real.mean(0) - of_set.mean(0)) ** 2)
    loss.backward()
    return Found(loss.detach(), {"images": learned.images.grad}, [])


def matching(net: ConvNet, problem: Problem, learned: Set, per_class: int, augment: Siamese | None, key: Key) -> Found:
    """Gradient matching: class by class the distance of two gradients, one backward pass, then training on the set."""
    real = problem.real(key.fold("real"), per_class)
    parameters = list(net.parameters())
    loss = torch.zeros(())
    for label in range(10):
        pair = []
        for images, labels in ((real.inputs, real.classes), (learned.images, learned.labels)):
            mine = labels == label
            shown = images[mine]
            if augment is not None:
                shown = augment.apply(shown, key.fold("augment"), labels[mine])
            pair.append((shown, labels[mine]))
        of_real = torch.autograd.grad(_entropy(net(pair[0][0]), pair[0][1]), parameters)
        of_real = [slope.detach().clone() for slope in of_real]
        loss_of_set = _entropy(net(pair[1][0]), pair[1][1])
        of_set = torch.autograd.grad(loss_of_set, parameters, create_graph=True)
        loss = loss + _distance(of_real, of_set)
    loss.backward()
    _train(net, learned, augment, key.fold("train"))
    return Found(loss.detach(), {"images": learned.images.grad}, [leaf.detach() for leaf in net.parameters()])


def _distance(of_real: Sequence[Tensor], of_set: Sequence[Tensor]) -> Tensor:
    """One minus the cosine, summed over the rows of every weight."""
    total = torch.zeros(())
    for one, other in zip(of_real, of_set, strict=True):
        if one.dim() == 1:
            continue
        a, b = one.reshape(len(one), -1), other.reshape(len(other), -1)
        cosines = torch.sum(a * b, dim=-1) / (torch.norm(a, dim=-1) * torch.norm(b, dim=-1) + 0.000001)
        total = total + torch.sum(1 - cosines)
    return total


def _train(net: ConvNet, learned: Set, augment: Siamese | None, key: Key) -> None:
    """The network trained in place, by an optimiser and a loader of the set's images."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    batches = [rows.tolist() for rows in learned.order]
    loader = DataLoader(TensorDataset(learned.images.detach().clone(), learned.labels), batch_sampler=batches)
    for step, (images, labels) in enumerate(loader):
        shown = images
        if augment is not None:
            # One operation for the batch, each image at a draw of its own.
            shown = augment.batchwise().apply(images, key.fold("augment", step), torch.arange(len(images)))
        loss = _entropy(net(shown), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def trajectory(
    net: ConvNet, start: Sequence[Tensor], goal: Sequence[Tensor], learned: Set, augment: Siamese | None, key: Key
) -> Found:
    """Trajectory matching: one graph through all steps of the student, whose parameters are one flat vector."""
    begin, aim = (torch.cat([leaf.reshape(-1) for leaf in leaves]) for leaves in (start, goal))
    student = begin.clone().requires_grad_()
    for step, rows in enumerate(learned.order):
        images = learned.images[rows]
        if augment is not None:
            images = augment.apply(images, key.fold("augment", step), torch.arange(len(images)))
        outputs = functional_call(net, _named(net, student), (images,))
        loss = _entropy(outputs, learned.labels[rows])
        (slope,) = torch.autograd.grad(loss, student, create_graph=True)
        student = student - learned.step_size * slope
    loss = functional.mse_loss(student, aim, reduction="sum") / functional.mse_loss(begin, aim, reduction="sum")
    loss.backward()
    return Found(loss.detach(), {"images": learned.images.grad, "step size": learned.step_size.grad}, [])


def _named(net: ConvNet, flat: Tensor) -> dict[str, Tensor]:
    """The parameters that lie one after the other in a vector."""
    named = dict(net.named_parameters())
    pieces = flat.split([leaf.numel() for leaf in named.values()])
    return {name: piece.view_as(leaf) for (name, leaf), piece in zip(named.items(), pieces, strict=True)}


def each_step_alone(
    net: ConvNet, start: Sequence[Tensor], goal: Sequence[Tensor], learned: Set, augment: Siamese | None, key: Key
) -> Found:
    """TESLA: the student's steps without a graph, then the gradient of each step's images from its parameters alone."""
    begin, aim = (torch.cat([leaf.reshape(-1) for leaf in leaves]) for leaves in (start, goal))
    size, apart = learned.step_size, functional.mse_loss(begin, aim, reduction="sum")

    def slope_at(student: Tensor, step: int, images: Tensor, create_graph: bool) -> Tensor:
        rows = learned.order[step]
        shown = images[rows]
        if augment is not None:
            shown = augment.apply(shown, key.fold("augment", step), torch.arange(len(rows)))
        at = student.clone().requires_grad_()
        loss = _entropy(functional_call(net, _named(net, at), (shown,)), learned.labels[rows])
        (slope,) = torch.autograd.grad(loss, at, create_graph=create_graph)
        return slope

    students, total = [begin], torch.zeros_like(begin)
    for step in range(len(learned.order)):
        slope = slope_at(students[-1], step, learned.images.detach(), create_graph=False)
        students.append(students[-1] - size.item() * slope)
        total = total + slope
    by_images = torch.zeros_like(learned.images)
    towards = size.item() * (aim - begin) + size.item() ** 2 * total
    for step, student in enumerate(students[:-1]):
        slope = slope_at(student, step, learned.images, create_graph=True)
        by_images += torch.autograd.grad(towards @ slope / apart, learned.images)[0]
    left = begin - size * total - aim
    loss = left.dot(left) / apart
    # The code's own sum is half the gradient of its loss: there a tuple is doubled, of which the first is taken.
    (by_size,) = torch.autograd.grad(loss, size)
    return Found(loss.detach(), {"images": 2 * by_images, "step size": by_size}, [])


def through_window(
    width: int, problem: Problem, learned: Set, window: range, per_class: int, augment: Siamese, key: Key
) -> Found:
    """RaT-BPTT: Adam on the set, one graph through a window of it, then the loss of augmented real images."""
    net = fresh(width, key.fold("network")).to(learned.images.device)
    parameters = dict(net.named_parameters())
    first, second = ({name: torch.zeros_like(leaf) for name, leaf in parameters.items()} for _ in range(2))
    for step in range(window.stop):
        inside = step in window
        images = learned.images if inside else learned.images.detach()
        rows = learned.order[step]
        shown = augment.apply(images[rows], key.fold("augment", step), torch.arange(len(rows)))
        loss = _entropy(functional_call(net, parameters, (shown,)), learned.labels[rows])
        slopes = torch.autograd.grad(loss, list(parameters.values()), create_graph=inside)
        for name, slope in zip(list(parameters), slopes, strict=True):
            first[name] = 0.9 * first[name] + 0.1 * slope
            second[name] = 0.999 * second[name] + 0.001 * slope**2
            mean, square = first[name] / (1 - 0.9 ** (step + 1)), second[name] / (1 - 0.999 ** (step + 1))
            parameters[name] = parameters[name] - learned.step_size * mean / (square.sqrt() + 1e-8)
            if not inside:
                parameters[name] = parameters[name].detach().requires_grad_()
    real = problem.real(key.fold("real"), per_class)
    shown = augment.apply(real.inputs, key.fold("augment", "real"), torch.arange(len(real.inputs)))
    loss = _entropy(functional_call(net, parameters, (shown,)), real.classes)
    (slope,) = torch.autograd.grad(loss, [learned.images])
    return Found(loss.detach(), {"images": slope}, [])


def few_steps(width: int, problem: Problem, learned: Set, raw: Tensor, per_class: int, key: Key) -> Found:
    """Dataset distillation: one graph through plain steps of sizes log(1 + exp(raw)), then the real loss."""
    net = fresh(width, key.fold("network")).to(learned.images.device)
    parameters, sizes = dict(net.named_parameters()), functional.softplus(raw)
    for size, rows in zip(sizes, learned.order, strict=True):
        loss = _entropy(functional_call(net, parameters, (learned.images[rows],)), learned.labels[rows])
        slopes = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
        parameters = {name: leaf - size * slope for (name, leaf), slope in zip(parameters.items(), slopes, strict=True)}
    real = problem.real(key.fold("real"), per_class)
    loss = _entropy(functional_call(net, parameters, (real.inputs,)), real.classes)
    by_images, by_sizes = torch.autograd.grad(loss, [learned.images, raw])
    return Found(loss.detach(), {"images": by_images, "step size": by_sizes}, [])


def partly_trained(
    net: ConvNet,
    share: float,
    problem: Problem,
    learned: Set,
    per_class: int,
    augment: Siamese,
    weight: float,
    key: Key,
) -> Found:
    """IDM: mean embeddings class by class under a network in training, and its loss by how much it names rightly."""
    real = problem.real(key.fold("real"), per_class)
    loss = torch.zeros(())
    for label in range(10):
        pair = _of_class(label, real, learned, augment, key)
        with torch.no_grad():
            of_real = net.embed(pair[0])
        of_set = net.embed(pair[1])
        named = _entropy(net(pair[1]), learned.labels[learned.labels == label])
        loss = loss + torch.sum((of_real.mean(0) - of_set.mean(0)) ** 2) + weight * share * named
    (slope,) = torch.autograd.grad(loss, [learned.images])
    return Found(loss.detach(), {"images": slope}, [])


def real_training(net: ConvNet, problem: Problem, batches: int, per_class: int, key: Key) -> list[Tensor]:
    """A network after batches of real images, by SGD with momentum and weight decay."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for batch in range(batches):
        real = problem.real(key.fold("batch", batch), per_class)
        optimizer.zero_grad()
        _entropy(net(real.inputs), real.classes).backward()
        optimizer.step()
    return [leaf.detach() for leaf in net.parameters()]


def layer_by_layer(
    net: ConvNet,
    problem: Problem,
    learned: Set,
    per_class: int,
    weights: Sequence[float],
    discrimination: float,
    key: Key,
) -> Found:
    """CAFE: the class means of every block's map and of the embedding, and how the last classify real embeddings."""
    real = problem.real(key.fold("real"), per_class)
    sides = [_maps(net, images) for images in (real.inputs, learned.images)]
    loss = torch.zeros(())
    for weight, of_real, of_set in zip(weights, *sides, strict=True):
        for label in range(10):
            apart = of_real[real.classes == label].mean(0) - of_set[learned.labels == label].mean(0)
            loss = loss + weight * torch.sum(apart**2)
    centres = torch.stack([sides[1][-1][learned.labels == label].mean(0) for label in range(10)])
    named = _entropy(sides[0][-1].detach() @ centres.T, real.classes, reduction="sum")
    loss = loss + discrimination * named
    (slope,) = torch.autograd.grad(loss, [learned.images])
    return Found(loss.detach(), {"images": slope}, [])


def _maps(net: ConvNet, images: Tensor) -> list[Tensor]:
    """The map of every block before it is pooled, and what enters the linear layer."""
    maps = []
    for layer in net.features:
        images = layer(images)
        if isinstance(layer, nn.ReLU):
            maps.append(images)
    return [*maps, images.flatten(1)]


def through_training(width: int, problem: Problem, learned: Set, per_class: int, key: Key) -> Found:
    """Back-propagation through training: one graph through all steps of SGD with momentum, then the real loss."""
    net = fresh(width, key.fold("network")).to(learned.images.device)
    parameters = dict(net.named_parameters())
    velocity = {name: torch.zeros_like(leaf) for name, leaf in parameters.items()}
    for rows in learned.order:
        loss = _entropy(functional_call(net, parameters, (learned.images[rows],)), learned.labels[rows])
        slopes = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
        velocity = {
            name: learned.momentum * velocity[name] + slope for name, slope in zip(parameters, slopes, strict=True)
        }
        parameters = {name: leaf - learned.step_size * velocity[name] for name, leaf in parameters.items()}
    real = problem.real(key.fold("real"), per_class)
    loss = _entropy(functional_call(net, parameters, (real.inputs,)), real.classes)
    (slope,) = torch.autograd.grad(loss, [learned.images])
    return Found(loss.detach(), {"images": slope}, [])


def by_stored_weights(width: int, problem: Problem, learned: Set, per_class: int, key: Key) -> Found:
    """The same without a graph through the steps: weights are stored, and the way back is written out step by step."""
    net = fresh(width, key.fold("network")).to(learned.images.device)
    parameters = [leaf.detach() for leaf in net.parameters()]
    velocity, size = [torch.zeros_like(leaf) for leaf in parameters], float(learned.step_size)
    stored = []

    def slopes_at(leaves: Sequence[Tensor], rows: Tensor, create_graph: bool = False) -> tuple[Tensor, ...]:
        named = dict(zip(dict(net.named_parameters()), leaves, strict=True))
        loss = _entropy(functional_call(net, named, (learned.images[rows],)), learned.labels[rows])
        return torch.autograd.grad(loss, leaves, create_graph=create_graph)

    for rows in learned.order:
        stored.append(parameters)
        slopes = slopes_at([leaf.clone().requires_grad_() for leaf in parameters], rows)
        velocity = [learned.momentum * v + slope for v, slope in zip(velocity, slopes, strict=True)]
        parameters = [leaf - size * v for leaf, v in zip(parameters, velocity, strict=True)]
    real = problem.real(key.fold("real"), per_class)
    end = [leaf.clone().requires_grad_() for leaf in parameters]
    named = dict(zip(dict(net.named_parameters()), end, strict=True))
    loss = _entropy(functional_call(net, named, (real.inputs,)), real.classes)
    by_weights = torch.autograd.grad(loss, end)
    by_velocity = [torch.zeros_like(leaf) for leaf in by_weights]
    by_images = torch.zeros_like(learned.images)
    for rows, before in zip(reversed(learned.order), reversed(stored), strict=True):
        by_velocity = [learned.momentum * v - size * w for v, w in zip(by_velocity, by_weights, strict=True)]
        leaves = [leaf.clone().requires_grad_() for leaf in before]
        slopes = slopes_at(leaves, rows, create_graph=True)
        mixed = torch.autograd.grad(slopes, [learned.images, *leaves], by_velocity)
        by_images += mixed[0]
        by_weights = [w + curved for w, curved in zip(by_weights, mixed[1:], strict=True)]
    return Found(loss.detach(), {"images": by_images}, [])
