#!/bin/sh
# Published runs of dm, dc and dsa on CIFAR-10 at full width, each judged by its own protocol with five networks.
#
#     sh benchmarks/published_runs.sh FOLDER [RECIPE:IPC:STEPS...]
#
# By default those of benchmarks/results/published-runs.md: dc and dsa whole, dm cut short. LIMBECK_DATA names the
# folder that holds cifar10_exact. Side by side on one NVIDIA H200 each took 5 to 7 minutes; on one core of a processor a
# step of dm takes about 3.5 s. Called again, it goes on.
set -eu
out=$1
shift
export LIMBECK_RUNS="$out/runs"
mkdir -p "$out"
[ $# -gt 0 ] || set -- dc:1:1000 dsa:1:1000 dm:1:4000 dm:10:4000
for run in "$@"; do
    recipe=${run%%:*} steps=${run##*:} ipc=${run#*:}
    ipc=${ipc%:*}
    set="$out/$recipe-ipc$ipc.safetensors"
    limbeck distill cifar10_exact --recipe "$recipe" --ipc "$ipc" --network convnet-w128 --steps "$steps" --checks 5 --yes --out "$set"
    limbeck evaluate "$set" --protocol "$recipe" --repeats 5 --baselines random --yes --json >"$out/$recipe-ipc$ipc.rows.json"
    limbeck show "$set" --out "$out/$recipe-ipc$ipc.png"
done
limbeck report "$out"/*.safetensors --out "$out/page.html"
