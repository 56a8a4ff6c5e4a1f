"""Where the attributes of evaluation examples come from."""

from limbeck.core.family import Family
from limbeck.probes.attributes.annotated import Annotated, Called
from limbeck.probes.attributes.contract import AbstractAttributes, Attributes
from limbeck.probes.attributes.measured import Measured
from limbeck.probes.attributes.tabular import Tabular

__all__ = ["ATTRIBUTES", "AbstractAttributes", "Annotated", "Attributes", "Called", "Measured", "Tabular"]

ATTRIBUTES = Family("attributes", AbstractAttributes, Annotated, Measured, Tabular)
