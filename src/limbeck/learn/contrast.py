"""How well two embeddings of each example find one another among those of all examples."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.errors import InputError

TEMPERATURE = 0.07
"""What cosines are divided by (Wu et al. 2018; Radford et al. 2021, where they begin)."""


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
