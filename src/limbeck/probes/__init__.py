"""L2, probes: questions about a distilled set."""

from limbeck.core.family import Family
from limbeck.probes.agreement import Agreement
from limbeck.probes.continuation import Continuation
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.cross_architecture import CrossArchitecture
from limbeck.probes.curvature import Curvature
from limbeck.probes.episodes import Episodes
from limbeck.probes.influence import Influence
from limbeck.probes.landscape import Landscape
from limbeck.probes.learning_time import LearningTime
from limbeck.probes.mimicry import Mimicry
from limbeck.probes.mixing import Mixing
from limbeck.probes.recognition import Recognition
from limbeck.probes.reliance import Reliance
from limbeck.probes.semantics import Semantics
from limbeck.probes.substitution import Substitution
from limbeck.probes.surface import Surface

PROBES = Family(
    "probe",
    AbstractProbe,
    Agreement,
    Continuation,
    CrossArchitecture,
    Episodes,
    Curvature,
    Influence,
    Landscape,
    LearningTime,
    Mimicry,
    Mixing,
    Recognition,
    Reliance,
    Semantics,
    Substitution,
    Surface,
)
