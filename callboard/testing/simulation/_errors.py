"""How a run can fail."""


class InvariantViolated(AssertionError):  # noqa: N818 the sentence says it
    """Something that must always hold did not; the message says what, and when."""


class HostFailed(AssertionError):  # noqa: N818 the sentence says it
    """A host's main coroutine ended with an error nobody expected."""
