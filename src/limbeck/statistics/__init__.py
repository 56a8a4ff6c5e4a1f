"""Numbers from measurements: intervals, tests, curves, rankings, agreement, neighbours. Knows nothing of training."""
