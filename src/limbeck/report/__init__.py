"""A study as one page: pictures, verdicts, charts and their numbers, in a file that needs nothing else."""

from limbeck.report.data import ReportData as ReportData
from limbeck.report.data import rows_needed as rows_needed
from limbeck.report.data import training_rows_needed as training_rows_needed
from limbeck.report.page import page as page
