"""What a bridge knows of what came before: which messages the log has."""

from collections import OrderedDict, deque
from collections.abc import Callable

from ..delivery import Inbound
from ._intake import Intake
from ._receipts import ids_in, is_receipt

_FIRST_WINDOW = 4_000
"""Records of the intake that are read at first; twice as many then, until enough ids are known."""


class Known:
    """The ids of the messages that were written last, and where the log says so.

    Args:
        most: How many; the oldest go first.

    Example:
        >>> known = Known(most=2)
        >>> [known.is_new(each) for each in ("a", "b", "a")]
        [True, True, False]
        >>> known.stands(10, 2)
        >>> known.needed_from
        10
        >>> known.is_new("c"), known.is_new("a")  # forgotten, as the oldest
        (True, True)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._places: deque[tuple[int, int]] = deque()
        self._placed = 0

    def is_new(self, message_id: str) -> bool:
        """Tell whether an id has not been met, and remember it; no id is always new."""
        if not message_id:
            return True
        if message_id in self._ids:
            return False
        self._ids[message_id] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)
        return True

    def knows(self, message_id: str) -> bool:
        """Tell whether an id has been met, and remember nothing."""
        return message_id in self._ids

    def stands(self, offset: int, count: int) -> None:
        """Take note that a record of the intake has so many ids; each stands behind the last."""
        if not count:
            return
        self._places.append((offset, count))
        self._placed += count
        while self._placed - self._places[0][1] >= self._most:
            self._placed -= self._places.popleft()[1]

    @property
    def needed_from(self) -> int | None:
        """The first record of the intake that has to stay there; None if none has."""
        return self._places[0][0] if self._places else None


async def recall(intake: Intake, remember: int, waits: Callable[[Inbound], None]) -> Known:
    """Read an intake backwards, as far as so many ids reach and messages may wait.

    Args:
        intake: The intake.
        remember: How many ids.
        waits: Is given each message that is not known to be handled; in no order.

    Raises:
        TransportError: No broker answers.
    """
    start, end, position = await intake.extent()
    windows: list[list[tuple[int, list[str]]]] = []
    found, until, size = 0, end, _FIRST_WINDOW
    while until > start and (found < remember or until > position):
        first = max(start, until - size)
        window: list[tuple[int, list[str]]] = []
        async for records in intake.read(first, until):
            for record in records:
                window.append((record.offset, ids_in(record.headers, record.value)))
                if record.offset >= position and not is_receipt(dict(record.headers)):
                    waits(record)
        found += sum(len(ids) for _, ids in window)
        windows.append(window)
        until, size = first, size * 2
    known = Known(remember)
    for window in reversed(windows):
        for offset, ids in window:
            known.stands(offset, sum([known.is_new(each) for each in ids]))
    return known
