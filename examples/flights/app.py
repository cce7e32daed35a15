"""The worker node: `callboard run callboard.demo.app:worker`."""

import os

from callboard import ActorSystem, NotRunning

from ._entities import Aircraft, Airport

SYSTEM_VARIABLE = "CALLBOARD_DEMO_SYSTEM"


def worker() -> ActorSystem:
    """Return a node that runs aircraft and airports; transport and node come from the shell.

    Raises:
        NotRunning: The name of the run is not in the environment.
    """
    name = os.environ.get(SYSTEM_VARIABLE)
    if not name:
        raise NotRunning(
            f"{SYSTEM_VARIABLE} is not set; it names the run this worker belongs to. "
            "`callboard demo` sets it for the workers it starts"
        )
    return ActorSystem(name, entities=[Aircraft, Airport])
