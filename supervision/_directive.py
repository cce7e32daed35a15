"""What a supervisor may do with a failed child."""

from enum import Enum


class Directive(Enum):
    """The four answers to a failure."""

    RESTART = "restart"  # a new instance, the same ref and mailbox
    RESUME = "resume"  # the same instance goes on with the next message
    STOP = "stop"  # the child ends
    ESCALATE = "escalate"  # the supervisor fails in its turn
