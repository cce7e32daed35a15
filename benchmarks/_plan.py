"""What is to be measured, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ._errors import UnknownChoice


@dataclass(frozen=True, slots=True)
class Goal:
    """What the figure of one subject is to reach; everything that is given must hold.

    Attributes:
        ratio: the least ratio to the baseline.
        within: the largest ratio to the baseline, for figures of which less is better.
        most: the largest figure, in the workload's unit.
        beats: a subject whose median it reaches, where that one has been measured.
        exists: what is shown by there being a figure at all.
    """

    ratio: float | None = None
    most: float | None = None
    beats: str | None = None
    exists: str | None = None
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """Something to be measured.

    Attributes:
        name: as in the rows.
        unit: of its figures.
        job: what the subjects' processes call it.
        size: how much there is to do.
        quick_size: the same for a quick look.
        counted: what `size` counts, if a smaller one is worth a note.
        seconds: how long one run may take.
        subjects: names of those it is for; None for all.
        goals: what is to be reached, by subject.
    """

    name: str
    unit: str
    job: str
    size: int
    quick_size: int
    counted: str | None = None
    seconds: float = 60.0
    subjects: frozenset[str] | None = None
    goals: Mapping[str, Goal] = field(default_factory=dict[str, Goal])

    def is_for(self, subject: str) -> bool:
        """Return whether a subject is to be measured with it."""
        return self.subjects is None or subject in self.subjects


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is measured, as the process that does it.

    Attributes:
        name: as in the rows.
        command: what starts the process.
        environment: variables to add or replace.
        missing: why it is not there, and how to get it; None if it is there.
        cannot: why it takes no part, by workload.
        slower: divides the size of workloads; a rate does not depend on it, the patience does.
        single: whether a process is good for one run only.
    """

    name: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    missing: str | None = None
    cannot: Mapping[str, str] = field(default_factory=dict[str, str])
    slower: int = 1
    single: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A suite as it is to be run this time.

    Attributes:
        workloads: in the order they are run and shown in.
        subjects: in the order they are shown in.
        baseline: name of the subject that ratios are to.
        rounds: how often each subject is measured on each workload.
        quick: take the small sizes, and lose patience early.
        run_seconds: the most a single run may take, whatever its workload allows.
        budget: seconds for everything; what has not been measured then is left out.
    """

    workloads: Sequence[Workload]
    subjects: Sequence[Subject]
    baseline: str
    rounds: int
    quick: bool = False
    run_seconds: float | None = None
    budget: float | None = None

    def pairs(self) -> list[tuple[Workload, Subject]]:
        """Return who is shown with what: one row each."""
        return [(one, by) for one in self.workloads for by in self.subjects if one.is_for(by.name)]

    def full_size(self, workload: Workload) -> int:
        """Return the size of this run for subjects that are not slower."""
        return workload.quick_size if self.quick else workload.size

    def size(self, workload: Workload, subject: Subject) -> int:
        """Return how much a subject has to do."""
        return max(1, self.full_size(workload) // subject.slower)

    def patience(self, workload: Workload) -> float:
        """Return the seconds that a run may take."""
        if self.run_seconds is None:
            return workload.seconds
        return min(self.run_seconds, workload.seconds)


def chosen(kind: str, given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return what was chosen, in our order; everything if nothing was.

    Args:
        kind: what the command line calls it.
        given: as on the command line.
        known: what there is.

    Raises:
        UnknownChoice: a name is none of ours.
    """
    for name in given:
        if name not in known:
            raise UnknownChoice(
                f"there is no {kind} {name!r}; expected one of {', '.join(known)}, as in "
                f"--{kind} {known[0]}"
            )
    return [name for name in known if name in given or not given]
