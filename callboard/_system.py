"""The composition root: the actor core with supervision and a transport."""

import os
from typing import Self

from ._logging import configure_if_nobody_has
from .actors import ActorSystem as CoreSystem
from .actors import MessagePolicy, SupervisionStrategy, Transport
from .supervision import OneForOne, RetryPolicy

_DEFAULT_TRANSPORT = "memory://"
_VARIABLE = "CALLBOARD_TRANSPORT"


class ActorSystem(CoreSystem):
    __doc__ = CoreSystem.__doc__

    _supervision: SupervisionStrategy = OneForOne()
    _policy: MessagePolicy = RetryPolicy()

    async def __aenter__(self) -> Self:
        configure_if_nobody_has()
        return await super().__aenter__()

    def default_supervision(self) -> SupervisionStrategy | None:
        """Return the strategy of top-level actors and of supervisors that name none.

        It is `OneForOne()`: restart with backoff, at most 3 times in 5 seconds, then escalate.
        """
        return self._supervision

    def _create_transport(self) -> Transport:
        # Here, and not above: a system without entities loads neither aiokafka nor protobuf.
        from .transport import create_transport  # noqa: PLC0415 - see above

        url = self.transport_url or os.environ.get(_VARIABLE) or _DEFAULT_TRANSPORT
        hosts = None if self.entities is None else list(self.entities)
        return create_transport(
            self,
            url,
            hosts=hosts,
            policy=self._policy,
            options=self.delivery,
            security=self.security,
        )
