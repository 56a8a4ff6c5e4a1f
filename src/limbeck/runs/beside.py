"""One distillation by several processes: what may be shared, and what all but the first do."""

from __future__ import annotations

from limbeck import distillation
from limbeck.core import ranks
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.torchrun import check_place
from limbeck.objectives import OBJECTIVES
from limbeck.runs.needs import complete_needs
from limbeck.runs.plan import Plan, distillation_of
from limbeck.runs.session import Session
from limbeck.state import State, Unkept


def check_shares(plan: Plan, session: Session) -> None:
    """InputError where several processes would each do all of a plan; what they share is told. Nothing for one."""
    if ranks.processes() == 1:
        return
    check_place(session.device)
    objective = plan.recipe.objective
    if objective is None or not plan.recipe.steps:
        raise InputError(
            f"{ranks.processes()} processes for a recipe that only selects: expected one; leave torchrun out"
        )
    if not objective.shared:
        others = ", ".join(sorted(part_name(part) for part in OBJECTIVES.parts.values() if part.shared))
        raise InputError(
            f"{ranks.processes()} processes for objective {part_name(type(objective))}: expected one, as nothing of it "
            f"can be shared among them; leave torchrun out, or choose any of {others}"
        )
    session.progress.notes([f"{ranks.processes()} processes share {objective.shared}; all else each of them does"])


def help_with(plan: Plan, session: Session) -> None:
    """Do this process's share of the steps of a run that the first process keeps; nothing where it calls for none."""

    def unseen(state: State) -> None:
        return

    with ranks.together(session.store.at(plan.spec_on(session.device)).id) as called:
        if called:
            # The first has computed them: they are found where the store is one that all see.
            complete_needs(session, plan.task, plan.network, plan.recipe)
            distillation.distill(distillation_of(plan, session), Unkept(), unseen)
