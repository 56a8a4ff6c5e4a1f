"""Labels of attention: their divergence by its definition, a derivative by differences, their bytes, their file."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_text import SUBJECTS, texts
from torch import Tensor

from limbeck import DistilledSet
from limbeck.composition import Recipe
from limbeck.computations import Coreset, HardLabelled, Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.schedule import labelled
from limbeck.distillation import Distillation, distill
from limbeck.inside import account
from limbeck.learn.attention_labels import ATTENTION, TARGETS, ByAttention, divergence
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.stacked import Setup, stacked_training
from limbeck.learn.training import Learner, going_on, gradient_function, row_loader
from limbeck.objectives import Unrolled
from limbeck.parameterizations import SoftTargets
from limbeck.protocols import Own
from limbeck.recipes import RECIPES
from limbeck.recipes.dd_text import METHOD
from limbeck.schedules import AttentionLabels, Fixed, LearnedRates
from limbeck.starts import Real

import numpy as np
from limbeck.tasks.readers.sentences import Found, Rows
from limbeck.tasks.splits import Validation
from limbeck.tasks.text import text_task
