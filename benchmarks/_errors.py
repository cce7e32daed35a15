"""What can go wrong before anything is measured."""

from callboard import CallboardError


class BenchmarkError(CallboardError):
    """A benchmark cannot be run as it was asked for."""


class UnknownChoice(BenchmarkError):  # noqa: N818 - named as the errors it derives from
    """There is no workload or subject of that name, or none of those chosen go together."""


class PeersNotMade(BenchmarkError):  # noqa: N818 - named as the errors it derives from
    """The peers' virtual environment could not be made."""
