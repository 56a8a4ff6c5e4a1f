#!/bin/sh
# Every method on CIFAR-10 at IPC 10 with ConvNet width 32, from real images, in minutes on one core each.
#
#     sh benchmarks/cifar10_methods.sh FOLDER [METHOD...]
#
# LIMBECK_DATA names the folder that holds cifar10. For each method (all, where none is named): a set, its picture, how
# it was made (time and memory too) and its rows under the paper's protocol go to FOLDER. Called again, it goes on.
set -eu
out=$1
shift
export LIMBECK_RUNS="$out/runs" OMP_NUM_THREADS=1
mkdir -p "$out"
experts="--objective.experts.count 8 --objective.experts.epochs 10 --objective.latest 8"

options() { # the numbers that differ from the published ones, so that a run takes minutes
    case $1 in
        dm) echo --steps 1200 --optimizer.learning_rate 4 ;;
        idm) echo --steps 300 --optimizer.learning_rate 4 --objective.queue 10 --objective.steps 5 ;;
        cafe) echo --steps 300 --start real --optimizer.learning_rate 1 --objective.longest 10 ;;
        dc) echo --steps 350 --start real --optimizer.learning_rate 1 --objective.inner 10 ;;
        dsa) echo --steps 500 --optimizer.learning_rate 1 --objective.inner 10 ;;
        dd) echo --steps 350 --start real --objective.per_class 32 ;;
        bptt) echo --steps 300 --schedule.steps 20 --objective.per_class 32 --optimizer adam --optimizer.learning_rate 0.01 ;;
        rat-bptt) echo --steps 150 --start real --schedule.steps 100 --objective.window 20 --objective.per_class 32 --optimizer.learning_rate 0.01 ;;
        mtt | tesla)
            [ "$1" = mtt ] || echo --start.experts.count 8 --start.experts.epochs 10 --start.epoch 10
            echo --steps 220 --schedule.around.steps 20 --schedule_optimizer adam --schedule_optimizer.learning_rate 0.0001 "$experts"
            ;;
    esac
}

[ $# -gt 0 ] || set -- bptt dsa dm mtt dc idm cafe dd rat-bptt tesla
for method in "$@"; do
    set="$out/$method.safetensors"
    # shellcheck disable=SC2046 (the options are words)
    limbeck distill cifar10 --recipe "$method" --ipc 10 --network convnet-w32 $(options "$method") --out "$set" --json >"$out/$method.json"
    cp "$LIMBECK_RUNS/runs/$(sed -n 's/.*"run": "\([0-9a-f]*\)".*/\1/p' "$out/$method.json")/record.json" "$out/$method.record.json"
    limbeck evaluate "$set" --repeats 10 --baselines random,herding --workers 1 --json >"$out/$method.rows.json"
    limbeck show "$set" --out "$out/$method.png"
    echo "$method: done"
done
