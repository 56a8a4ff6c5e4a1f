#!/bin/sh
# A study of scikit-learn's digits: distil them by three methods, score and explain the sets, and make a page of it.
# Everything is small (a narrow network, few steps, one image a class, few learners for some probes), so that it takes
# about a minute. Distribution matching (dm) wins at this size. The two others are far slower methods, cut short to a
# thousandth of their steps: their sets are worse than real images, which says nothing against the methods.
# Uses the `limbeck` on the path; writes to ./demo, or to the folder given. Run again, it finds what it computed before.
set -eu
out=${1:-demo}
export LIMBECK_RUNS="$out/runs"

# mtt follows experts of the data, four of ten epochs, of which two are ten steps: so many has its student. Its learning
# rates, and bptt's, suit images of 8 x 8 pixels.
limbeck study digits --recipes dm,mtt,bptt --ipc 1 --network convnet-w8-d2 --steps 200 --checks 2 --repeats 8 \
    --set mtt.objective.experts.count=4 --set mtt.objective.experts.epochs=10 --set mtt.objective.latest=5 \
    --set mtt.steps=40 --set mtt.schedule.around.steps=10 --set mtt.optimizer.learning_rate=100 \
    --set mtt.schedule_optimizer.learning_rate=1e-6 --set bptt.steps=60 --set bptt.schedule.steps=30 \
    --set bptt.optimizer.learning_rate=1 --effort quick --probe substitution,cross-architecture,mixing,learning-time,mimicry \
    --substitution.sizes '[1,2,4,8]' --cross-architecture.architectures '[mlp]' --cross-architecture.draws 2 \
    --mixing.added '[0,2]' --out "$out"
echo "Open it in a browser: file://$(cd "$out" && pwd)/report.html"
