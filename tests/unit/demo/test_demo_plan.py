"""What the demo plans: options, kills, rates."""

from typing import Any

import pytest

from callboard.demo import DemoOptions
from callboard.demo._options import PlannedKill, plan_kills
from callboard.demo._progress import Meter


@pytest.mark.parametrize("kills", [1, 2, 9])
@pytest.mark.parametrize("flights", [10, 4_000, 336_776])
def test_kills_come_in_order_in_the_middle_half(kills: int, flights: int) -> None:
    """Every kill has rows before it and rows after it."""
    plan = plan_kills(DemoOptions(flights=flights, kills=kills))
    assert len(plan) == kills
    assert [kill.row for kill in plan] == sorted(kill.row for kill in plan)
    for kill in plan:
        assert flights // 4 <= kill.row <= flights * 3 // 4
        assert kill.row < kill.hold <= flights


def test_a_seed_decides_the_plan() -> None:
    """The same seed gives the same plan; some other seed gives another."""
    plans = [plan_kills(DemoOptions(seed=seed)) for seed in range(5)]
    assert plans == [plan_kills(DemoOptions(seed=seed)) for seed in range(5)]
    assert any(plan != plans[0] for plan in plans)


def test_every_running_worker_can_be_the_victim() -> None:
    """The choice covers all of them, in whatever order they are named."""
    running = ["worker-3", "worker-1", "worker-2"]
    victims = [PlannedKill(1, 2, choice).victim(running) for choice in (0.0, 0.5, 0.99)]
    assert victims == ["worker-1", "worker-2", "worker-3"]


@pytest.mark.parametrize("wrong", [{"flights": 0}, {"flights": 336_777}, {"kills": -1}])
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """The error names the option."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DemoOptions(**wrong)


def test_a_rate_is_the_growth_of_the_last_seconds() -> None:
    """What happened before the window does not count, and nobody has a rate at once."""
    meter = Meter()
    assert meter.rates(0.0, {"a": 0}) == {"a": 0.0}
    growing = [meter.rates(float(second), {"a": 100 * second}) for second in range(1, 11)]
    assert growing[-1] == {"a": 100.0}
    resting = [meter.rates(float(second), {"a": 1_000, "late": 30}) for second in range(11, 15)]
    assert resting[0]["late"] == 10.0
    assert resting[-1] == {"a": 0.0, "late": 0.0}
