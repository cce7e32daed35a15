"""The pipeline with other people's frameworks; run by their interpreter, not by ours.

    python -m frameworks._faststream|_faust BOOTSTRAP MAILBOX STATES N

Each prints the seconds it took, and how many it has counted. FastStream's are with its start,
which is short; Faust, which takes seconds to start, has them counted from its first message on.
"""

__all__: list[str] = []
