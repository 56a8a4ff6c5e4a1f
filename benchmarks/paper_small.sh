#!/bin/sh
# The sets and the findings that benchmarks/paper_small.py reads: four methods on CIFAR-10 at IPC 10, ConvNet width 16.
#
#     sh benchmarks/paper_small.sh FOLDER [PROBE...]
#     python benchmarks/paper_small.py FOLDER/*.findings.json --out table.md
#
# LIMBECK_DATA names the folder that holds cifar10. The sets take half an hour of one core with the experts, the findings
# of all probes four to five hours of two. One file for each probe, so that what is done can be read; called again, it
# goes on.
set -eu
out=$1
shift
export LIMBECK_RUNS="$out/runs" OMP_NUM_THREADS=1
mkdir -p "$out"
experts="--objective.experts.count 8 --objective.experts.epochs 10 --objective.latest 8"

distil() {
    method=$1
    shift
    limbeck distill cifar10 --recipe "$method" --ipc 10 --network convnet-w16 "$@" --out "$out/$method.safetensors" --quiet
}

limbeck experts cifar10 --network convnet-w16 --count 8 --epochs 10 --quiet
distil bptt --steps 300 --schedule.steps 20 --objective.per_class 32 --optimizer adam --optimizer.learning_rate 0.01
distil dm --steps 1200 --optimizer.learning_rate 4
distil dc --steps 350 --start real --optimizer.learning_rate 1 --objective.inner 10 --objective.outer 10
# shellcheck disable=SC2086 (the options are words)
distil mtt --steps 300 --schedule.around.steps 20 --schedule_optimizer adam --schedule_optimizer.learning_rate 0.0001 $experts

options() { # what is less than thorough, so that an evening is enough
    case $1 in
        substitution | continuation) echo "--$1.repeats 5" ;;
        mixing) echo "--mixing.repeats 10 --mixing.added [0,2,10,50]" ;;
        curvature)
            echo "--curvature.repeats 3 --curvature.ends 3 --curvature.images 50 --curvature.relative 0.1"
            echo "--curvature.most 48 --curvature.iterations 40"
            ;;
        influence) echo "--influence.repeats 4 --influence.items 40" ;;
        semantics) echo "--semantics.items 40" ;;
    esac
}

[ $# -gt 0 ] || set -- learning-time landscape recognition mixing substitution agreement continuation curvature influence semantics
for probe in "$@"; do
    # shellcheck disable=SC2046 (the options are words)
    limbeck explain "$out/bptt.safetensors" "$out/dm.safetensors" "$out/dc.safetensors" "$out/mtt.safetensors" \
        --network convnet-w16 --probe "$probe" $(options "$probe") --yes --json >"$out/$probe.part"
    mv "$out/$probe.part" "$out/$probe.findings.json"
done
