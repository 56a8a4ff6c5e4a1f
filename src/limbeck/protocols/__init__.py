"""How a learner is trained on a set when it is scored."""

from limbeck.core.contracts import AbstractProtocol
from limbeck.core.errors import unknown
from limbeck.core.family import Family
from limbeck.learn.classifiers import Boosted, Forest, Logistic, NaiveBayes, Neighbours
from limbeck.learn.warping import Warped
from limbeck.protocols.alike import Alike as Alike
from limbeck.protocols.classifier import Classifier as Classifier
from limbeck.protocols.condensed_graph import CondensedGraph as CondensedGraph
from limbeck.protocols.epochs import PUBLISHED
from limbeck.protocols.epochs import Epochs as Epochs
from limbeck.protocols.kernel_ridge import KernelRidge as KernelRidge
from limbeck.protocols.linear import Linear as Linear
from limbeck.protocols.nearest import Nearest as Nearest
from limbeck.protocols.own import FREPO, FREPO_AVERAGE
from limbeck.protocols.own import Own as Own
from limbeck.protocols.taught import Taught as Taught

PROTOCOL_KINDS = Family(
    "protocol", AbstractProtocol, Alike, Classifier, CondensedGraph, Epochs, KernelRidge, Linear, Nearest, Own, Taught
)

PROTOCOLS: dict[str, AbstractProtocol] = {
    **{name: Epochs(name, **fields) for name, fields in PUBLISHED.items()},
    "1nn": Nearest(),
    "1nn-dtw": Nearest(Warped()),
    "boosted": Classifier(Boosted()),
    "forest": Classifier(Forest()),
    "gcond": CondensedGraph(),
    "logistic": Classifier(Logistic()),
    "naive-bayes": Classifier(NaiveBayes()),
    "neighbours": Classifier(Neighbours()),
    "frepo": Own(augment=FREPO, average=FREPO_AVERAGE),
    "krr": KernelRidge(),
    "linear": Linear(),
    "lors": Alike(),
    "own": Own(),
    "rd3": Taught(),
}
"""The published protocols, each by the name of its source or method, and what the set itself says."""


def protocols() -> dict[str, AbstractProtocol]:
    """Every protocol that --protocol takes: those here, and each kind that an installed package brings, by default."""
    ours = (Alike, Classifier, CondensedGraph, Epochs, KernelRidge, Linear, Nearest, Own, Taught)
    installed = {name: kind() for name, kind in PROTOCOL_KINDS.parts.items() if kind not in ours}
    return {**installed, **PROTOCOLS}


def named(name: str) -> AbstractProtocol:
    """The protocol of that name; InputError with the nearest names for an unknown one."""
    known = protocols()
    if name not in known:
        raise unknown("protocol", name, known)
    return known[name]
