#!/bin/sh
# The pictures of docs/gallery.md: scikit-learn's digits, distilled by a few recipes with a narrow network and few steps.
# Uses the `limbeck` on the path; writes into docs/gallery, or into the folder given. Sets and runs are kept below build/.
set -eu
out=${1:-docs/gallery}
work=build/gallery
mkdir -p "$out" "$work"
export LIMBECK_RUNS="$work/runs"

# draw NAME OPTION...: distil two items of each class, and draw them.
draw() {
    name=$1
    shift
    limbeck distill digits --ipc 2 --checks 0 --quiet --out "$work/$name.safetensors" "$@"
    limbeck show "$work/$name.safetensors" --out "$out/$name.png"
}

draw random --recipe random --network convnet-w16-d2
draw kmeans --recipe kmeans --network convnet-w16-d2
draw dm --recipe dm --network convnet-w16-d2 --steps 300
draw dsa --recipe dsa --network convnet-w16-d2 --steps 60
draw kip --recipe kip --network mlp-w16 --steps 100
draw multiformation --recipe dm --parameterization multiformation --network convnet-w16-d2 --steps 300
