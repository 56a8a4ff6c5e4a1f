"""What this machine has and gives limbeck: an examination, a line for each thing, with what to do where it is wrong."""

from limbeck.machine.examination import examine as examine
from limbeck.machine.line import Line as Line
