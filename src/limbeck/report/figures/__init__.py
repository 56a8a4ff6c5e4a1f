"""Charts of findings: for each probe a function from its findings of several sets to figures."""
