"""The experiments that probes share."""

from limbeck.core.family import Family
from limbeck.core.probing import AbstractExperiment
from limbeck.probes.experiments.training import Mixture, Training, course

__all__ = ["EXPERIMENTS", "MIXTURES", "Mixture", "Training", "course"]

EXPERIMENTS = Family("experiment", AbstractExperiment, Training)
MIXTURES = Family("mixture", Mixture, Mixture)
