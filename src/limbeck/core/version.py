"""The version of limbeck."""

VERSION = "0.1.0"
