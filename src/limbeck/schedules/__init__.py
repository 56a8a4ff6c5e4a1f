"""How a synthetic set is meant to be trained on, stated or learned with it."""

from limbeck.core.contracts import AbstractSchedule
from limbeck.core.family import Family
from limbeck.schedules.attention_labels import AttentionLabels as AttentionLabels
from limbeck.schedules.fixed import Fixed as Fixed
from limbeck.schedules.learned import LearnedRates as LearnedRates
from limbeck.schedules.learned import UnconstrainedRates as UnconstrainedRates

SCHEDULES = Family("schedule", AbstractSchedule, Fixed, LearnedRates, UnconstrainedRates, AttentionLabels)
