"""Whether our scores are those of the package ddranking, on the same accuracies.

    pip download --no-deps ddranking==0.2.0 && unzip ddranking-0.2.0-*.whl -d FOLDER
    python benchmarks/ddranking_formula.py FOLDER

Its own `compute_metrics` is run, with accuracies in place of its trainings. It asks for numpy below 2 and for packages
that it does not need for this; what cannot be imported here is stood in for by empty modules.
"""

from __future__ import annotations

import importlib
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from limbeck.statistics.robust_scores import augmentation_robust, label_robust

DRAWS = 200


class Absent(ModuleType):
    """A module that has whatever it is asked for."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return mock.MagicMock(name=name)


class Standing:
    """Finds what is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """A module that has anything, for what would not be found."""
        if name.partition(".")[0] not in ("torchvision", "kornia", "timm", "tqdm", "datasets", "pandas"):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> ModuleType:
        """That module."""
        return Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


def scored(kind: Any, answers: dict[str, list[float]], **given: Any) -> float:
    """The score of one run of `compute_metrics`, whose helpers give the accuracies in turn."""
    made = kind.__new__(kind)
    made.__dict__.update(
        soft_label_mode="S", label_type="soft", ipc=1, num_classes=2, num_eval=1, eval_full_data=True, use_dist=False,
        rank=0, save_path=None, dataset="CIFAR10", model_name="ConvNet-3", device="cpu",
    )  # fmt: skip
    for name, values in answers.items():
        left = iter(values)
        setattr(made, name, lambda *a, left=left, **k: (next(left), None))
    made._get_random_data_helper = lambda **k: (None,) * getattr(kind, "random_parts", 3)
    module = sys.modules[kind.__module__]
    with mock.patch.multiple(module, set_seed=lambda *a: None, logging=lambda *a: None, save_results=lambda *a: None):
        found = made.compute_metrics(image_tensor=0, soft_labels=0, syn_lr=0.1, **given)
    return float(next(value for name, value in found.items() if name.endswith("score_mean")))


def main() -> None:
    """Print the largest difference of each score."""
    sys.path.insert(0, sys.argv[1])
    sys.meta_path.insert(0, Standing())
    soft = importlib.import_module("ddranking.metrics.soft_label")
    robust = importlib.import_module("ddranking.metrics.aug_robust")
    by_labels = next(value for name, value in vars(soft).items() if name.startswith("LabelRobustScore"))
    by_views = next(value for name, value in vars(robust).items() if name.startswith("AugmentationRobustScore"))
    by_views.random_parts = 4
    draw, apart = random.Random(0), {"label-robust": 0.0, "augmentation-robust": 0.0}
    for _ in range(DRAWS):
        full, hard, own, plain, views, other, weight = (draw.random() for _ in range(7))
        theirs = scored(
            by_labels,
            {"_compute_hard_label_metrics_helper": [hard, full], "_compute_soft_label_metrics_helper": [own, plain]},
            lrs_lambda=weight,
        )
        apart["label-robust"] = max(apart["label-robust"], abs(theirs - label_robust(full, hard, own, plain, weight)))
        theirs = scored(
            by_views,
            {"_compute_with_aug_metrics_helper": [views, other], "_compute_without_aug_metrics_helper": [own, plain]},
            ars_lambda=weight,
        )
        ours = augmentation_robust(views, other, own, plain, weight)
        apart["augmentation-robust"] = max(apart["augmentation-robust"], abs(theirs - ours))
    for name, largest in apart.items():
        print(f"{name} score: largest difference {largest:.1e} over {DRAWS} draws ({Path(sys.argv[1]).name})")


if __name__ == "__main__":
    main()
