"""The node with the entities: `callboard run air:system`."""

from callboard import ActorSystem
from callboard.demo import Aircraft, Airport

system = ActorSystem("air", entities=[Aircraft, Airport])
