"""The experiments that probes share."""

from limbeck.core.family import Family
from limbeck.core.probing import AbstractExperiment
from limbeck.probes.experiments.recognition_course import RecognitionCourse
from limbeck.probes.experiments.training import Mixture, Training, course

__all__ = ["EXPERIMENTS", "MIXTURES", "Mixture", "RecognitionCourse", "Training", "course"]

EXPERIMENTS = Family("experiment", AbstractExperiment, RecognitionCourse, Training)
MIXTURES = Family("mixture", Mixture, Mixture)
