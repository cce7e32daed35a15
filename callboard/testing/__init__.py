"""The test kit: virtual time, probes, systems whose runs repeat, and captured events.

```python
from callboard.testing import Probe, make_system, run_virtual


async def main() -> None:
    async with make_system() as system:
        probe: Probe[str] = Probe(system)
        system.spawn(Greeter, probe.ref).tell(Hello("Ada"))
        assert await probe.expect(str) == "Hello, Ada"


run_virtual(main(), seed=7)
```

With pytest, `@pytest.mark.callboard_virtual` on an async test does the same as `run_virtual`, and
says how to replay the run when it fails; docs/testing.md shows the rest.

The names are loaded when they are first used. pytest loads `callboard.testing.plugin` at each
start, also where nobody tests actors, and that must cost nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..transport.broker import (
        Broker,
        BrokerOptions,
        Delay,
        Disconnect,
        DropAnswer,
        DropRequest,
        ErrorCode,
        Fail,
        Fault,
        RequestInfo,
        Throttle,
    )
    from ._broker_thread import BrokerThread
    from ._capture import capture_events, dead_letters
    from ._effects import (
        Answered,
        Became,
        Piped,
        ReceiveTimeoutSet,
        Spawned,
        Stashed,
        Stopped,
        TimerCancelled,
        TimerStarted,
        Told,
        Unhandled,
        Unstashed,
        Watched,
    )
    from ._errors import VirtualDeadlock, VirtualTimeError, VirtualTimeLimit
    from ._kit import ActorKit
    from ._kit_port import kit_ref
    from ._loop import VirtualLoop, run_virtual
    from ._probe import Probe
    from ._system import make_system

__all__ = [
    "ActorKit",
    "Answered",
    "Became",
    "Broker",
    "BrokerOptions",
    "BrokerThread",
    "Delay",
    "Disconnect",
    "DropAnswer",
    "DropRequest",
    "ErrorCode",
    "Fail",
    "Fault",
    "Piped",
    "Probe",
    "ReceiveTimeoutSet",
    "RequestInfo",
    "Spawned",
    "Stashed",
    "Stopped",
    "Throttle",
    "TimerCancelled",
    "TimerStarted",
    "Told",
    "Unhandled",
    "Unstashed",
    "VirtualDeadlock",
    "VirtualLoop",
    "VirtualTimeError",
    "VirtualTimeLimit",
    "Watched",
    "capture_events",
    "dead_letters",
    "kit_ref",
    "make_system",
    "run_virtual",
]

_FILES = {
    "ActorKit": "._kit",
    "Answered": "._effects",
    "Became": "._effects",
    "Broker": "..transport.broker",
    "BrokerOptions": "..transport.broker",
    "BrokerThread": "._broker_thread",
    "Delay": "..transport.broker",
    "Disconnect": "..transport.broker",
    "DropAnswer": "..transport.broker",
    "DropRequest": "..transport.broker",
    "ErrorCode": "..transport.broker",
    "Fail": "..transport.broker",
    "Fault": "..transport.broker",
    "Piped": "._effects",
    "Probe": "._probe",
    "ReceiveTimeoutSet": "._effects",
    "RequestInfo": "..transport.broker",
    "Spawned": "._effects",
    "Stashed": "._effects",
    "Stopped": "._effects",
    "Throttle": "..transport.broker",
    "TimerCancelled": "._effects",
    "TimerStarted": "._effects",
    "Told": "._effects",
    "Unhandled": "._effects",
    "Unstashed": "._effects",
    "VirtualDeadlock": "._errors",
    "VirtualLoop": "._loop",
    "VirtualTimeError": "._errors",
    "VirtualTimeLimit": "._errors",
    "Watched": "._effects",
    "capture_events": "._capture",
    "dead_letters": "._capture",
    "kit_ref": "._kit_port",
    "make_system": "._system",
    "run_virtual": "._loop",
}


def __getattr__(name: str) -> Any:
    """Load a public name."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_FILES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
