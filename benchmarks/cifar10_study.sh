#!/bin/sh
# A study of CIFAR-10 at IPC 10 by four methods, with ConvNet width 16 and fewer learners than `quick` has, so that it
# takes about an hour and a half on two cores.
#
#     sh benchmarks/cifar10_study.sh FOLDER
#
# LIMBECK_DATA names the folder that holds cifar10. Ends with the path of the page; called again, it goes on.
set -eu
out=$1
export LIMBECK_RUNS="$out/runs"

limbeck study cifar10 --recipes dm,dsa,mtt,bptt --ipc 10 --network convnet-w16 --repeats 5 --baselines random,herding,full \
    --set dm.steps=500 --set dm.optimizer.learning_rate=4 \
    --set dsa.steps=120 --set dsa.optimizer.learning_rate=1 --set dsa.objective.inner=10 \
    --set mtt.steps=100 --set mtt.schedule.around.steps=20 --set mtt.schedule_optimizer=adam --set mtt.schedule_optimizer.learning_rate=0.01 \
    --set mtt.objective.experts.count=4 --set mtt.objective.experts.epochs=8 --set mtt.objective.latest=6 \
    --set bptt.steps=120 --set bptt.schedule.steps=20 --set bptt.objective.per_class=32 --set bptt.optimizer=adam \
    --set bptt.optimizer.learning_rate=0.01 \
    --effort quick --influence.items 20 --influence.repeated 10 --influence.added 10 --influence.baseline 10 \
    --semantics.items 20 --mixing.added '[0,2,10]' --mixing.repeats 2 --substitution.sizes '[1,2,5,10,12,20,40]' \
    --substitution.repeats 2 --agreement.subsets 9 --agreement.courses 3 --cross-architecture.draws 2 \
    --cross-architecture.repeats 2 --continuation.repeats 2 --out "$out/cifar10"
