"""The pipeline with other people's frameworks; run by their interpreter, not by ours.

    python -m frameworks._faststream|_faust BOOTSTRAP MAILBOX STATES N

Each prints the seconds from its first message to its last, and how many it has counted.
"""

__all__: list[str] = []
