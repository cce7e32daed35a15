"""The simulator's own scenarios: `callboard simulate NAME`.

    _bank      money is conserved, an acknowledged transfer is applied once; `vault` is
               the same in exactly-once mode
    _chat      what each guest says is heard in order, once
    _flights   aircraft and airports, as in the demo: the totals come out right
    _poison    a message nobody survives stops its own key and no other
    _common    what they share: nodes, clients, patience at the end

Each ends by killing all nodes: what counts is what the log has.
"""

from ._bank import bank, vault
from ._chat import chat
from ._flights import flights
from ._poison import poison

SCENARIOS = {each.__name__: each for each in (bank, chat, flights, poison, vault)}
"""By name."""

__all__ = ["SCENARIOS", "bank", "chat", "flights", "poison", "vault"]
