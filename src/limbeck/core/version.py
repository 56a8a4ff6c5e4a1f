"""The version of limbeck, and that of its algorithms."""

VERSION = "0.1.0"

ALGORITHM = 8
"""Part of every address. Raise it when the numbers of any algorithm change, or what a run keeps of itself: then nothing
old is taken for new."""
