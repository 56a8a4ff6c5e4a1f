"""A dict of tensors that `torch.load(weights_only=True)` reads."""

from __future__ import annotations

import io
import json

import torch

from limbeck.core import tree
from limbeck.exported.contents import NORMALISED, Contents
from limbeck.exported.readme import meaning, sees_all
from limbeck.exported.written import Known, Written

FACTS = "limbeck"
"""The entry that holds the facts, as JSON."""
MARK = b'{"limbeck": "'
"""What the facts begin with, by which a file is known as one of these."""


def write(contents: Contents, name: str, known: Known) -> Written:
    """The file, whose bytes depend on the set alone."""
    holds = [(each, meaning(contents, each)) for each in contents.arrays]
    holds += [("classes", "the names of the classes, by label: a list"), (FACTS, "what else there is to know, as JSON")]
    text = json.dumps(contents.facts)
    # Names that were read anew: what is written does not tell which of them were one object.
    held = {**contents.arrays, "classes": json.loads(text)["classes"], FACTS: text}
    memory = io.BytesIO()
    torch.save(held, memory)
    return Written(
        {name: memory.getvalue()}, holds, use(contents, f"torch.load({json.dumps(name)}, weights_only=True)")
    )


def use(contents: Contents, load: str) -> str:
    """Lines that train a linear model in plain PyTorch as the set says, on the dict that `load` gives."""
    inputs = [each for each in contents.arrays if each.split("/")[0] == contents.inputs + NORMALISED]
    flat = ", ".join(f'held["{each}"].flatten(1)' for each in inputs)
    targets = next(each for each in contents.arrays if each.split("/")[0] == contents.targets)
    real = contents.targets == "targets"
    outputs = "y.shape[1]" if real else 'len(held["classes"])'
    loss = "mse_loss" if real else "cross_entropy"
    every = sees_all(contents.distilled)
    seen = [] if every else ['    seen = held["order"][step % len(held["order"])]', "    seen = seen[seen >= 0]"]
    at = "" if every else "[seen]"
    return "\n".join(
        [
            "import torch",
            "",
            f"held = {load}",
            f"x = torch.cat([{flat}], 1)",
            f'y = held["{targets}"]' + (".flatten(1)" if real else ""),
            f"network = torch.nn.Linear(x.shape[1], {outputs})",
            f"optimizer = torch.optim.{_optimizer(contents)}",
            'for step, rate in enumerate(held["learning_rates"]):',
            *seen,
            '    optimizer.param_groups[0]["lr"] = float(rate)',
            "    optimizer.zero_grad()",
            f"    loss = torch.nn.functional.{loss}(network(x{at}), y{at})",
            "    loss.backward()",
            "    optimizer.step()",
            'print("loss", loss.item())',
        ]
    )


def _optimizer(contents: Contents) -> str:
    """The optimizer of the schedule in PyTorch's words; plain gradient descent for one that PyTorch does not have."""
    rule = contents.distilled.schedule.rule
    numbers = {name: f"{float(value):.6g}" for name, value in tree.flatten(rule).items()}
    if contents.facts["optimizer"] == "adam":
        return (
            "Adam(network.parameters(), betas=({beta1}, {beta2}), eps={epsilon}, weight_decay={weight_decay})"
        ).format(**numbers)
    if contents.facts["optimizer"] == "momentum":
        return "SGD(network.parameters(), lr=1.0, momentum={momentum}, weight_decay={weight_decay})".format(**numbers)
    return "SGD(network.parameters(), lr=1.0)"
