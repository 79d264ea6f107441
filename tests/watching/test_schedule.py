"""Which steps are recorded, with made-up durations."""

import pytest

from backlight.watching.schedule import FIRST_STEPS, LONGEST_PAUSE, Schedule


def watched(schedule, steps, training=0.05, full=0.005, light=0.0003):
    """The steps that are recorded in a training of these durations (seconds)."""
    recorded, following = [], 0
    for step in range(steps):
        due = step >= following
        schedule.note(due, full if due else light, training if step else None)
        if due:
            recorded.append(step)
            following = schedule.next_after(step)
    return recorded


@pytest.mark.parametrize("budget", [0.01, 0.02, 0.1])
def test_the_share_stays_inside_the_budget(budget):
    schedule = Schedule(None, budget)
    recorded = watched(schedule, 4000)
    assert schedule.share <= budget * 1.001
    assert schedule.share >= budget * 0.9  # and is made use of
    assert recorded[:FIRST_STEPS] == list(range(FIRST_STEPS))


def test_a_budget_that_is_never_reached_records_every_step():
    assert watched(Schedule(None, 0.2), 50) == list(range(50))


def test_without_a_budget_every_step_is_recorded():
    assert watched(Schedule(None, None), 30, full=1.0) == list(range(30))


def test_every_so_many_steps():
    assert watched(Schedule(7, 0.02), 30) == [0, 7, 14, 21, 28]


def test_where_norms_alone_use_up_the_budget_it_pauses_long():
    recorded = watched(Schedule(None, 0.02), 2 * LONGEST_PAUSE, training=0.001, full=0.001, light=0.0001)
    assert len(recorded) == FIRST_STEPS + 2


def test_a_long_pause_between_two_steps_buys_nothing():
    schedule = Schedule(None, 0.02)
    for step in range(100):
        schedule.note(False, 0.0, 10.0 if step == 50 else 0.05)
    assert schedule.training < 100 * 0.05 + 0.2
