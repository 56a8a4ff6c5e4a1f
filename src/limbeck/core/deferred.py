"""The one exception that means "somebody else does the work"."""


class Deferred(Exception):  # noqa: N818 (nothing is wrong)
    """The work was handed out; the message says what to do next."""
