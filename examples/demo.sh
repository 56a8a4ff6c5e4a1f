#!/bin/sh
# A study of scikit-learn's digits: distil them by four methods, score and explain the sets, and make a page of it.
# Everything is small (a narrow network, few steps, two images a class, few learners for some probes), so that it
# takes minutes; the scores are those of small sets. Uses the `limbeck` on the path; writes to ./demo, or to the folder
# given. Run again, it finds what it computed before.
set -eu
out=${1:-demo}
export LIMBECK_RUNS="$out/runs"

# No recipe is named: what was measured to be best for a few seconds of work is taken, and said.
mkdir -p "$out"
limbeck distill digits --ipc 2 --network convnet-w8-d2 --minutes 0.1 --checks 0 --out "$out/chosen.safetensors"
limbeck evaluate "$out/chosen.safetensors" --baselines random

# mtt follows experts of the data, four of ten epochs, of which two are ten steps: so many has its student. Its learning
# rates, and bptt's, suit images of 8 x 8 pixels.
limbeck study digits --recipes dm,dsa,mtt,bptt --ipc 2 --network convnet-w8-d2 --steps 60 --checks 2 --repeats 3 \
    --set mtt.objective.experts.count=4 --set mtt.objective.experts.epochs=10 --set mtt.objective.latest=5 \
    --set mtt.steps=40 --set mtt.schedule.around.steps=10 --set mtt.optimizer.learning_rate=100 \
    --set mtt.schedule_optimizer.learning_rate=1e-6 --set bptt.schedule.steps=30 --set bptt.optimizer.learning_rate=1 \
    --effort quick --probe substitution,mixing,learning-time,influence,semantics --mixing.added '[0,2,10]' \
    --substitution.sizes '[1,2,4,8,16]' --influence.added 6 --out "$out"
