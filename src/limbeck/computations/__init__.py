"""Computations: learners, and what is measured of them, each done once and kept."""

from limbeck.computations.around import Around, Local, PrincipalPlane
from limbeck.computations.autoencoder import Autoencoder
from limbeck.computations.contract import AbstractComputation
from limbeck.computations.curvature import HessianTrace, Spectrum
from limbeck.computations.entering import EnteringMoments
from limbeck.computations.experts import ImportedExpert
from limbeck.computations.landscape import Paths, Surface
from limbeck.computations.level import Level
from limbeck.computations.lines import Line
from limbeck.computations.nearness import Nearness
from limbeck.computations.played import Played
from limbeck.computations.race import Fresh, Race, Stopped
from limbeck.computations.recognition import FeatureMap, RealSurroundings, Recognised, Surroundings
from limbeck.computations.recognition_trajectory import RecognitionTrajectory
from limbeck.computations.row_autoencoder import RowAutoencoder
from limbeck.computations.search import Chosen, Draw, Search
from limbeck.computations.sentences import SentenceVectors
from limbeck.computations.sources import AbstractSource, AllReal, Coreset, HardLabelled, Mixture
from limbeck.computations.steps import OfAllData, Steps
from limbeck.computations.training import Training
from limbeck.computations.trajectories import path, real_trajectory
from limbeck.computations.twins import Twins
from limbeck.core.family import Family

__all__ = [
    "COMPUTATIONS",
    "SOURCES",
    "AbstractComputation",
    "AbstractSource",
    "AllReal",
    "Around",
    "Autoencoder",
    "Chosen",
    "Coreset",
    "Draw",
    "EnteringMoments",
    "FeatureMap",
    "Fresh",
    "HardLabelled",
    "HessianTrace",
    "ImportedExpert",
    "Level",
    "Line",
    "Local",
    "Mixture",
    "Nearness",
    "OfAllData",
    "Paths",
    "Played",
    "PrincipalPlane",
    "Race",
    "RealSurroundings",
    "Recognised",
    "RowAutoencoder",
    "RecognitionTrajectory",
    "Search",
    "SentenceVectors",
    "Spectrum",
    "Steps",
    "Stopped",
    "Surface",
    "Surroundings",
    "Training",
    "Twins",
    "real_trajectory",
    "path",
]

COMPUTATIONS = Family(
    "computation",
    AbstractComputation,
    Around,
    Autoencoder,
    Chosen,
    Draw,
    EnteringMoments,
    FeatureMap,
    Fresh,
    HessianTrace,
    ImportedExpert,
    Line,
    Local,
    Nearness,
    Paths,
    Played,
    PrincipalPlane,
    RealSurroundings,
    Recognised,
    RecognitionTrajectory,
    RowAutoencoder,
    SentenceVectors,
    Spectrum,
    Stopped,
    Surface,
    Surroundings,
    Training,
    Twins,
)
SOURCES = Family("source", AbstractSource, AllReal, Coreset, HardLabelled, Mixture)
