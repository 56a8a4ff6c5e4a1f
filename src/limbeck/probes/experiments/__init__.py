"""The experiments that probes ask for."""

from limbeck.core.family import Family
from limbeck.core.probing import AbstractExperiment
from limbeck.probes.experiments.curvature import HessianTrace, Spectrum
from limbeck.probes.experiments.landscape import Paths, Surface
from limbeck.probes.experiments.path import path
from limbeck.probes.experiments.recognition import Recognised, Surroundings
from limbeck.probes.experiments.recognition_trajectory import RecognitionTrajectory
from limbeck.probes.experiments.search import Chosen, Draw, Search
from limbeck.probes.experiments.training import Mixture, Training, real_trajectory

__all__ = [
    "EXPERIMENTS",
    "MIXTURES",
    "SEARCHES",
    "Chosen",
    "Draw",
    "HessianTrace",
    "Mixture",
    "Paths",
    "Recognised",
    "RecognitionTrajectory",
    "Search",
    "Spectrum",
    "Surface",
    "Surroundings",
    "Training",
    "real_trajectory",
    "path",
]

EXPERIMENTS = Family(
    "experiment",
    AbstractExperiment,
    Chosen,
    Draw,
    HessianTrace,
    Paths,
    Recognised,
    RecognitionTrajectory,
    Spectrum,
    Surface,
    Surroundings,
    Training,
)
MIXTURES = Family("mixture", Mixture, Mixture)
SEARCHES = Family("search", Search, Search)
