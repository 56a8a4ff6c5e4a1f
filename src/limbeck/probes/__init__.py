"""L2, probes: questions about a distilled set."""

from limbeck.core.family import Family
from limbeck.core.probing import AbstractProbe
from limbeck.probes.mixing import Mixing
from limbeck.probes.substitution import Substitution

PROBES = Family("probe", AbstractProbe, Mixing, Substitution)
