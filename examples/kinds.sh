#!/bin/sh
# A page of each kind of data that is no picture: two small sets, scored beside real examples, examined and drawn.
# Data are looked for under LIMBECK_DATA, as the README says; a kind whose data are not there is left out, and told.
# Uses the `limbeck` on the path; writes FOLDER/KIND/report.html, by default below build/gallery. Everything is small, so
# that a page takes a minute or a few. Run again, it finds what it computed before.
set -eu
out=${1:-build/gallery}
export LIMBECK_RUNS="$out/runs"

# page KIND DATA RECIPES OPTION...: a study of some data.
page() {
    kind=$1 data=$2 recipes=$3
    shift 3
    if said=$(limbeck describe "$data" 2>&1 >/dev/null); then
        limbeck study "$data" --recipes "$recipes" --effort quick --probe substitution,mimicry --repeats 3 \
            --out "$out/$kind" --quiet "$@"
        echo "$kind: $out/$kind/report.html"
    else
        echo "$kind: left out: $said"
    fi
}

page graphs cora cgc,random --ipc 5 --network gcn --baselines herding,kcenter
page text trec6 dd-text,kmeans --ipc 1 --steps 100 --baselines random,herding
page series facesucr dm,kmeans --ipc 1 --network convnet1d-w16 --steps 100 --baselines random,herding
page forecasts etth1 hdt,random --ipc 28 --steps 20 --baselines random
page tables magic_telescope c2tc,tdcoler --ipc 10 --baselines random,kmeans
page sound fsdd dm,kmeans --ipc 1 --network convnet-w8 --steps 50 --baselines random,herding
page pairs emoji pds,random --ipc 50 --size 16 --network convnet-w8 --baselines herding,kcenter
