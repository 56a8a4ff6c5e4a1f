"""Pictures with words against dense references: the contrast, recall, cross-covariances, prototypes, and the codec."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import coupled
import limbeck
from in_process import Here
from limbeck.cli import main
from limbeck.codecs import ImageCodec, PairCodec
from limbeck.codecs.hashed_text import hashed
from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, Batch, NoCache, Problem, Readout, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn import microbatches
from limbeck.learn.augment import Siamese
from limbeck.learn.contrast import TEMPERATURE, contrast
from limbeck.learn.networks import Towers
from limbeck.learn.sensitivity import gradient, mean_loss
from limbeck.learn.training import fresh, gradient_function
from limbeck.learn.views import CutMix
from limbeck.objectives import CrossCovariance
from limbeck.objectives.cross_covariance import moments
from limbeck.schedules import Fixed
from limbeck.starts import PairedClusters
from limbeck.starts.paired_clusters import prototypes
from limbeck.tasks import load
from limbeck.tasks.pairs import METRICS, PairTask, Split

KEY, CPU = Key(("pairs",)), torch.device("cpu")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> PairTask:
    made = load(coupled.write(tmp_path_factory.mktemp("coupled") / "squares"))
    assert isinstance(made, PairTask)
    return made


def test_the_contrast_is_infonce_both_ways_term_by_term() -> None:
    outputs = KEY.fold("outputs").normal(5, 6).double()
    u, v = outputs[:, :3], outputs[:, 3:]
    u, v = (side / side.norm(dim=1, keepdim=True) for side in (u, v))
    said = [[float(u[i] @ v[j]) / TEMPERATURE for j in range(5)] for i in range(5)]
    for i, found in enumerate(contrast(outputs).tolist()):
        rows = math.log(sum(math.exp(said[i][j]) for j in range(5)))
        columns = math.log(sum(math.exp(said[j][i]) for j in range(5)))
        assert found == pytest.approx((rows + columns) / 2 - said[i][i], rel=1e-9)


def test_a_perfect_matcher_a_useless_one_and_a_random_one(task: PairTask) -> None:
    count = 36
    outputs = torch.eye(count).repeat(1, 2)
    examples = task.load("test")
    assert len(examples.classes) == count
    assert set(task.measure(outputs, examples).values()) == {1.0}
    alike = task.measure(torch.ones(count, 6), examples)
    shares = dict(
        zip((metric.name for metric in METRICS), [16 / 3 / count, *[k / count for k in (1, 5, 10)] * 2], strict=True)
    )
    assert alike == pytest.approx(shares)
    # Of fifty random matchers the mean recall is within five standard errors of chance.
    drawn = [task.measure(KEY.fold("random", n).normal(count, 16), examples)["mean recall"] for n in range(50)]
    assert sum(drawn) / 50 == pytest.approx(16 / 3 / count, abs=5 * torch.tensor(drawn).std().item() / 50**0.5)
    broken = task.measure(torch.full((count, 6), torch.nan), examples)
    assert set(broken.values()) == {0.0}


def test_recall_is_directed(task: PairTask) -> None:
    # Each picture finds its text; every text finds the first picture.
    left, right = torch.eye(4), torch.eye(4)
    right[:, 0] += 1.1
    found = task.measure(torch.cat([left, right], 1), task.load("test", torch.arange(4)))
    assert found["text recall at 1"] == 1 and found["picture recall at 1"] == 0.25
    assert found["mean recall"] == pytest.approx((1 + 1 + 1 + 0.25 + 1 + 1) / 6)


def test_a_loss_of_pairs_is_taken_of_the_whole_batch(task: PairTask, monkeypatch: pytest.MonkeyPatch) -> None:
    network = task.network("mlp-w8")
    learner, batch = fresh(network, KEY, CPU), task.load("train", torch.arange(20))
    loss = mean_loss(task, network)
    whole = gradient(loss, learner.params, batch)
    monkeypatch.setattr(microbatches, "NUMBERS", 3 * tree.numel(task.shape))
    assert microbatches.microbatch_size(task.shape, CPU) == 3
    found, _ = gradient_function(loss, task, network)(learner, batch)
    assert all(torch.equal(a, b) for a, b in zip(tree.leaves(found), tree.leaves(whole), strict=True))
    parts = [gradient(loss, learner.params, task.take(batch, rows)) for rows in torch.arange(20).split(10)]
    assert not torch.allclose(tree.leaves(parts[0])[0] + tree.leaves(parts[1])[0], 2 * tree.leaves(whole)[0])


def test_two_networks_stand_side_by_side(task: PairTask) -> None:
    network = task.network("convnet-w4-d1-batch+mlp-w8")
    assert isinstance(network, Towers) and network.name == "convnet-w4-d1-batch+mlp-w8"
    assert task.network("mlp-w8+mlp").name == task.network("mlp-w8").name == "mlp-w8"
    inputs = task.load("train", torch.arange(6)).inputs
    params, statistics = network.init(KEY), network.statistics()
    readout, after = network.track(params, inputs, statistics)
    apart = []
    for part, one in network.parts:
        own = {name.removeprefix(f"{part}."): leaf for name, leaf in params.items() if name.startswith(part)}
        assert all(torch.equal(leaf, one.init(KEY.fold(part))[name]) for name, leaf in own.items())
        apart.append(one.track(own, inputs[part], one.statistics()))
    for place in (0, 1):
        assert torch.equal(readout[place], torch.cat([found[place] for found, _ in apart], 1))
    assert after.keys() == statistics.keys() and len(apart[0][1]) == len(after) and not apart[1][1]
    assert all(torch.equal(after[f"image.{name}"], leaf) for name, leaf in apart[0][1].items())
    layers = network.layers(params, inputs)
    assert torch.equal(layers[-1], network.apply(params, inputs).features) and len(layers) == 1 + 1 + 1
    entered = network.entering(params, inputs)[1]
    assert [tuple(each.shape) for each in entered] == [(6, 4, 9, 9)]


@dataclass(frozen=True)
class Frozen(AbstractNetwork):
    """A projection that is drawn once and never moves."""

    numbers: int
    name: str = "frozen"

    def init(self, key: Key) -> Tree:
        return {"weight": KEY.fold("projection", self.numbers).normal(self.numbers, 6).double() / self.numbers**0.5}

    def statistics(self) -> Tree:
        return {}

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        flat = inputs.flatten(1)
        return Readout(flat, flat @ params["weight"])

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        return (inputs.flatten(1),)

    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        return self.apply(params, inputs), {}


class Doubled(PairTask):
    """As it is, in double precision."""

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, super().load(split, rows))


def linear_pairs() -> Problem:
    """Texts that follow from pictures of one row of nine pixels by a matrix, and projections that stay."""
    images = (40 * KEY.fold("images").normal(80, 9) + 128).clamp(0, 255).byte().numpy().reshape(80, 1, 1, 9)
    texts = torch.from_numpy(images).flatten(1).float() / 255 @ KEY.fold("matrix").normal(9, 7)
    rows = torch.arange(80).numpy()
    splits = {split: Split(images, texts, rows) for split in ("train", "validation", "test")}
    codec = PairCodec(ImageCodec((0.5,), (0.2,)), ("a",), 7)
    task = Doubled("linear", {"image": (1, 1, 9), "text": (7,)}, "0", codec, splits, {})
    network = Towers("frozen", (("image", Frozen(9)), ("text", Frozen(7))))
    return Problem(task, network, CPU, NoCache())


def test_matching_covariances_recovers_the_directions_that_vary_most_together() -> None:
    problem = linear_pairs()
    objective = CrossCovariance(scale=2.0, weight=0.1, per_class=80)
    state = objective.init(problem, KEY)
    real = problem.task.load("train")
    sides = problem.task.sides(problem.network.apply(state.learner.params, real.inputs).outputs)
    left, right, covariance = moments(*sides)
    dense = sum(torch.outer(u - left, v - right) for u, v in zip(*sides, strict=True)) / 80
    torch.testing.assert_close(covariance, dense)
    # Three pairs have a cross-covariance of rank two, of which the best is that of the two largest singular values.
    picked = problem.real(KEY.fold("start"), 3)
    learned = tree.map(lambda leaf: leaf.clone().requires_grad_(), picked.inputs)
    shown = lambda: Synthetic.of(picked._replace(inputs=learned), Fixed(1).render({}, picked.classes, KEY))  # noqa: E731
    optimizer = torch.optim.LBFGS(tree.leaves(learned), max_iter=500, line_search_fn="strong_wolfe", tolerance_change=0)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = objective.loss(state, problem, shown(), KEY)
        loss.backward()
        return loss

    optimizer.step(closure)
    u, values, v = torch.linalg.svd(2 * covariance)
    own = moments(*problem.task.sides(problem.network.apply(state.learner.params, learned).outputs))
    torch.testing.assert_close(own[2].detach(), u[:, :2] * values[:2] @ v[:2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close((own[0].detach(), own[1].detach()), (left, right), rtol=1e-4, atol=1e-4)
    assert objective.loss(state, problem, shown(), KEY).item() == pytest.approx(
        float(values[2:].square().sum()), rel=1e-4
    )


def test_the_covariance_objective_is_exact_and_its_networks_are_trained_and_renewed(task: PairTask) -> None:
    problem = linear_pairs()
    objective, picked = CrossCovariance(per_class=20, renewed=3), problem.real(KEY.fold("start"), 4)
    state = objective.init(problem, KEY)

    def loss(image: Tensor, text: Tensor) -> Tensor:
        batch = picked._replace(inputs={"image": image, "text": text})
        return objective.loss(state, problem, Synthetic.of(batch, Fixed(1).render({}, batch.classes, KEY)), KEY)

    leaves = [picked.inputs[name].clone().requires_grad_() for name in ("image", "text")]
    assert torch.autograd.gradcheck(loss, leaves, fast_mode=True)
    problem = Problem(task, task.network("mlp-w8"), CPU, NoCache())
    states = [objective.init(problem, KEY)]
    shown = Synthetic.of(problem.real(KEY, 2), Fixed(1).render({}, torch.zeros(2, dtype=torch.int64), KEY))
    for step in range(3):
        states.append(objective.advance(states[-1], problem, shown, KEY.fold(step)))
    assert [int(each.age) for each in states] == [0, 1, 2, 0]
    batch = task.load("train")
    losses = [float(mean_loss(task, problem.network)(each.learner.params, batch)) for each in states]
    assert losses[2] < losses[1] < losses[0] and losses[3] > losses[2]


def test_a_task_that_is_of_no_pairs_is_refused_in_one_line() -> None:
    digits = load("digits")
    problem = Problem(digits, digits.network("convnet-w4-d1"), CPU, NoCache())
    with pytest.raises(
        InputError, match="objective cross-covariance: found digits, whose outputs are no two embeddings"
    ):
        CrossCovariance().init(problem, KEY)
    with pytest.raises(InputError, match="start paired-clusters: found digits, whose outputs are no two embeddings"):
        PairedClusters().pick(problem, 1, KEY)


def test_prototypes_take_one_pair_of_each_pair_of_clusters() -> None:
    # Five bundles of directions, other ones on each side, of 12 pairs each; one pair is wrongly joined.
    bundles = torch.arange(5).repeat_interleave(12)
    sides = []
    for name in ("left", "right"):
        centres = torch.eye(8)[KEY.fold(name).permutation(8)[:5]].double()
        sides.append(centres[bundles] + 0.05 * KEY.fold(name, "noise").normal(60, 8).double())
    sides[1][0] = sides[1][59]
    left, right = (torch.nn.functional.normalize(side, dim=1) for side in sides)
    chosen = prototypes(left, right, 5, KEY)
    assert sorted(bundles[chosen].tolist()) == list(range(5)) and 0 not in chosen.tolist()
    for pair in chosen.tolist():
        members = bundles == bundles[pair]
        members[0] = False
        apart = sum((side - side[members].mean(0)).square().sum(1) for side in (left, right))
        assert int(apart.where(members, torch.inf).argmin()) == pair
    # With more clusters than bundles some share no pair; all that is chosen is chosen once.
    assert len(set(prototypes(left, right, 20, KEY).tolist())) == 20


def test_a_text_is_a_vector_of_length_one_near_those_that_share_its_words() -> None:
    lines = ["a red square", "a RED  square!", "a red circle", "blue triangle", "!?"]
    rows = hashed(lines)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(5))
    assert torch.equal(rows[0], rows[1])
    near = rows[0] @ rows.T
    assert near[1] > near[2] > near[3].abs()
    # What a text is does not depend on the machine: written down once.
    assert hashed(["cat"]).nonzero()[:6, 1].tolist() == [3, 7, 8, 24, 52, 110]


def test_the_codec_reads_a_text_as_the_nearest_caption_and_is_kept(task: PairTask) -> None:
    codec, native = task.codec, task.native("train", torch.arange(5))
    inputs = codec.encode(native)
    assert inputs["text"].square().mean().item() == pytest.approx(1, rel=1e-5)
    for back, was in zip(tree.leaves(codec.decode(inputs)), tree.leaves(native), strict=True):
        torch.testing.assert_close(back, was)
    moved = {**native, "text": native["text"] + 0.02 * KEY.fold("moved").normal(*native["text"].shape)}
    assert [codec.words(tree.row(moved, item)) for item in range(5)] == list(codec.captions[:5])
    assert codec.picture(tree.row(native, 0)).shape == (9, 9, 3)  # type: ignore[union-attr]
    again = PairCodec.from_tensors(codec.to_tensors())
    assert again == codec and again.words(tree.row(moved, 2)) == codec.captions[2]
    for wrong in ({"captions": torch.tensor([255, 254], dtype=torch.uint8)}, {"numbers": torch.tensor(0)}):
        with pytest.raises(InputError, match="a codec of pairs with captions or numbers"):
            PairCodec.from_tensors({**codec.to_tensors(), **wrong})


def test_pictures_are_augmented_but_not_mirrored_and_texts_stay(task: PairTask) -> None:
    batch, groups = task.load("train", torch.arange(8)), torch.arange(8)
    still = task.augment(batch, KEY, groups, Siamese(("flip",)))
    assert all(torch.equal(a, b) for a, b in zip(tree.leaves(still), tree.leaves(batch), strict=True))
    moved = task.augment(batch, KEY, groups, Siamese(("color",)))
    assert torch.equal(moved.inputs["text"], batch.inputs["text"])
    assert not torch.equal(moved.inputs["image"], batch.inputs["image"])
    assert task.augment(batch, KEY, groups, CutMix()) is batch


def test_data_are_found_again_and_the_fingerprint_is_of_pictures_and_texts(
    task: PairTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = coupled.write(tmp_path / "again")
    assert load(name).fingerprint == task.fingerprint
    texts = [line for _, line in coupled.pairs()[:72]]
    other = load(coupled.write(tmp_path / "other", text=[*texts[:-1], "nothing of the kind"]))
    assert other.fingerprint != task.fingerprint and len(task.codec.captions) == 65
    assert load(name, size=6).shape["image"] == (3, 6, 6)
    listed = load(coupled.write(tmp_path / "lists", text=[[line, "more"] for line in texts]))
    assert listed.fingerprint == task.fingerprint and any("first of each row" in note for note in listed.notes)
    several = load(coupled.write(tmp_path / "several", title=texts[::-1], text=texts))
    assert several.fingerprint == task.fingerprint
    with pytest.raises(InputError, match="text and caption could both be the texts"):
        load(coupled.write(tmp_path / "two", caption=texts))
    assert load(f"pairs:{tmp_path}/two", text_column="text").fingerprint != task.fingerprint


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no picture": ({"image": [None, *[coupled.png(p) for p, _ in coupled.pairs()[1:72]]]}, "row 0: no image bytes"),
    "broken picture": ({"image": [b"\x89PNG broken"] * 72}, "72 images cannot be used: .* unreadable or truncated"),
    "no text": ({"text": ["a"] * 71 + ["  "]}, "row 71: no text, expected one in every row"),
    "null text": ({"text": [None] + ["a"] * 71}, "row 0: no text"),
    "empty list": ({"text": [["a"]] * 71 + [[]]}, "row 71: no text"),
    "no column of texts": ({"text": None}, "found columns image: binary; expected a column image"),
    "no column of pictures": ({"image": None}, "found columns text: string; expected a column image"),
    "numbers for texts": ({"text": list(range(72))}, "found columns image: binary, text: int64"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    columns, said = BAD[case]
    with pytest.raises(InputError, match=said) as caught:
        load(coupled.write(tmp_path / "bad", **columns))
    assert "\n" not in str(caught.value)


def test_places_and_options_that_are_wrong_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = coupled.write(tmp_path / "squares")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    for data, options, said in (
        ("pairs:", "", "'pairs:' names nothing"),
        (f"pairs:{tmp_path}/none", "", "found nothing, expected a .parquet file"),
        (f"pairs:{tmp_path}/torn.parquet", "", "damaged, or not a parquet file"),
        (name, "--text-column words", "no column 'words' of texts"),
        (name, "--zca", "squares 'zca': choose from background"),
        (name, "--validation 0.95", "expected a share"),
        (f"emoji --data-root {tmp_path}", "", "emoji: not found; looked in"),
    ):
        assert main(shlex.split(f"describe {data} {options}")) == 2
        assert said in capsys.readouterr().err


def test_pairs_go_through_every_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, made, runs = coupled.write(tmp_path / "squares"), tmp_path / "made.safetensors", tmp_path / "runs"

    def does(command: str) -> str:
        assert main(shlex.split(command)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    assert "mean recall" in does(f"describe {name}")
    asked = f"--recipe covmatch --ipc 6 --network mlp-w8 --steps 2 --checks 0 --runs {runs} --device cpu"
    does(f"distill {name} {asked} --out {made}")
    with limbeck.Session(runs, workers=1, device="cpu", executor=Here()) as session:
        rows = limbeck.evaluate(made, repeats=1, baselines=["random", "pds"], session=session)
        assert [row.metric for row in rows] == ["mean recall"] * 3 and all(0 <= row.mean <= 1 for row in rows)
    captions = load(name).codec.captions
    assert {line.removeprefix("all: ") for line in does(f"show {made}").splitlines()} <= set(captions)
    does(f"show {made} --out {tmp_path}/made.png")
    does(f"report {made} --out {tmp_path}/made.html --runs {runs}")
    page = (tmp_path / "made.html").read_text()
    assert page.count('<span class="words">') == 6 and " square " in page
    does(f"export {made} --format npz --out {tmp_path}/made.npz")
    distilled = limbeck.DistilledSet.load(made)
    item, target = distilled[0]
    assert set(item) == {"image", "text"} and target.tolist() == [1.0] and distilled.codec == load(name).codec
