"""The simulator's own scenarios: `callboard simulate NAME`.

    _bank      money is conserved, an acknowledged transfer is applied once; `vault` is
               the same in exactly-once mode
    _chat      what each guest says is heard in order, once
    _flights   aircraft and airports, as in the demo: the totals come out right
    _orders    consumers of all sorts: what `docs/consumers.md` promises; `_orders_log` is what
               their topics hold, `_orders_watch` looks on when functions are called
    _poison    a message nobody survives stops its own key and no other
    _troupe    actors of three nodes talk, watch each other, and share one prompter
    _common    what they share: nodes, clients, patience at the end

Each but the troupe ends by killing all nodes: what counts is what the log has.
"""

from ._bank import bank, vault
from ._chat import chat
from ._flights import flights
from ._orders import orders
from ._poison import poison
from ._troupe import troupe

SCENARIOS = {each.__name__: each for each in (bank, chat, flights, orders, poison, troupe, vault)}
"""By name."""

__all__ = ["SCENARIOS", "bank", "chat", "flights", "orders", "poison", "troupe", "vault"]
