"""A study as one page: pictures, verdicts, charts and their numbers, in a file that needs nothing else."""

from limbeck.report.material import Material as Material
from limbeck.report.material import rows_needed as rows_needed
from limbeck.report.page import page as page
