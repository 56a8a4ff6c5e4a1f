"""Every method on digits at one image a class, run anew: it beats random examples, and comes to what was recorded.

One whose sets need more is run at more, beside as many random images.

Methods for graphs are run on a small one, beside random nodes; methods for control on the cart-pole, beside random
recorded states; so are those for recorded transitions.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import limbeck
import recordings
import small_graph
from limbeck.cli import main
from limbeck.core.score import Score
from limbeck.recipes import RECIPES

NETWORK = "convnet-w16"
MEMBERS = 5
TOLERANCE = 0.05
"""Other hardware rounds otherwise, and training amplifies it: with the plainest kernels in place of AVX-512 ones
(ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41) the means moved by up to 1.6 points, and the recorded intervals
reach up to 5.2 points to each side. Options are such that no other kernels move the mean by more."""
ALONE = 0.1
"""Of the one learner that there is, where a set says from what it begins, rounding moves all: by up to 7.2 points
between two processors of one maker."""


@dataclass(frozen=True)
class Replay:
    """What cuts a recipe down to seconds, the mean test accuracy that it came to, and a command that goes before."""

    options: str
    recorded: float
    before: str = ""
    data: str = "digits"
    network: str = NETWORK
    tolerance: float = TOLERANCE
    ipc: int = 1
    """Of how many images of a class the storage is taken."""


TRANSITIONS = "npz:transitions.npz"
"""Recorded where the tests are."""
GRAPH = "graph:small.npz"
"""Written where the tests are."""
CLONED = (
    "--environment cartpole --steps 80 --optimizer adam --optimizer.learning_rate 0.06 --objective.batch 128 "
    "--schedule.steps 8 --schedule.learning_rate 0.5"
)
EXPERT = " --objective.expert.steps 200 --objective.expert.learning_rate 0.005"
EXPERTS = f"experts digits --network {NETWORK} --count 3 --epochs 6 --learning_rate 0.02 --batch 64 --workers 1"
FOLLOWED = (
    "--schedule_optimizer.learning_rate 9e-5 --schedule.around.steps 10 --schedule.around.learning_rate 0.03 "
    "--objective.latest 4 --objective.experts.count 3 --objective.experts.epochs 6 "
    "--objective.experts.learning_rate 0.02 --objective.experts.batch 64"
)
"""Three experts of six epochs, and how they are followed."""
TEACHERS = ("count 2", "epochs 10", "learning_rate 0.05", "batch 64")
"""Experts sure enough of themselves to give labels."""
# limbeck BEFORE, where there is one
# limbeck distill digits --recipe NAME --ipc 1 --network convnet-w16 --checks 0 OPTIONS --out SET
# limbeck evaluate SET --repeats 5 --baselines random
#
# Recorded on x86_64 (AMD EPYC), one thread, torch 2.13: mean and 95 % interval over 5 networks, test split, protocol
# paper. Random examples came to 62.2 % (55.6 to 68.9). The options were chosen by the accuracy of 5 networks on the
# validation split, given at the end of each line.
REPLAYS = {
    # 81.4 (79.2 to 83.7); 82.9
    "dm": Replay("--steps 60", 0.814),
    # 82.7 (80.5 to 85.0), where random images came to 61.4 (54.7 to 68.2)
    "dm-fourier": Replay("--steps 40 --optimizer.learning_rate 1", 0.827),
    # 80.8 (78.2 to 83.3); 82.1
    "idm": Replay(
        "--steps 60 --optimizer.learning_rate 1 --objective.per_class 64 --objective.queue 20 --objective.interval 2 "
        "--objective.trained 1 --objective.steps 3 --objective.batch 100",
        0.808,
    ),
    # 78.3 (77.0 to 79.6); 79.9
    "cafe": Replay("--steps 40 --optimizer.learning_rate 1 --objective.per_class 64 --objective.judged 32", 0.783),
    # 81.1 (78.8 to 83.4); 80.6
    "dc": Replay("--steps 40 --optimizer.learning_rate 1 --objective.per_class 64", 0.811),
    # 81.9 (79.1 to 84.7); 82.5 of one network
    "dsa": Replay("--steps 40 --optimizer.learning_rate 1 --objective.per_class 64", 0.819),
    # 77.6 (75.5 to 79.7), with the plainest kernels 78.2 (75.1 to 81.2). At a learning rate of 0.2 two processors of
    # one maker came to 75.5 and 69.2.
    "dd": Replay(
        "--steps 100 --optimizer.learning_rate 0.05 --objective.per_class 32 --schedule.around.learning_rate 0.1 "
        "--schedule.around.steps 10",
        0.776,
    ),
    # 69.2, of the one learner that there is; 69.2
    "one-step": Replay("--steps 200", 0.692, tolerance=ALONE),
    # 76.9; 76.9. On a newer processor of the same maker 84.1.
    "few-step": Replay("--steps 100", 0.769, tolerance=ALONE),
    # 82.5; 82.5. On a newer processor of the same maker 76.6; two other seeds come to 82.7 and 85.0 there.
    "soft-label-dd": Replay(
        "--steps 200 --optimizer.learning_rate 0.05 --schedule_optimizer.learning_rate 0.05 "
        "--schedule.around.learning_rate 0.1",
        0.825,
        tolerance=ALONE,
    ),
    # 78.2 (75.9 to 80.4); 78.2. Of k-means images, which come to 79.4 (77.3 to 81.6) under labels of their own.
    "label": Replay(
        "--steps 300 --objective.per_class 10 --start.start kmeans --objective.learning_rate 0.5 "
        "--optimizer.inner.learning_rate 0.01",
        0.782,
    ),
    # 80.3 (77.7 to 82.9); 80.3. Of k-means images, and from their own labels: from uniform ones, learners with a last
    # layer of their own do not clear random examples.
    "label-ridge": Replay(
        "--steps 100 --objective.per_class 32 --start kmeans --objective.rate 0.1 --objective.window 1000 "
        "--objective.scale_optimizer.learning_rate 1",
        0.803,
    ),
    # 78.7 (76.7 to 80.8); 79.0. By the kernel of three hidden layers: by that of one learners vary more, about 77.2.
    "kip": Replay("--steps 100 --objective.per_class 100 --objective.kernel.depth 3", 0.787),
    # 81.6 (79.1 to 84.0) by its own schedule, under which random images came to 59.9 (56.6 to 63.2); 83.4 of three
    # networks
    "frepo": Replay(
        "--steps 60 --optimizer.learning_rate 0.02 --objective.per_class 32 --objective.ridge 0.01 "
        "--schedule.steps 200 --schedule.learning_rate 0.003",
        0.816,
    ),
    # 79.7 (73.4 to 86.0) by linear evaluation of features; no options tried were clear of random
    "krr-st": Replay(
        "--steps 60 --optimizer.inner.learning_rate 0.01 --objective.pool 2 --objective.longest 100 "
        "--start.teacher.steps 60 --objective.teacher.steps 60",
        0.797,
    ),
    # 79.4 (77.6 to 81.2); 84.6 of three networks
    "rfad": Replay(
        "--steps 80 --optimizer.learning_rate 0.05 --objective.per_class 16 --objective.networks 4 "
        "--objective.judged 8",
        0.794,
    ),
    # 77.8 (73.7 to 81.9) by its own schedule; of 30 steps at a learning rate of 0.05 74.4 (69.8 to 79.0)
    "rcig": Replay(
        "--steps 50 --optimizer.learning_rate 0.03 --objective.per_class 16 --objective.steps 8 --objective.pool 5 "
        "--objective.updates 5 --schedule.steps 200 --schedule.learning_rate 0.003",
        0.778,
    ),
    # 83.8 (81.1 to 86.5) by its own schedule, of random features and a last layer that is trained, where random images
    # came to 53.8 (47.6 to 59.9); 86.5 of three networks
    "clp": Replay("--steps 100 --objective.epochs 0", 0.838, network="module:frozen_bodies.Frozen"),
    # 500 (500 to 500); 500 of one network
    "hades": Replay(
        "--steps 16 --objective.episodes 2 --start real",
        480.0,
        data="cartpole",
        network="mlp-w64-tanh-policy",
        tolerance=100.0,
    ),
    # 220.8 (210.1 to 231.5); 218 and more of one network. Returns that are on the way to 500 vary more than accuracies.
    "one-step-es": Replay("--steps 60", 220.8, data="cartpole", network="mlp-w64-tanh-policy", tolerance=100.0),
    # On transitions of a controller of the cart-pole that acts by chance half of the time, 156 steps an episode; scored
    # by returns in it, of which random ones came to 33.6 (6.1 to 61.2).
    # 137.5 (131.1 to 144.0)
    "dbc": Replay(CLONED, 137.5, data=TRANSITIONS, network="mlp-w64-tanh-policy", tolerance=100.0),
    # 324.6 (309.8 to 339.4)
    "pbc": Replay(CLONED + EXPERT, 324.6, data=TRANSITIONS, network="mlp-w64-tanh-policy", tolerance=100.0),
    # 322.9 (292.8 to 352.9)
    "av-pbc": Replay(CLONED + EXPERT, 322.9, data=TRANSITIONS, network="mlp-w64-tanh-policy", tolerance=100.0),
    # 222.9 (193.8 to 252.0); 193.3 of one network. On the way to 500, too, by a tenth of its steps and from more pairs.
    "ppmo": Replay(
        "--steps 200 --start.items 16 --objective.environments 100 --objective.steps 20 --objective.epochs 1",
        222.9,
        data="cartpole",
        network="mlp-w64-tanh-policy",
        tolerance=100.0,
    ),
    # 85.0 (81.5 to 88.4); 88.6 of three networks. From class means, which come to 85.8 of three networks on validation
    # under the teacher's labels as they are: from noise sixteen settings came to 22 to 69, not clear of random.
    "sre2l": Replay(
        "--steps 100 --start class-means --objective.augment none --objective.statistics 1",
        0.85,
    ),
    # 84.5 (82.1 to 86.9); 87.7. From class means too, and with crops that leave most of 8 x 8 pixels.
    "cda": Replay(
        "--steps 100 --start class-means --objective.augment.least 0.9 --objective.augment.roll 0 "
        "--objective.statistics 1 --optimizer.inner.learning_rate 0.05",
        0.845,
    ),
    # 78.8 (75.7 to 81.8); 79.2
    "bptt": Replay(
        "--steps 20 --optimizer.learning_rate 100 --objective.per_class 32 "
        "--schedule.steps 20 --schedule.learning_rate 0.02",
        0.788,
    ),
    # 76.3 (73.2 to 79.4), with the plainest kernels 76.0 (72.4 to 79.5). At a learning rate of 0.2, after 30 steps, two
    # processors of one maker came to 73.8 and 66.7.
    "rat-bptt": Replay(
        "--steps 60 --start real --optimizer.learning_rate 0.1 --objective.per_class 32 --objective.window 12 "
        "--schedule.steps 24 "
        "--schedule.learning_rate 0.02",
        0.763,
    ),
    # 80.7 (78.1 to 83.2); 81.1 of one network
    "mtt": Replay(
        "--steps 30 --optimizer.learning_rate 100 --schedule_optimizer.learning_rate 9e-5 --schedule.around.steps 10 "
        "--schedule.around.learning_rate 0.03 --objective.latest 4 --objective.experts.count 3 "
        "--objective.experts.epochs 6 --objective.experts.learning_rate 0.02 --objective.experts.batch 64",
        0.807,
        before=EXPERTS,
    ),
    # 77.3 (75.1 to 79.6), with the plainest kernels 77.2 (74.5 to 79.8); 83.9 of one network
    "datm": Replay(
        "--steps 15 --optimizer.learning_rate 100 --schedule_optimizer.learning_rate 9e-5 --schedule.around.steps 10 "
        "--schedule.around.learning_rate 0.03 --target_optimizer.learning_rate 2 --objective.latest 4 "
        "--objective.latest_at_first 2 --objective.grow_over 10 --start.teacher.epochs 7 "
        "--start.teacher.learning_rate 0.05 --start.teacher.batch 64 --objective.experts.count 3 "
        "--objective.experts.epochs 6 --objective.experts.learning_rate 0.02 --objective.experts.batch 64",
        0.773,
        before=EXPERTS,
    ),
    # 77.4 (71.9 to 82.8). From k-means images, which come to 74.1 (71.6 to 76.6) as
    # they are: from random ones seven settings came to 56.2 to 66.6 on validation, not clear of random.
    "tesla": Replay(
        "--steps 40 --start relabelled --parameterization fixed-targets --start.start kmeans --start.epoch 10 "
        "--optimizer.learning_rate 100 "
        "--schedule_optimizer.learning_rate 0.001 "
        "--schedule.around.steps 10 --schedule.around.learning_rate 0.1 --objective.latest 6 "
        + " ".join(f"--{part}.experts.{field}" for part in ("start", "objective") for field in TEACHERS),
        0.774,
        before=f"experts digits --network {NETWORK} --workers 1 " + " ".join(f"--{field}" for field in TEACHERS),
    ),
    # 80.6 (78.5 to 82.6). From k-means images: from random ones 72, not far enough above these for other hardware.
    "idc-i": Replay(
        "--steps 15 --start kmeans --optimizer.learning_rate 0.5 --objective.training.steps 1 --objective.per_class 32",
        0.806,
    ),
    # 79.6 (76.4 to 82.7)
    "fred-dc": Replay("--steps 20 --optimizer.learning_rate 1 --objective.per_class 32", 0.796),
    # 78.9 (76.3 to 81.5)
    "fred-dm": Replay("--steps 20 --optimizer.learning_rate 1", 0.789),
    # 77.2 (74.6 to 79.8)
    "fred-mtt": Replay(f"--steps 10 --optimizer.learning_rate 100 {FOLLOWED}", 0.772, before=EXPERTS),
    # 80.4 (78.7 to 82.2). From class means, and of bases as large as images: eight, for one item of a class.
    "rtp": Replay(
        "--steps 10 --start class-means --optimizer.learning_rate 1 --objective.per_class 16 --schedule.steps 15 "
        "--schedule.learning_rate 0.02 --parameterization.factor 1 --parameterization.count 8",
        0.804,
    ),
    # 84.5 (82.2 to 86.7). From k-means images, in the storage of two random ones a class, which came to 74.0 (67.8 to
    # 80.2). By hallucinators without a rim, as that is much of 8 x 8 pixels.
    "haba": Replay(
        "--steps 20 --start kmeans --optimizer.learning_rate 5 --optimizer.momentum 0.5 --schedule.around.per_class 0 "
        "--parameterization.kernel 1 --parameterization.count 4 "
        + FOLLOWED.replace("--objective.", "--objective.around."),
        0.845,
        before=EXPERTS,
        ipc=2,
    ),
    # 77.9 (75.8 to 80.0). From k-means images.
    "ddif": Replay(
        "--steps 10 --start kmeans --optimizer.learning_rate 0.003 --parameterization.fit_steps 150 " + FOLLOWED,
        0.779,
        before=EXPERTS,
    ),
    # 81.8 (78.3 to 85.4). From k-means images.
    "ddif-dm": Replay(
        "--steps 20 --start kmeans --optimizer.learning_rate 0.003 --parameterization.fit_steps 150", 0.818
    ),
    # 80.2 (77.5 to 82.9)
    "autopalette": Replay(
        "--steps 10 --optimizer.learning_rate 100 --target_optimizer.learning_rate 2 --objective.latest_at_first 2 "
        "--objective.grow_over 10 --start.teacher.epochs 7 --start.teacher.learning_rate 0.05 "
        f"--start.teacher.batch 64 {FOLLOWED}",
        0.802,
        before=EXPERTS,
    ),
    # 73.4 (71.1 to 75.8)
    "glad": Replay("--steps 30 --parameterization.steps 100", 0.734),
    # 84.0 (82.3 to 85.7), of random nodes 75.5 (71.5 to 79.5)
    "gcond": Replay(
        "--steps 120 --optimizer.first 10 --optimizer.then 20 --optimizer.others.learning_rate 0.1 "
        "--optimizer.by_itself.learning_rate 0.03",
        0.84,
        data=GRAPH,
        network="sgc",
    ),
    # 87.0 (83.6 to 90.4)
    "gcond-x": Replay("--steps 60 --optimizer.learning_rate 0.1", 0.87, data=GRAPH, network="sgc"),
    # 91.5 (89.8 to 93.2). From class means, which without edges come to as much.
    "gdem": Replay("--steps 60 --start class-means", 0.915, data=GRAPH, network="sgc"),
}
NO_BETTER = ("krr-st",)
"""Methods that are not told apart from random images here: its sets are for features, and a linear layer on
those of a network that has learned nothing comes to as much."""
LIKE = {"idc": "idc-i", "dd-text": "soft-label-dd", "doscond": "gcond"}
"""Replayed as another one: tiles of images of 8 x 8 pixels have 4 x 4, of which random ones come to 50.5 (45.0 to
56.0), below plain images. Its pages have tests of their own. dd-text is composed of the same parts with settings for
sentences; of gcond, doscond is the first step of each network."""
OF_OTHERS = ("hdt", "condtsf", "covmatch", "lors", "tame")
"""Methods of forecasting, for pictures with words and for tables, whose tests are where those are."""
METHODS = sorted(
    name for name in RECIPES if RECIPES[name].recipe.objective is not None and name not in (*LIKE, *OF_OTHERS)
)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One store for all processes that test, so that the learners of random examples are trained once."""
    own = tmp_path_factory.getbasetemp()
    return (own if worker_id == "master" else own.parent) / "replay"


def test_every_replay_is_of_a_method() -> None:
    assert not REPLAYS.keys() - set(METHODS)


@pytest.fixture(scope="session")
def session(store: Path) -> Iterator[limbeck.Session]:
    """One worker for all that is scored, as each takes a second or two to begin."""
    # Where it finds a network of one's own.
    known = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join(known))
        with limbeck.Session(store, workers=1, device="cpu") as kept:
            yield kept


def random_images(made: Path, ipc: int, session: limbeck.Session, tmp_path: Path) -> Score:
    """Random images, as many as it has the storage of where a set makes more items of that."""
    if len(limbeck.DistilledSet.load(made)) > len(limbeck.load("digits").classes):
        made = tmp_path / "random.safetensors"
        command = f"distill digits --recipe random --ipc {ipc} --network {NETWORK} --checks 0 --out {made}"
        assert main([*shlex.split(command), "--device", "cpu", "--runs", str(session.store.root)]) == 0
    return limbeck.evaluate(made, repeats=MEMBERS, baselines=["random"], session=session)[1]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_beats_random_images_at_one_image_a_class(
    name: str, store: Path, session: limbeck.Session, tmp_path: Path
) -> None:
    assert name in REPLAYS, f"recipe {name} has no replay: find options that take seconds, and record its accuracy"
    replay, made = REPLAYS[name], tmp_path / f"{name}.safetensors"
    data = replay.data
    if data == TRANSITIONS:
        data = recordings.write(tmp_path / "transitions.npz", recordings.choices())
    if data == GRAPH:
        data = small_graph.write(tmp_path / "small.npz")
    place = ["--device", "cpu", "--runs", str(store)]
    if replay.before:
        assert main([*shlex.split(replay.before), *place]) == 0
    asked = f"--recipe {name} --ipc {replay.ipc} --network {replay.network}"
    # No check: it trains a learner and leaves the set as it is.
    command = f"distill {data} {asked} --checks 0 {replay.options}"
    assert main([*shlex.split(command), "--out", str(made), *place]) == 0
    (mine,) = limbeck.evaluate(made, repeats=MEMBERS, baselines=[], session=session)
    random = random_images(made, replay.ipc, session, tmp_path)
    # Where the set says where learners begin, there is one.
    least = mine.mean if mine.n == 1 else mine.low
    assert least > random.high or name in NO_BETTER, f"{mine} against {random}"
    assert abs(mine.mean - replay.recorded) < replay.tolerance, f"{mine}, recorded {replay.recorded}"
