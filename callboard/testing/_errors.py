"""What ends a run in virtual time that would never end by itself."""


class VirtualTimeError(RuntimeError):
    """A run in virtual time cannot go on; the sentence names the tasks that are left, and where.

    It is raised by `run_virtual`, not in one of the tasks, so no `except` of theirs hides it. The
    tasks are cancelled afterwards, as `asyncio.run` does.
    """


class VirtualDeadlock(VirtualTimeError):  # noqa: N818 - the name says the fact, as all errors here do
    """Nothing can happen any more: every task waits, and no timer is left to end a wait.

    Your code's fault, or the test's. Real input and output would end such waits too, and there is
    none in virtual time.
    """


class VirtualTimeLimit(VirtualTimeError):  # noqa: N818 - as above
    """The next timer lies beyond the limit of virtual time.

    Typical of a program that hangs while a heartbeat of it goes on. If the test means to cover such
    a span, give `run_virtual` a larger `limit`.
    """
