"""What the sources say of every published run, field by field, written down from them apart from the recipes.

Each table has the fields of the composition on the left and what the source says on the right, in the source's units
but for what a note says. Read from: the code and readme of VICO-UoE/DatasetCondensation (dc, dsa, dm),
kaiwang960112/CAFE (cafe), uitrbn/IDM with its command.txt (idm), GeorgeCazenavette/mtt-distillation (mtt: defaults of
distill.py and buffer.py) with the commands of justincui03/dc_benchmark and copies of the author's table (mtt: sizes),
justincui03/tesla (tesla), NUS-HPC-AI-Lab/DATM: configs and distill/DATM.py (datm), ssnl/dataset-distillation (dd),
princetonvisualai/RememberThePast-DatasetDistillation (bptt, rtp: the two commands of its readme),
fengyzpku/Simple_Dataset_Distillation (rat-bptt), ondrejbohdal/label-distillation with its experiment_configs (label),
google-research/google-research, kip/KIP.ipynb (kip), yongchaoz/FRePo: script/distill.py and the command of its readme
(frepo), yolky/RFAD: run_distillation.py (rfad), yolky/RCIG: configs_final and distill_dataset.py (rcig),
sunnytqin/no-distillation (random-soft), VILA-Lab/SRe2L: the recover script for CIFAR-100 (sre2l),
lunaaa95/ShapeCond: main.py and scripts/CNNBN (sre2l of series),
snu-mllab/Efficient-Dataset-Condensation: misc/reproduce.py and defaults of argument.py (idc), sdh0818/FreD: scripts,
hyper_params.py and get_loops of utils.py (fred), Huage001/DatasetFactorization: the commands beside distill_fac.py and
its defaults (haba), the code of DDiF: scripts and hyper_params.py (ddif),
KeViNYuAn0314/AutoPalette: configs/CIFAR-10/ConvIN (autopalette), XYGaoG/CGC: scr/para.py (cgc),
liuyang-tian/GDEM: config/config_distill.json, config_init.json and agent.py (gdem), and
superallen13/GCondenser: configs/experiment/gdem_cora.yaml (gdem of Cora),
the paper of CovMatch (covmatch, whose real batches are as at evaluation), silicx/LoRS_Distill: its commands and
defaults of distill_tesla_lors.py and buffer.py (lors).
"""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]
Key = tuple[str, int, bool]


def within(prefix: str, fields: Fields) -> Fields:
    """The fields of a part within another."""
    return {f"{prefix}.{name}": value for name, value in fields.items()}


def sgd(learning_rate: float, momentum: float, weight_decay: float = 0.0, clip: float = 0.0) -> Fields:
    """torch.optim.SGD."""
    return {
        "part": "optimizer/sgd",
        "learning_rate": learning_rate,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "clip": clip,
        "clip_mean": 0.0,
        "halve_at": [],
    }


def adam(learning_rate: float, beta1: float = 0.9, clip_mean: float = 0.0) -> Fields:
    """torch.optim.Adam."""
    return {
        "part": "optimizer/adam",
        "learning_rate": learning_rate,
        "beta1": beta1,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
        "clip": 0.0,
        "clip_mean": clip_mean,
        "halve_at": [],
    }


def siamese(together: bool, operations: str = "color_crop_cutout_flip_scale_rotate") -> Fields:
    """ParamDiffAug of DSA: ratios 0.5, 2.0, 0.5, 0.125, 0.5, 1.2, 15."""
    return {
        "part": "augmentation/siamese",
        "operations": operations.split("_"),
        "brightness": 0.5,
        "saturation": 2.0,
        "contrast": 0.5,
        "crop": 0.125,
        "cutout": 0.5,
        "scale": 1.2,
        "rotate": 15.0,
        "together": together,
    }


def course(steps: int, learning_rate: float, optimizer: Fields, per_class: int = 0, batch: int = 0) -> Fields:
    """A training on the set."""
    return {
        "part": "schedule/fixed",
        "steps": steps,
        "learning_rate": learning_rate,
        **within("optimizer", optimizer),
        "per_class": per_class,
        "batch": batch,
        "loss.part": "training-loss/task-loss",
        "binding": False,
        "in_turn": False,
    }


def momentum(value: float) -> Fields:
    """A student's steps of SGD."""
    return {"part": "inner-optimizer/momentum", "momentum": value, "weight_decay": 0.0}


COMMON = {
    "part": "value/recipe",
    "parameterization.part": "parameterization/pixels",
    "estimator.part": "estimator/backprop",
    "target_optimizer": None,
}
UNUSED_RATES = within("schedule_optimizer", sgd(1e-5, 0.5))
"""What would step learning rates: none are learned."""
UNUSED_COURSE = within("schedule", course(300, 0.01, momentum(0.9)))
"""A training on the set: none is part of the method."""
REAL, NOISE = (
    {"start.part": "start/real"},
    {
        "start.part": "start/noise",
        "start.norm": 0.0,
        "start.items": 0,
        "start.targets": False,
    },
)

DM = {
    **COMMON, **UNUSED_RATES, **UNUSED_COURSE, **REAL,
    "objective.part": "objective/distribution",
    "objective.draws": None,
    "objective.per_class": 256,  # batch_real
    **within("objective.augment", siamese(together=False)),  # a seed for every class
    **within("optimizer", sgd(1.0, 0.5)),  # lr_img
    "steps": 20_000,  # Iteration
}  # fmt: skip

GRADIENT = {
    **COMMON, **UNUSED_RATES, **UNUSED_COURSE,
    "objective.part": "objective/gradient",
    "objective.distance.part": "distance/row-cosine",  # dis_metric ours
    "objective.per_class": 256,  # batch_real
    "objective.learning_rate": 0.01,  # lr_net, SGD without momentum
    "objective.batch": 256,  # batch_train
    **within("optimizer", sgd(0.1, 0.5)),  # lr_img
}  # fmt: skip
ON_THE_SET = {"objective.training": None}
LOOPS = {1: (1, 1), 10: (10, 50), 20: (20, 25), 30: (30, 20), 40: (40, 15), 50: (50, 10)}
"""get_loops: outer_loop and inner_loop; there are 1,000 iterations of outer_loop steps."""
GRADIENT_DATA = ("mnist", "fashion_mnist", "svhn", "cifar10", "cifar100")


def _loops(ipc: int) -> Fields:
    outer, inner = LOOPS[ipc]
    return {**ON_THE_SET, "objective.outer": outer, "objective.inner": inner, "steps": 1000 * outer}


CAFE = {
    **COMMON, **UNUSED_RATES, **UNUSED_COURSE, **NOISE,
    "objective.part": "objective/layerwise-distribution",
    "objective.weights": [0.1, 0.1, 1.0, 2.0],  # fourth to first weight; the last map is matched twice, pooled and not
    "objective.discrimination": 0.01,  # inner_weight
    "objective.augment": None,
    "objective.per_class": 256,
    "objective.window": 10,
    "objective.settled": 0.04,  # lambda_1
    "objective.moved": 0.03,  # lambda_2
    "objective.judged": 128,
    "objective.learning_rate": 0.01,
    "objective.batch": 256,
    "objective.longest": 20,  # ours
    **within("optimizer", {**sgd(0.1, 0.5), "halve_at": [12_000, 16_000, 18_000]}),  # of 2,000 networks of 10 steps
    "steps": 20_000,
}  # fmt: skip

IDM = {
    **COMMON, **UNUSED_RATES, **UNUSED_COURSE, **REAL,
    "objective.part": "objective/trained-distribution",
    **within("objective.augment", siamese(together=False)),
    "objective.per_class": 256,  # batch_real
    "objective.weight": 50.0,  # ce_weight 0.5, of an accuracy in percent
    "objective.queue": 100,  # net_num
    "objective.interval": 30,  # net_generate_interval
    "objective.trained": 2,  # fetch_net_num
    "objective.steps": 10,  # model_train_steps
    "objective.batch": 256,  # trained_bs
    **within("objective.optimizer", sgd(0.01, 0.9, 5e-4)),  # net_decay
    # lr_img 0.2 with momentum 0.5, stepped for every class: a gradient moves the set by 0.2 / (1 - 0.5) in a round.
    **within("optimizer", sgd(0.4, 0.0)),
    "steps": 20_000,
}  # fmt: skip
IDM_FIRST = {"objective.per_class": 5000, "objective.interval": 5}

TRAJECTORY = {
    **COMMON, **REAL,
    "objective.part": "objective/trajectory",
    **within("objective.experts", {
        "part": "value/experts", "count": 100, "epochs": 50, "learning_rate": 0.01, "momentum": 0.0,
        "weight_decay": 0.0, "batch": 256, **within("augment", siamese(together=True)), "imported": "",
    }),
    "objective.earliest": 0,
    "objective.latest_at_first": 1,  # no window that grows
    "objective.grow_over": 0,
    **within("objective.augment", siamese(together=True)),
    "schedule.part": "schedule/unconstrained-rates",
    "schedule.shared": True,
}  # fmt: skip


def _command(
    syn_steps: int, expert_epochs: int, max_start_epoch: int, lr_img: float, lr_lr: float, lr_teacher: float,
    batch_syn: int = 0,
) -> Fields:  # fmt: skip
    return {
        "objective.reach": expert_epochs,
        "objective.latest": max_start_epoch,
        **within("schedule.around", course(syn_steps, lr_teacher, momentum(0.0), batch=batch_syn)),
        **within("optimizer", sgd(lr_img, 0.5)),
        **within("schedule_optimizer", sgd(lr_lr, 0.5)),
    }


MTT = {**TRAJECTORY, "objective.alone": False, "steps": 5000}
MTT_COMMANDS = {
    ("cifar10", 1, True): _command(50, 2, 2, lr_img=100, lr_lr=1e-7, lr_teacher=0.01),
    ("cifar10", 10, True): _command(30, 2, 20, lr_img=100, lr_lr=1e-5, lr_teacher=0.001),
    ("cifar10", 50, True): _command(30, 2, 20, lr_img=100, lr_lr=1e-5, lr_teacher=0.001),
    ("cifar10", 1, False): _command(50, 2, 5, lr_img=1000, lr_lr=1e-7, lr_teacher=0.01),
    ("cifar10", 10, False): _command(30, 2, 15, lr_img=1000, lr_lr=1e-5, lr_teacher=0.01),
    ("cifar10", 50, False): _command(30, 2, 40, lr_img=1000, lr_lr=1e-5, lr_teacher=0.001),
    ("cifar100", 1, True): _command(20, 3, 20, lr_img=1000, lr_lr=1e-5, lr_teacher=0.01),
    ("cifar100", 10, False): _command(20, 2, 20, lr_img=1000, lr_lr=1e-5, lr_teacher=0.01),
    ("cifar100", 50, True): _command(80, 2, 40, lr_img=1000, lr_lr=1e-5, lr_teacher=0.01, batch_syn=125),
    ("tiny_imagenet", 1, False): _command(10, 2, 10, lr_img=10_000, lr_lr=1e-4, lr_teacher=0.01),
    ("tiny_imagenet", 10, False): _command(20, 2, 40, lr_img=10_000, lr_lr=1e-4, lr_teacher=0.01, batch_syn=200),
    ("tiny_imagenet", 50, False): _command(20, 2, 40, lr_img=10_000, lr_lr=1e-4, lr_teacher=0.01, batch_syn=300),
}
TESLA = {**TRAJECTORY, "objective.alone": True, "steps": 10_000}
TESLA_COMMANDS = {
    # lr_img 1000, of half the gradient: in its code the 2 repeats a tuple.
    ("cifar10", 1, False): _command(50, 2, 5, lr_img=1000 / 2, lr_lr=1e-7, lr_teacher=0.01),
    ("cifar100", 50, True): _command(80, 2, 40, lr_img=1000 / 2, lr_lr=1e-5, lr_teacher=0.01, batch_syn=125),
}

DATM = {
    **TRAJECTORY,
    "objective.alone": False,
    "start.part": "start/rightly-named",  # pix_init samples_predicted_correctly
    # An expert at its end (Label_Model_Timestamp -1).
    **within("start.teacher", {
        "part": "value/teacher", "network": "", "epochs": 50, "learning_rate": 0.01, "momentum": 0.0,
        "weight_decay": 0.0, "batch": 256, **within("augment", siamese(together=True)),
    }),
    "parameterization.part": "parameterization/softmax-targets",
    "parameterization.inner.part": "parameterization/pixels",
    "steps": 10_000,  # Iteration
}  # fmt: skip


def _datm(
    max_start_epoch: int, lr_img: float, lr_y: float, lr_lr: float, current_max_start_epoch: int = 10,
    expansion_end_epoch: int = 1000,
) -> Fields:  # fmt: skip
    """configs/CIFAR-10/ConvIN: syn_steps 80, expert_epochs 2, lr_teacher 0.01, Momentum_y 0.9, all images a step."""
    return {
        **{name: value for name, value in DATM.items() if name != "target_optimizer"},
        **_command(80, 2, max_start_epoch, lr_img=lr_img, lr_lr=lr_lr, lr_teacher=0.01),
        "objective.latest_at_first": current_max_start_epoch,
        "objective.grow_over": expansion_end_epoch,
        **within("target_optimizer", sgd(lr_y, 0.9)),
    }


def _dd(images: int, distill_lr: float) -> Fields:
    passes = -(-images // 1024)
    # decay_epochs 40, decay_factor 0.5, epochs 400.
    steps = {**adam(0.01, beta1=0.5), "halve_at": [40 * passes * times for times in range(1, 10)]}
    around = {**course(10 * 3, distill_lr, momentum(0.0), per_class=1), "in_turn": True}  # distill_steps, _epochs
    return {
        **COMMON, **NOISE,
        "objective.part": "objective/unrolled",
        "objective.per_class": 102,  # batch_size 1024
        "objective.initialisations": 0,  # train_nets_type unknown_init
        "schedule.part": "schedule/learned-rates",
        **within("schedule.around", around),
        "schedule.shared": False,
        "schedule.through": "softplus",
        **within("optimizer", steps),
        **within("schedule_optimizer", steps),
        "steps": 400 * passes,
    }  # fmt: skip


BPTT = {
    **COMMON, **UNUSED_RATES, **REAL,
    "objective.part": "objective/unrolled",
    "objective.per_class": 64,  # dset_batch_size
    "objective.initialisations": 0,
    **within("schedule", course(150, 0.01, momentum(0.9), per_class=10)),
    **within("optimizer", sgd(0.1, 0.5, clip=2.0)),
    "steps": 500_000,
}  # fmt: skip

RAT_BPTT = {
    **COMMON, **UNUSED_RATES,
    **NOISE, "start.norm": 1.0,
    "objective.part": "objective/truncated-unrolled",
    "objective.per_class": 500,  # batch_size 5000
    "objective.window": 60,
    **within("objective.augment", siamese(together=True, operations="flip_rotate")),
    **within("schedule", course(200, 0.001, {
        "part": "inner-optimizer/adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0,
    }, per_class=10)),
    **within("optimizer", adam(0.001, clip_mean=2.0)),
    "steps": 60_000 * 10,  # epochs of ten batches
}  # fmt: skip
SOFT_LABELS = {
    **_dd(60_000, 0.01),
    "parameterization.part": "parameterization/soft-targets",
    "parameterization.inner.part": "parameterization/pixels",
    "objective.initialisations": 1,  # train_nets_type known_init
    **within("schedule.around", course(1 * 3, 0.01, momentum(0.0))),  # distill_steps 1, distill_epochs 3 by default
    # decay_epochs 35, epochs 350.
    **{f"{name}.halve_at": [35 * 59 * times for times in range(1, 10)] for name in ("optimizer", "schedule_optimizer")},
    "steps": 350 * 59,
}


def _labels(data: str, items: int, inner_batch: int, epochs: int, ahead: Fields) -> Fields:
    classes = 100 if data == "cifar100" else 10
    real = {"mnist": 50_000, "cifar10": 45_000, "cifar100": 45_000}[data]  # train_set, without val_set
    gap = 100 if classes == 100 else 200 if items > 100 else 50  # stats_gap
    inner = {
        "part": "inner-optimizer/adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    return {
        **COMMON, **UNUSED_RATES,
        "start.part": "start/uniform-labels",
        "start.items": 0,
        "start.start.part": "start/real",  # balanced_source
        "parameterization.part": "parameterization/fixed-inputs",
        "objective.per_class": 1024 // classes,  # batch_size 1024
        "objective.batch": inner_batch,
        "objective.window": gap,
        **within("objective.optimizer", adam(0.001)),
        **ahead,
        **within("schedule", course(300, 0.001, inner, batch=inner_batch)),  # 300: ours
        "optimizer.part": "optimizer/on-simplex",
        **within("optimizer.inner", adam(0.001)),  # labels_opt
        "steps": epochs * -(-real // 1024),
    }  # fmt: skip


def _taught(age: int) -> Fields:
    """buffer.py and nodistill.py, by the commands of sample_scripts.md; ages (max_expert_epoch) by its tables."""
    return {
        **COMMON, **UNUSED_RATES, **REAL,
        "objective": None,
        "start.part": "start/teacher-labels",
        "start.start.part": "start/real",  # selection_strategy random
        "start.temperature": 1.0,  # temp
        "start.teacher.part": "value/teacher",
        "start.teacher.network": "",  # teacher_model as student_model
        "start.teacher.epochs": age,
        "start.teacher.learning_rate": 0.001,  # lr_teacher
        "start.teacher.momentum": 0.0,
        "start.teacher.weight_decay": 0.0,
        "start.teacher.batch": 256,
        **within("start.teacher.augment", siamese(together=True)),
        **within("schedule", course(300, 0.01, momentum(0.9))),  # ours, as its students have a protocol of their own
        **within("optimizer", sgd(1.0, 0.0)),  # nothing is stepped
        "steps": 0,
    }  # fmt: skip


ONE_STEP_AHEAD = {"objective.part": "objective/one-step-ahead", "objective.learning_rate": 0.01}  # inner_lr
RIDGE_HEAD = {
    "objective.part": "objective/ridge-head",
    "objective.ridge": 1.0,  # l2_regularizer_lambda
    "objective.rate": 0.01,
    **within("objective.scale_optimizer", adam(0.01)),  # adj_opt
}
LABEL_CONFIGS = {
    **{
        (data, base // 10, False): (data, base, inner_batch, epochs)
        for data in ("mnist", "cifar10")
        for base, inner_batch, epochs in (
            (10, 10, 400), (20, 10, 400), (50, 25, 400), (100, 50, 400), (200, 50, 800), (500, 50, 800),
        )
    },
    ("cifar100", 1, False): ("cifar100", 100, 100, 800),
}  # fmt: skip
"""ld_BASEbe_BATCHib_..._EPOCHSe."""

KIP = {
    **COMMON, **UNUSED_RATES, **UNUSED_COURSE, **REAL,
    "objective.part": "objective/kernel-ridge",
    "objective.kernel.part": "kernel/neural-tangent",  # ARCHITECTURE FC, PARAMETERIZATION ntk
    "objective.kernel.depth": 1,  # DEPTH
    "objective.kernel.activation": "relu",
    "objective.kernel.weight": 2**0.5,  # W_std
    "objective.kernel.bias": 0.1,  # b_std
    "objective.ridge": 1e-6,  # reg
    "objective.per_class": 500,  # TARGET_BATCH_SIZE 5000
    "objective.most": 5000,
    # LEARNING_RATE 4e-2 of images divided by 62.99 and 62.09 of 255, which are divided by 51.59 and 50.85 here.
    **within("optimizer", adam(0.0489)),
    "steps": 300,  # train(300)
}  # fmt: skip


def _clusters(added: float, sharpness: float, linked: float, pull: float) -> Fields:
    inner = {
        "part": "inner-optimizer/adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
        "weight_decay": 5e-4,  # weight_decay
    }  # fmt: skip
    return {
        **COMMON, **UNUSED_RATES,
        "start.part": "start/clustered-nodes",
        "start.added": added,  # aug_ratio
        "start.sharpness": sharpness,  # tau
        "start.linked": linked,  # adj_T
        "start.pull": pull,  # alpha
        "start.considered": 1000,
        "objective": None,
        # epoch 1,000 and 1,200, lr
        **within("schedule", {**course(600, 0.01, inner), "binding": True}),
        **within("optimizer", sgd(1.0, 0.0)),
        "steps": 0,
    }  # fmt: skip


def _eigenbasis(
    ratio: float,
    steps: int,
    turns: tuple[int, int],
    weights: tuple[float, float, float],
    rates: tuple[float, float],
    scale: float = 22.0,
) -> Fields:
    inner = {
        "part": "inner-optimizer/adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
        "weight_decay": 5e-4,  # wd_gnn
    }  # fmt: skip
    return {
        **COMMON, **UNUSED_RATES,
        "start.part": "start/recognised",
        "start.teacher.part": "value/teacher",
        "start.teacher.network": "mlp-w256",  # hidden_dim
        # Its training is not that of the source.
        "start.teacher.epochs": 5, "start.teacher.learning_rate": 0.1, "start.teacher.momentum": 0.9,
        "start.teacher.weight_decay": 0.005, "start.teacher.batch": 256, "start.teacher.augment": None,
        "start.steps": 200,  # epoch
        "start.learning_rate": 0.005,  # lr_feat
        "start.weight_decay": 0.05,  # wd_feat
        "parameterization.part": "parameterization/eigenbasis",
        "parameterization.ratio": ratio,  # ratio
        "objective.part": "objective/eigenspaces",
        **within("objective", dict(zip(("spaces", "classes", "orthogonality"), weights, strict=True))),
        # lr_gnn
        **within("schedule", {**course(600, 0.01, inner), "binding": True}),
        "optimizer.part": "optimizer/alternating", "optimizer.group": "edges",
        "optimizer.first": turns[0], "optimizer.then": turns[1],  # e1, e2
        **within("optimizer.by_itself", adam(rates[1])),  # lr_eigenvec
        # lr_feat, of features that are multiplied
        **within("optimizer.others", {**adam(scale * rates[0]), "epsilon": 1e-8 / scale}),
        "steps": steps,  # epoch
    }  # fmt: skip


def _pooled(share: float, per_class: int, flip: bool, updates: int) -> Fields:
    inner = {
        "part": "inner-optimizer/adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    return {
        **COMMON, **UNUSED_RATES,
        "start.part": "start/smoothed-labels",
        "start.start.part": "start/real",
        "start.share": share,  # y_scale
        "parameterization.part": "parameterization/soft-targets",
        "parameterization.inner.part": "parameterization/pixels",
        "objective.part": "objective/pooled-ridge",
        "objective.per_class": per_class,  # batch_size 1024
        "objective.ridge": 1e-6,  # reg
        "objective.pool": 10,  # num_nn_state
        "objective.longest": 100,  # max_online_updates
        "objective.batch": 1000,  # eval_batch_size
        **within("objective.optimizer", adam(3e-4)),
        "objective.mirrored": flip,  # use_flip
        # num_online_eval_updates, in batches of 500
        **within("schedule", {**course(updates, 3e-4, inner, batch=500), "loss.part": "training-loss/squared-error"}),
        **within("optimizer", {
            "part": "optimizer/lamb", "learning_rate": 3e-4, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-6,
            "weight_decay": 0.0, "falls_over": 500_000, "floor": 0.1,  # alpha
        }),
        "steps": 500_000,  # num_train_steps
    }  # fmt: skip


def _implicit(classes: int, ipc: int, flip: bool) -> Fields:
    inner = {
        "part": "inner-optimizer/adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    return {
        **COMMON, **UNUSED_RATES, **REAL,
        "parameterization.part": "parameterization/soft-targets",  # learn_labels
        "parameterization.inner.part": "parameterization/pixels",
        "objective.part": "objective/tangent-ridge",
        "objective.per_class": 1024 // classes,  # batch_size 1024
        "objective.ridge": 5e-4,  # l2_rate
        "objective.steps": 20,  # n_inner_steps, n_hinv_steps
        "objective.most": 1.0,
        "objective.pool": 30,  # pool_model_count
        "objective.longest": 100,  # max_online_steps
        "objective.updates": 15,  # randint up to n_max_steps_pool 16, which it does not come to
        **within("objective.optimizer", adam(5e-5)),  # pool_learning_rate
        "objective.mirrored": flip,  # use_flip
        # num_online_eval_updates and eval_lr of eval.py, in batches of 256
        **within("schedule", {
            **course(1000 if classes * ipc == 10 else 2000, 1e-4, inner, batch=256),
            "loss.part": "training-loss/squared-error",
        }),
        **within("optimizer", {
            "part": "optimizer/ada-belief", "learning_rate": 3e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-16,
        }),  # proto_learning_rate
        "steps": 10_000,  # max_steps
    }  # fmt: skip


RFAD = {
    **COMMON, **UNUSED_RATES, **UNUSED_COURSE, **REAL,
    "objective.part": "objective/random-feature-ridge",
    "objective.per_class": 512,  # n_batches 4, of 1280
    "objective.networks": 8,  # n_models
    "objective.weight": 2.0,
    "objective.constant": 0.01,
    "objective.ridge": 5e-3,  # jit
    "objective.judged": 32,  # ours
    **within("objective.scale_optimizer", {
        "part": "optimizer/ada-belief", "learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-16,
    }),
    **within("optimizer", {
        "part": "optimizer/ada-belief", "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-16,
    }),
    "steps": 100_000,  # n_iters
}  # fmt: skip

TEACHER = {
    "part": "value/teacher", "network": "", "epochs": 5, "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0,
    "batch": 256, "augment": None,
}  # fmt: skip
"""Not the published one, of which the recipe says so."""
SRE2L = {
    **COMMON, **UNUSED_RATES, **UNUSED_COURSE, **NOISE,
    "parameterization.part": "parameterization/teacher-targets",
    "parameterization.inner.part": "parameterization/clipped-pixels",  # clip
    **within("parameterization.teacher", TEACHER),
    "parameterization.temperature": 1.0,
    "objective.part": "objective/inversion",
    **within("objective.teacher", TEACHER),
    "objective.statistics": 0.01,  # r-bn
    "objective.first": 10.0,  # first-bn-multiplier
    "objective.variation": 1e-4,  # tv-l2
    "objective.size": 1e-5,  # l2-scale
    "objective.batch": 100,  # batch-size
    **within("objective.augment", {
        "part": "augmentation/rolled-crops", "least": 0.08, "least_at_first": 0.0, "flip": True,
        "roll": 0.125,  # jitter 4, of 32 pixels
    }),
    "optimizer.part": "optimizer/cosine",
    **within("optimizer.inner", {**adam(0.25, 0.5), "beta2": 0.9}),  # lr
    "steps": 1_000,  # iteration
}  # fmt: skip


def sre2l_of_series(classes: int) -> Fields:
    """main.py of ShapeCond with --scond 0, as its scripts FacesUCR.sh and TwoPatterns.sh call it."""
    kept = {name: value for name, value in SRE2L.items() if not name.startswith(("objective.augment", "start"))}
    return {
        **kept,
        **REAL,
        "objective.augment": None,  # inputaug raw
        "objective.statistics": 0.01 / 0.99,
        "objective.variation": 0.0,
        "objective.size": 0.0,
        "objective.batch": classes,  # one series of each class at a time
        **within("optimizer.inner", {**adam(0.2, 0.5), "beta2": 0.9}),  # lr_r
        "objective.teacher.epochs": 100,  # ttrain_epochs
        "parameterization.teacher.epochs": 100,
        "steps": 2_000,  # re_epochs
    }


def in_turn(*operations: str, mixed: bool = False) -> Fields:
    """DiffAug of IDC: one operation after another; CutMix with mix_p 0.5."""
    parts = [siamese(False, each) for each in operations]
    if mixed:
        parts.append({"part": "augmentation/cut-mix", "chance": 0.5})
    return {"part": "augmentation/in-turn", "parts": parts}


def _idc(factor: int, rate: float, metric: str, n_data: int) -> Fields:
    """set_arguments; rate as it is in images of zero mean, in a round of steps class by class at momentum 0.5."""
    return {
        **{name: value for name, value in GRADIENT.items() if not name.startswith("objective.distance")}, **REAL,
        "parameterization.part": "parameterization/multiformation",
        "parameterization.factor": factor,
        "parameterization.rows": 0,  # as many along the height
        "objective.distance.part": "distance/filters",  # neither bias nor fc
        "objective.distance.inner.part": f"distance/{metric}",
        "objective.outer": 100,  # inner_loop
        "objective.inner": 50,  # says nothing, as networks are trained on real images
        "objective.per_class": 64,  # batch_real
        **within("objective.augment", in_turn("color", "crop", "cutout")),  # aug_type
        **within("objective.training", {
            "part": "value/real-training",
            "steps": -(-n_data // 64),
            "batch": 64,  # batch_size
            **within("optimizer", sgd(0.01, 0.9, 5e-4)),
            **within("augment", in_turn("color", "crop", mixed=True)),  # mixup_net cut: without cutout
        }),
        **within("optimizer", sgd(rate, 0.0)),
        "steps": 2000 * 100,  # niter
    }  # fmt: skip


def _idc_runs(factor: int) -> dict[Key, Fields]:
    # lr_img 5e-3 for mse and 1e-4 for l1, twice for the momentum, by 1 / 0.2^2, 1 / 0.3081^2 and 1 / 0.353^2 for the
    # units of images, and by (28 / 32)^2 of Fashion-MNIST for size.
    runs = (
        ("cifar10", (0.025, 0.25, 1.25), "squared-error", 2000),
        ("svhn", (0.025, 0.25, 1.25), "squared-error", 500),
        ("mnist", (0.000211, 0.002107, 0.010535), "absolute-error", 500),
        ("fashion_mnist", (0.000123, 0.001229, 0.006144), "absolute-error", 500),
    )
    return {
        (data, ipc, False): _idc(factor, rate, metric, n_data)
        for data, rates, metric, n_data in runs
        for ipc, rate in zip((1, 10, 50), rates, strict=True)
    }


FREQUENCY = {"parameterization.part": "parameterization/frequency"}
TALLER = 4096
"""What rates are divided by: (2 x 32)^2, as the transform of FreD has no norm."""


def _fred_dc(ipc: int) -> Fields:
    outer, inner = {2: (1, 1), 11: (10, 50), 51: (50, 10)}[ipc]  # get_loops
    return {
        **GRADIENT, **REAL, **FREQUENCY,
        "parameterization.kept": 32,  # msz_per_channel
        "objective.augment": None,  # dsa_strategy None
        **ON_THE_SET,
        "objective.outer": outer,
        "objective.inner": inner,
        **within("optimizer", sgd(1e3 / TALLER, 0.5)),  # lr_freq, mom_freq
        "steps": 1000 * outer,  # Iteration
    }  # fmt: skip


FRED_DM = {**DM, **FREQUENCY, "parameterization.kept": 64, **within("optimizer", sgd(1e6 / TALLER, 0.5))}


def _fred_mtt(syn_steps: int, max_start_epoch: int, lr_lr: float, lr_teacher: float) -> Fields:
    return {
        **MTT, **FREQUENCY,
        "parameterization.kept": 64,
        **_command(syn_steps, 2, max_start_epoch, lr_img=1e8 / TALLER, lr_lr=lr_lr, lr_teacher=lr_teacher),
        "steps": 15_000,
    }  # fmt: skip


def _haba(ipc: int, syn_steps: int, max_start_epoch: int, lr_lr: float, lr_teacher: float) -> Fields:
    """n_style 5, lr_img and lr_style 100, all images a step, each by one style."""
    followed = {
        **MTT,
        **_command(syn_steps, 2, max_start_epoch, lr_img=100, lr_lr=lr_lr, lr_teacher=lr_teacher),
        **within("schedule.around", course(syn_steps, lr_teacher, momentum(0.0), per_class=ipc)),
        **within("optimizer", sgd(100.0, 0.95)),
        **within("schedule_optimizer", sgd(lr_lr, 0.9)),
    }
    return {
        **{name.replace("objective.", "objective.around."): value for name, value in followed.items()},
        "parameterization.part": "parameterization/hallucinators",
        "parameterization.count": 5,  # n_style
        "parameterization.kernel": 3,  # kernel_size
        "parameterization.channels": 0,  # not single_channel
        "objective.part": "objective/adversarial-contrast",
        "objective.weight": 0.1,  # lambda_club_content
        "objective.naming": 1.0,  # lambda_cls_content
        "objective.likeness": 0.1,  # lambda_likeli_content
        "objective.contrast": 0.1,  # lambda_contrast_content
        "objective.temperature": 0.07,
        **within("objective.optimizer", sgd(0.001, 0.9)),
        **within("objective.augment", siamese(together=True)),
        "steps": 15_000,  # Iteration
    }


def _lors(max_start_epoch: int, lr_img: float, mini_batch_size: int, lr_sim: float, rank: int, alpha: float) -> Fields:
    """Of what its commands have in common: expert_epochs 1, syn_steps 8, lr_txt as lr_img, momentum 0.5."""
    return {
        **{name: value for name, value in COMMON.items() if name != "target_optimizer"}, **REAL,
        "parameterization.part": "parameterization/likeness-targets",
        "parameterization.inner.part": "parameterization/pixels",
        "parameterization.rank": rank,  # sim_rank
        "parameterization.scale": alpha,
        "objective.part": "objective/branch-trajectory",
        **within("objective.around", {
            "part": "objective/trajectory",
            **within("experts", {
                "part": "value/experts",
                "count": 20,  # num_experts
                "epochs": 10,  # train_epochs
                "learning_rate": 0.1,  # lr_teacher_img, lr_teacher_txt
                "momentum": 0.0,
                "weight_decay": 0.0,
                "batch": 128,
                "augment": None,
                "imported": "",
            }),
            "reach": 1,
            "earliest": 0,
            "latest": max_start_epoch,
            "latest_at_first": 1,
            "grow_over": 0,
            "augment": None,
            "alone": True,
        }),
        "schedule.part": "schedule/unconstrained-rates",
        **within("schedule.around", course(8, 0.1, momentum(0.0), batch=mini_batch_size)),
        "schedule.around.loss.part": "training-loss/likeness",  # WBCE
        "schedule.shared": True,
        **within("optimizer", sgd(lr_img, 0.5)),
        **within("target_optimizer", sgd(lr_sim, 0.5)),
        **within("schedule_optimizer", sgd(1e-2, 0.5)),  # lr_lr
        "steps": 3000,  # Iteration
    }  # fmt: skip


def _covmatch(rho: float, weight: float) -> Fields:
    """Its paper's table of settings; of networks that are stepped by one real batch."""
    return {
        **COMMON, **UNUSED_RATES, **UNUSED_COURSE, **REAL,
        "objective.part": "objective/cross-covariance",
        "objective.scale": rho,
        "objective.weight": weight,
        "objective.per_class": 256,
        "objective.augment": None,
        "objective.renewed": 50,
        **within("objective.training", {
            "part": "value/real-training",
            "steps": 1,
            "batch": 128,
            **within("optimizer", sgd(0.01, 0.9, 5e-4)),
            "augment": None,
        }),
        **within("optimizer", sgd(1.0, 0.5)),
        "steps": 10_000,
    }  # fmt: skip


RTP = {
    **BPTT,
    "start.part": "start/xavier",
    "parameterization.part": "parameterization/bases",
    "parameterization.count": 16,  # n_basis
    "parameterization.factor": 2,  # ds_scale
    **within("schedule", course(150, 0.01, momentum(0.9), per_class=32)),  # minibatch_size
}  # fmt: skip


def _field(layer_size: int) -> Fields:
    return {
        "parameterization.part": "parameterization/field",
        "parameterization.fit_steps": 5000,  # epochs_init
        "parameterization.fit_rate": 5e-4,  # lr_nf_init
        "parameterization.width": layer_size,
        "parameterization.layers": 2,
        "parameterization.first_frequency": 30.0,  # w0_initial
        "parameterization.frequency": 10.0,  # w0
    }


def _ddif(layer_size: int, max_start_epoch: int) -> Fields:
    followed = _command(60, 2, max_start_epoch, lr_img=1, lr_lr=1e-5, lr_teacher=0.01)
    return {
        **MTT, **_field(layer_size),
        **{name: value for name, value in followed.items() if not name.startswith("optimizer.")},
        **within("optimizer", adam(1e-4)),  # lr_nf
        "steps": 15_000,
    }  # fmt: skip


def _ddif_dm(layer_size: int) -> Fields:
    plain = {name: value for name, value in DM.items() if not name.startswith("optimizer.")}
    return {**plain, **_field(layer_size), **within("optimizer", adam(5e-5))}  # lr_nf


DDIF_SIZES = {
    ("cifar10", 1, False): (6, 10),
    ("cifar10", 10, False): (6, 10),
    ("cifar10", 50, False): (20, 40),
    ("cifar100", 1, False): (10, 40),
    ("cifar100", 10, False): (15, 40),
    ("cifar100", 50, False): (30, 40),
}
"""LAYER_SIZE and MAX_START_EPOCH."""


def _autopalette(
    steps: int, syn_steps: int, first: int, last: int, grown: int, lr_img: float, lr_y: float, lr_lr: float
) -> Fields:
    return {
        **_datm(last, lr_img, lr_y, lr_lr, first, grown),
        **_command(syn_steps, 2, last, lr_img=lr_img, lr_lr=lr_lr, lr_teacher=0.01, batch_syn=400),
        "parameterization.inner.part": "parameterization/palette",
        "parameterization.inner.colours": 64,
        "steps": steps,
    }


SOURCES: dict[str, dict[Key, Fields]] = {
    "dm": {
        **{("cifar10", ipc, False): DM for ipc in (1, 10, 50)},
        **{("cifar100", ipc, False): DM for ipc in (1, 10, 50, 100, 125)},
        **{("cifar10", ipc, False): {**DM, "optimizer.learning_rate": 10.0} for ipc in (100, 200, 500, 1000, 1250)},
    },
    "dc": {
        (data, ipc, False): {**GRADIENT, **NOISE, "objective.augment": None, **_loops(ipc)}
        for data in GRADIENT_DATA
        for ipc in LOOPS
    },
    "dsa": {
        (data, ipc, False): {**GRADIENT, **REAL, **within("objective.augment", siamese(False)), **_loops(ipc)}
        for data in GRADIENT_DATA
        for ipc in LOOPS
    },
    "cafe": {("cifar10", ipc, False): CAFE for ipc in (1, 10, 50)},
    "idm": {
        ("cifar10", 1, False): {**IDM, **IDM_FIRST},
        ("cifar10", 10, False): IDM,
        ("cifar10", 50, False): {**IDM, "objective.weight": 10.0},
        ("cifar100", 1, False): {**IDM, **IDM_FIRST},
        ("cifar100", 10, False): {**IDM, "objective.weight": 10.0, "objective.steps": 50},
        ("cifar100", 50, False): {**IDM, "objective.weight": 10.0},
        ("tiny_imagenet", 1, False): IDM,
        ("tiny_imagenet", 10, False): IDM,
        ("tiny_imagenet", 50, False): {**IDM, "objective.weight": 80.0, "objective.steps": 50},
    },
    "mtt": {key: {**MTT, **command} for key, command in MTT_COMMANDS.items()},
    "tesla": {key: {**TESLA, **command} for key, command in TESLA_COMMANDS.items()},
    "datm": {
        ("cifar10", 1, True): _datm(4, 100, 5.0, 1e-7, 1, 0),  # Sequential_Generation False
        ("cifar10", 10, True): _datm(20, 100, 2.0, 1e-5),
        ("cifar10", 50, True): _datm(40, 1000, 2.0, 1e-5, 20, 2000),
    },
    "dd": {("mnist", 10, False): _dd(60_000, 0.02), ("cifar10", 10, False): _dd(50_000, 0.001)},
    "soft-label-dd": {("mnist", 1, False): SOFT_LABELS},
    "label": {key: _labels(*config, ONE_STEP_AHEAD) for key, config in LABEL_CONFIGS.items()},
    "label-ridge": {key: _labels(*config, RIDGE_HEAD) for key, config in LABEL_CONFIGS.items()},
    "frepo": {
        **{
            (data, ipc, False): _pooled(0.0, 102, False, 1000)
            for data in ("mnist", "fashion_mnist")
            for ipc in (1, 10, 50)
        },
        **{("cifar10", ipc, True): _pooled(0.0, 102, True, 1000) for ipc in (1, 10, 50)},
        # One less what 1 / sqrt(classes / 10) is of a label's distance from the centre.
        ("cifar100", 1, True): _pooled(0.6838, 10, True, 1000),
        ("cifar100", 10, True): _pooled(0.6838, 10, False, 2000),
        ("cifar100", 50, True): _pooled(0.6838, 10, False, 5000),
        ("tiny_imagenet", 1, True): _pooled(0.7764, 5, True, 1000),
        ("tiny_imagenet", 10, True): _pooled(0.7764, 5, False, 5000),
    },
    "rfad": {("cifar10", ipc, True): RFAD for ipc in (1, 10, 50)},
    "rcig": {
        **{(data, ipc, False): _implicit(10, ipc, False) for data in ("mnist", "fashion_mnist") for ipc in (1, 10, 50)},
        **{("cifar10", ipc, True): _implicit(10, ipc, True) for ipc in (1, 10, 50)},
        **{("cifar100", ipc, True): _implicit(100, ipc, ipc < 50) for ipc in (1, 10, 50)},
        **{("tiny_imagenet", ipc, True): _implicit(200, ipc, ipc < 10) for ipc in (1, 10)},
    },
    "random-soft": {("cifar10", ipc, True): _taught(age) for ipc, age in {1: 20, 10: 44, 50: 128, 100: 164}.items()},
    "bptt": {("cifar10", 1, False): BPTT},
    "rat-bptt": {("cifar10", 10, True): RAT_BPTT},
    "kip": {("cifar10", 10, False): KIP},
    "sre2l": {
        ("cifar100", 50, False): SRE2L,
        **{("facesucr", ipc, False): sre2l_of_series(14) for ipc in (1, 5, 10)},
        **{("twopatterns", ipc, False): sre2l_of_series(4) for ipc in (1, 5, 10)},
    },
    "idc": _idc_runs(2),
    "idc-i": _idc_runs(1),
    "fred-dc": {("cifar10", ipc, False): _fred_dc(ipc) for ipc in (2, 11, 51)},
    "fred-dm": {("cifar10", 2, False): FRED_DM},
    "fred-mtt": {
        ("cifar10", 1, False): _fred_mtt(50, 5, 1e-7, 0.01),
        ("cifar10", 10, False): _fred_mtt(40, 15, 1e-5, 0.01),
        ("cifar10", 50, False): _fred_mtt(30, 40, 1e-5, 0.001),
        ("cifar100", 1, False): _fred_mtt(50, 15, 1e-5, 0.01),
        ("cifar100", 10, False): _fred_mtt(20, 40, 1e-5, 0.01),
        ("cifar100", 50, False): _fred_mtt(80, 40, 1e-5, 0.01),
    },
    "rtp": {("cifar10", 1, False): RTP},
    "haba": {
        ("cifar10", 2, True): _haba(1, 50, 2, 1e-7, 0.01),
        ("cifar10", 11, True): _haba(10, 30, 20, 1e-5, 0.001),
        ("cifar10", 51, True): _haba(50, 30, 20, 1e-5, 0.01),
    },
    "ddif": {key: _ddif(*size) for key, size in DDIF_SIZES.items()},
    "ddif-dm": {key: _ddif_dm(width) for key, (width, _) in DDIF_SIZES.items()},
    "cgc": {
        ("cora", 5, False): _clusters(0.5, 0.5, 0.8, 1.0),
        ("cora", 10, False): _clusters(0.5, 1.0, 0.8, 7.0),
        ("cora", 20, False): _clusters(0.3, 0.1, 0.9, 7.0),
        ("citeseer", 5, False): _clusters(0.6, 0.05, 0.8, 2.0),
        ("citeseer", 10, False): _clusters(0.1, 0.05, 0.8, 1.0),
        ("citeseer", 20, False): _clusters(0.5, 0.5, 0.75, 2.0),
    },
    "cgc-x": {
        ("cora", 5, False): _clusters(0.3, 0.7, 1.0, 1.0),
        ("cora", 10, False): _clusters(0.7, 10.0, 1.0, 1.0),
        ("cora", 20, False): _clusters(0.3, 0.7, 1.0, 1.0),
        ("citeseer", 5, False): _clusters(0.6, 0.1, 1.0, 1.0),
        ("citeseer", 10, False): _clusters(0.8, 0.1, 1.0, 1.0),
        ("citeseer", 20, False): _clusters(0.7, 10.0, 1.0, 1.0),
    },
    "gdem": {
        ("cora", 5, False): _eigenbasis(1.0, 1000, (15, 5), (1e-4, 1e-7, 0.01), (1e-4, 5e-4), 15.0),
        ("citeseer", 5, False): _eigenbasis(1.0, 500, (5, 1), (1.0, 1e-5, 1.0), (1e-4, 1e-2)),
        ("citeseer", 10, False): _eigenbasis(0.8, 1500, (10, 15), (0.05, 1e-5, 0.5), (5e-4, 5e-4)),
        ("citeseer", 20, False): _eigenbasis(0.95, 500, (1, 10), (1e-3, 1e-6, 0.1), (1e-3, 1e-4)),
    },
    "covmatch": {
        ("flickr30k", 100, False): _covmatch(2.0, 0.1),
        ("flickr30k", 200, False): _covmatch(1.0, 0.1),
        ("flickr30k", 500, False): _covmatch(1.0, 0.6),
    },
    "lors": {
        ("flickr30k", 100, False): _lors(2, 100.0, 20, 10.0, 10, 3.0),
        ("flickr30k", 200, False): _lors(2, 1000.0, 20, 10.0, 5, 1.0),
        ("flickr30k", 500, False): _lors(3, 1000.0, 40, 100.0, 20, 0.01),
    },
    "autopalette": {
        ("cifar10", 1, True): _autopalette(15_000, 80, 3, 15, 3000, 500, 3.0, 1e-7),
        ("cifar10", 10, True): _autopalette(20_000, 35, 5, 40, 2000, 1000, 2.0, 1e-5),
    },
}
"""By recipe, and by data, items per class and whether these were whitened: every field of the composition."""
