"""The one exception that means "somebody else does the work"."""


class Deferred(Exception):
    """The work was handed out; the message says what to do next."""
