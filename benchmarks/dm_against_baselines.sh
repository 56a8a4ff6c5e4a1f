#!/bin/sh
# Distribution matching beside real images: digits at IPC 1 and 10, and CIFAR-10 at IPC 10 where LIMBECK_DATA holds it.
#
#     sh benchmarks/dm_against_baselines.sh FOLDER
#
# Writes a set, a picture and the rows (JSON) of each to FOLDER, and prints how long each took.
set -eu
out=$1
export LIMBECK_RUNS="$out/runs"
mkdir -p "$out"

compare() { # name, data, ipc, network, steps, baselines
    begun=$(date +%s)
    limbeck distill "$2" --recipe dm --ipc "$3" --network "$4" --steps "$5" --out "$out/$1.safetensors" --json >"$out/$1.distill.json"
    distilled=$(date +%s)
    limbeck evaluate "$out/$1.safetensors" --repeats 10 --baselines "$6" --json >"$out/$1.rows.json"
    judged=$(date +%s)
    limbeck show "$out/$1.safetensors" --out "$out/$1.png"
    echo "$1: distilled in $((distilled - begun)) s, scored in $((judged - distilled)) s"
}

compare digits-ipc1 digits 1 convnet-w32 500 random,herding,kmeans,full
compare digits-ipc10 digits 10 convnet-w32 500 random,herding,kmeans,full
if [ -d "${LIMBECK_DATA:-}/cifar10" ]; then
    compare cifar10-ipc10 cifar10 10 convnet-w32 600 random
fi
