"""How well two embeddings of each example find one another among those of all examples, and are as alike as is said."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.errors import InputError

TEMPERATURE = 0.07
"""What cosines are divided by (Wu et al. 2018; Radford et al. 2021, where they begin)."""
CLOSE = 0.5
"""How alike two parts are said to be, at most, that count as of different pairs (Xu et al., ICML 2024)."""


def halves(outputs: Float[Tensor, "example output"]) -> tuple[Tensor, Tensor]:
    """The two embeddings (example, number) that outputs hold side by side; InputError where there are not two."""
    if outputs.shape[-1] % 2:
        raise InputError(
            f"pairs: found {outputs.shape[-1]} outputs, expected two embeddings of one length; take a protocol that "
            "trains networks by the loss of the task, such as yang2024"
        )
    left, right = outputs.chunk(2, -1)
    return left, right


def cosines(outputs: Float[Tensor, "example output"]) -> Float[Tensor, "example example"]:
    """The cosine of each first embedding (row) and each second one (column)."""
    left, right = halves(outputs)
    return torch.nn.functional.normalize(left, dim=-1) @ torch.nn.functional.normalize(right, dim=-1).mT


def contrast(outputs: Float[Tensor, "example output"]) -> Float[Tensor, " example"]:
    """InfoNCE both ways: the share of each example in the loss of all of a batch, whose mean is the loss, in nats.

    With u_i and v_i the embeddings of length 1 and s_ij = u_i . v_j / 0.07,
        loss_i = - s_ii + (log sum_j exp s_ij + log sum_j exp s_ji) / 2
    (van den Oord et al. 2018; Radford et al. 2021).
    """
    said = cosines(outputs) / TEMPERATURE
    return (said.logsumexp(-1) + said.logsumexp(-2)) / 2 - said.diagonal(dim1=-2, dim2=-1)


def likeness(targets: Float[Tensor, "example number"]) -> Float[Tensor, "example example"]:
    """How alike the first part of each example (row) and the second part of each (column) are said to be.

    A target is (a_i, l_i, r_i) with l_i and r_i of one length, which may be 0, and s_ij = [i = j] a_i + l_i . r_j: a
    diagonal and a matrix of low rank. So any examples together have the rows and columns that are theirs (Xu et al.,
    ICML 2024). The target of a real pair is a_i = 1 alone. Raises InputError for targets of another form.
    """
    if targets.shape[-1] % 2 == 0:
        raise InputError(
            f"pairs: found targets {tuple(targets.shape)}, expected a number of each pair and two factors of one "
            "length, which say how alike pairs are; leave the loss to the task (task-loss)"
        )
    left, right = targets[:, 1:].chunk(2, 1)
    return torch.diag(targets[:, 0]) + left @ right.T


def disagreement(
    outputs: Float[Tensor, "example output"], targets: Float[Tensor, "example number"]
) -> Float[Tensor, " example"]:
    """Weighted binary cross-entropy of cosines and `likeness`: the share of each example, whose mean is the loss.

    With u_i and v_j the embeddings of length 1, p_ij = sigmoid(u_i . v_j / 0.07), s_ij as `likeness` says and
    l_ij = - s_ij log p_ij - (1 - s_ij) log(1 - p_ij), in nats,

        loss = 1/2 mean of l_ij where s_ij > 1/2 + 1/2 mean of l_ij elsewhere

    (Xu et al., ICML 2024). Each half weighs alike, however few pairs are alike; of a half without pairs the mean is 0.
    """
    alike = likeness(targets)
    said = cosines(outputs) / TEMPERATURE
    each = torch.nn.functional.binary_cross_entropy_with_logits(said, alike, reduction="none")
    close = alike.detach() > CLOSE
    near, far = (each.new_ones(()) / mask.sum().clamp(min=1) for mask in (close, ~close))
    return (each * torch.where(close, near, far)).sum(-1) * (len(outputs) / 2)
