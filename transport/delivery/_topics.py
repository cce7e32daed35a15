"""The names of a system's topics."""

import re

from ...actors import Entity

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")


def check_system_name(name: str) -> None:
    """Refuse a system name that cannot begin a topic's name.

    Raises:
        ValueError: Naming the characters allowed.
    """
    if not _NAME.match(name) or len(name) > 100:
        raise ValueError(
            f"system name {name!r} becomes part of topic names: use 1 to 100 letters, "
            f"digits, '_' or '-'"
        )


def mailbox_topic(system: str, kind: type[Entity]) -> str:
    """Where messages to entities of a kind are kept."""
    return f"{system}.{kind.kind()}"


def state_of(mailbox: str) -> str:
    """Return the name of the state topic that belongs to a mailbox, or to a consumer."""
    return f"{mailbox}.state"


def quarantine_of(mailbox: str) -> str:
    """Return the name of the quarantine that belongs to a mailbox, or to a consumer."""
    return f"{mailbox}.quarantine"


def state_topic(system: str, kind: type[Entity]) -> str:
    """Where the state of a kind's entities is kept, compacted by id."""
    return state_of(mailbox_topic(system, kind))


def quarantine_topic(system: str, kind: type[Entity]) -> str:
    """Where messages go that an entity failed on, and those behind them."""
    return quarantine_of(mailbox_topic(system, kind))


def nodes_topic(system: str) -> str:
    """Where answers to asks wait for the node that asked."""
    return f"{system}.nodes"


def members_topic(system: str) -> str:
    """Where nodes write their heartbeats."""
    return f"{system}.members"


def failures_topic(system: str) -> str:
    """Where failure events are published."""
    return f"{system}.failures"
