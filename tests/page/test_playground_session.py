"""A tab's playground: commands one after the other, training in between, and back to any moment to the bit."""

import threading

import numpy as np
import pytest
from msgspec.structs import replace

from backlight.errors import BacklightError, DataError, SettingsError
from backlight.page.playground import session as module
from backlight.page.playground.branch import Origin
from backlight.page.playground.commands import (
    Advance,
    Change,
    Epoch,
    Go,
    Leg,
    OtherSeeds,
    Pause,
    Play,
    Probe,
    Start,
    StopSeeds,
)
from tests.page.play import BROKEN, do, root, same, session_of, small, until


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("backlight-")]


def test_a_session_begins_at_step_0_and_waits():
    with session_of(small()) as session:
        view = session.view
        assert (view.step, view.playing, view.number, view.trouble) == (0, False, 0, None)
        same(view.moment, root().at(0))
        assert view.point == tuple(view.branch.data.train.X[0])
        assert len(view.curve) == 1


def test_play_trains_on_and_pause_stops_it():
    with session_of(small()) as session:
        do(session, Play())
        until(lambda: session.view.step > 50)
        do(session, Pause())
        view = session.view
        assert not view.playing
        same(view.moment, root().at(view.step))
        do(session, Probe((0.0, 0.0)))  # time for a stride, if it were still training
        assert session.view.step == view.step


def test_a_speed_is_kept(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with session_of(small()) as session:
        do(session, Play(speed=8))
        seen = []
        for _ in range(8):
            now[0] += 0.125
            until(lambda: session.view.step >= len(seen) + 1)
            do(session, Probe((0.0, 0.0)))
            seen.append(session.view.step)
        do(session, Pause())
    assert seen == list(range(1, 9))


def test_after_a_delay_only_a_few_steps_are_made_up_for(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with session_of(small()) as session:
        do(session, Go(0, 1000), Play(speed=100))
        now[0] += 3600
        until(lambda: session.view.step > 1000)
        do(session, Probe((0.0, 0.0)), Pause())
        assert session.view.step <= 1000 + 100 * module.BEHIND


@pytest.mark.parametrize("count", [1, 3, 250])
def test_steps_are_exactly_as_many_as_asked_for(count):
    with session_of(small()) as session:
        do(session, Advance(count), Advance(count))
        assert session.view.step == 2 * count
        same(session.view.moment, root().at(2 * count))


@pytest.mark.parametrize(("batch_size", "per_epoch"), [(None, 1), (7, 9), (60, 1), (200, 1), (1, 60)])
def test_an_epoch_ends_when_all_samples_were_seen(batch_size, per_epoch):
    with session_of(small(batch_size=batch_size)) as session:
        do(session, Advance(4), Epoch())
        first = -(-5 // per_epoch) * per_epoch if per_epoch > 1 else 5
        assert session.view.step == first
        do(session, Epoch())
        assert session.view.step == first + per_epoch


def test_back_and_forth_gives_the_same_to_the_bit():
    with session_of(small(optimizer="adam", batch_size=7)) as session:
        seen = {}
        for step in (80, 13, 41):
            do(session, Go(0, step))
            seen[step] = session.view
        for step in (13, 80, 41, 0, 80, 13):
            do(session, Go(0, step))
            assert session.view.step == step
            if step in seen:
                same(session.view.moment, seen[step].moment)
                assert session.view.measured == seen[step].measured
        assert len(session.view.branches) == 1


def test_training_on_from_an_earlier_step_is_the_same_training():
    with session_of(small(batch_size=7)) as session:
        do(session, Go(0, 60))
        late = session.view.moment
        do(session, Go(0, 20), Advance(40))
        same(session.view.moment, late)


def test_far_away_steps_are_gone_to_from_command_to_command(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 100)
    with session_of(small()) as session:
        do(session, Go(0, 3000))
        until(lambda: not session.view.playing)
        assert session.view.step == 3000
        same(session.view.moment, root().at(3000))
        do(session, Go(0, 9_000_000))
        until(lambda: session.view.step > 3000)
        do(session, Pause())  # obeyed long before
        assert session.view.step < 9_000_000


@pytest.mark.parametrize(
    "changes",
    [{"learning_rate": 0.01}, {"optimizer": "adam"}, {"l2": 0.1}, {"batch_size": 5}, {"activations": ("relu", "relu")}],
)
def test_a_change_on_the_way_begins_a_branch(changes):
    with session_of(small()) as session:
        do(session, Go(0, 30), Change(small(**changes)))
        view = session.view
        assert (view.number, view.step, len(view.branches)) == (1, 30, 2)
        assert view.branch.origin == Origin(0, 30)
        do(session, Advance(10))
        trunk = root()
        same(session.view.moment, trunk.branched(0, trunk.at(30), small(**changes)).at(40))
        do(session, Go(0, 30), Advance(10))
        same(session.view.moment, root().at(40))  # the trunk is still there
        do(session, Go(1, 12))  # before the branch: on the trunk
        assert (session.view.number, session.view.step) == (0, 12)


def test_changes_without_a_step_between_are_one_branch():
    with session_of(small()) as session:
        do(session, Go(0, 30), Change(small(l2=0.1)), Change(small(l2=0.1, learning_rate=0.2)))
        assert [each.settings for each in session.view.branches] == [small(), small(l2=0.1, learning_rate=0.2)]
        do(session, Change(small(l2=0.1, learning_rate=0.2)))
        assert len(session.view.branches) == 2


def test_a_change_before_the_first_step_is_another_beginning():
    with session_of(small()) as session:
        do(session, Change(small(learning_rate=0.01)))
        assert [each.settings for each in session.view.branches] == [small(learning_rate=0.01)]


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"hidden": (4, 4)}, {"noise": 0.3}, {"data": "xor"}, {"init_scale": 2.0}]
)
def test_another_network_or_other_data_begin_anew(changes):
    with session_of(small()) as session:
        do(session, Go(0, 30), Change(small(learning_rate=0.1)), Advance(5), Change(small(**changes)))
        view = session.view
        assert (view.step, view.number, len(view.branches), view.playing) == (0, 0, 1, False)
        same(view.moment, root(**changes).at(0))


def test_branches_have_a_limit(monkeypatch):
    monkeypatch.setattr(module, "MOST_BRANCHES", 2)
    with session_of(small()) as session:
        do(session, Advance(1), Change(small(l2=0.1)), Advance(1))
        with pytest.raises(SettingsError, match="2 branches are the most"):
            do(session, Change(small(l2=0.2)))
        assert session.view.number == 1


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        (Go(3, 0), SettingsError, "there is no branch 3; there are 1"),
        (Change(small(data="formula", formula="os")), SettingsError, "not allowed in a formula"),
        (Change(small(data="own")), DataError, "at least two classes"),
        (Change(small(data="formula", formula="7")), DataError, "one side"),
    ],
)
def test_errors_reach_who_asked_and_nothing_changes(command, error, words):
    with session_of(small()) as session:
        do(session, Advance(5))
        before = session.view
        with pytest.raises(error, match=words):
            do(session, command)
        do(session, Probe((0.5, 0.5)))
        view = session.view
        assert view.moment is before.moment
        assert view.branches == before.branches
        assert (view.point, view.step) == ((0.5, 0.5), 5)


def test_a_start_that_cannot_be_made_is_refused_at_once():
    before = len(workers())
    with pytest.raises(BacklightError, match="at least two classes"), session_of(small(data="own")):
        pass
    assert len(workers()) == before


def test_a_link_restores_the_same_to_the_bit():
    settings = [
        small(batch_size=7),
        small(batch_size=7, learning_rate=0.05),
        small(optimizer="adam", learning_rate=0.05),
    ]
    with session_of(settings[0]) as session:
        do(session, Go(0, 25), Change(settings[1]), Advance(15), Change(settings[2]), Advance(30), Go(2, 55))
        expected = session.view
    start = Start(settings[0], (Leg(25, settings[1]), Leg(40, settings[2])), 55)
    with session_of(start) as session:
        do(session, Pause())
        view = session.view
        same(view.moment, expected.moment)
        assert (view.step, view.number, view.measured) == (55, 2, expected.measured)
        assert [each.origin for each in view.branches] == [None, Origin(0, 25), Origin(1, 40)]
        do(session, Advance(10))
        restored = session.view.moment
    trunk = root(batch_size=7)
    first = trunk.branched(0, trunk.at(25), settings[1])
    same(restored, first.branched(1, first.at(40), settings[2]).at(65))


def test_a_network_that_goes_to_nan_stops_and_says_why():
    with session_of(small(**BROKEN)) as session:
        do(session, Play())
        until(lambda: session.view.trouble)
        view = session.view
        assert not view.playing
        assert not np.isfinite(view.measured.train_loss)
        assert view.trouble.cure == small(**{**BROKEN, "learning_rate": 1.0})
        do(session, Play())
        assert not session.view.playing
        do(session, Go(0, view.trouble.step))
        assert session.view.trouble is None
        assert session.view.measured.finite
        do(session, Go(0, 0), Change(view.trouble.cure), Go(1, 300))
        assert session.view.trouble is None
        assert session.view.step == 300


def test_a_change_of_a_broken_network_is_broken_too_and_says_so():
    with session_of(small(**BROKEN)) as session:
        do(session, Go(0, 20), Change(small(**{**BROKEN, "learning_rate": 0.1})))
        assert session.view.number == 1
        assert "begins like that" in session.view.trouble.words


def test_the_thread_ends_when_the_session_is_closed():
    before = set(workers())
    with session_of(small()) as idle, session_of(small()) as busy:
        do(busy, Play())
        assert len(set(workers()) - before) == 2
        assert idle.view.step == 0
    until(lambda: not set(workers()) - before)
    with pytest.raises(LookupError, match="has ended"):
        idle.ask(Pause())


def test_who_still_waits_when_a_session_closes_is_told(monkeypatch):
    entered, leave = threading.Event(), threading.Event()
    monkeypatch.setitem(module.HANDLERS, Epoch, lambda session, command: (entered.set(), leave.wait(60)))
    with session_of(small()) as session:
        obeyed, waiting = session.ask(Epoch()), session.ask(Pause())
        entered.wait(60)
        session.close()
        leave.set()
        assert obeyed.result(60) is None
        with pytest.raises(LookupError, match="has ended"):
            waiting.result(60)


def test_who_no_longer_waits_for_a_command_stops_nothing(monkeypatch):
    entered, leave = threading.Event(), threading.Event()
    monkeypatch.setitem(module.HANDLERS, Epoch, lambda session, command: (entered.set(), leave.wait(60)))
    with session_of(small()) as session:
        session.ask(Epoch())
        assert entered.wait(60)
        assert session.ask(Advance(5)).cancel()
        leave.set()
        do(session, Advance(2))
        assert session.view.step == 2


def test_other_seeds_are_found_while_the_session_goes_on():
    with session_of(small()) as session:
        do(session, Go(0, 30), OtherSeeds(10), Advance(1))
        job = until(lambda: session.seeds if session.seeds.result else None)
        assert session.view.step == 31
        assert (job.share, job.result.count, job.result.steps[-1]) == (1.0, 10, 30)
        do(session, StopSeeds())
        assert session.seeds is None


def test_other_seeds_are_let_go_when_the_network_is_another():
    with session_of(small()) as session:
        do(session, Go(0, 20_000), OtherSeeds(2000), Change(small(seed=1)))
        until(lambda: not [thread for thread in workers() if thread.name == "backlight-seeds"])
        assert session.seeds is None


def test_what_goes_wrong_with_other_seeds_is_said(monkeypatch):
    def fail(*arguments):
        raise SettingsError("no memory for so many")

    monkeypatch.setattr(module, "other_seeds", fail)
    with session_of(small()) as session:
        do(session, OtherSeeds(10))
        assert until(lambda: session.seeds.error) == "no memory for so many"


def test_nothing_is_published_while_no_step_is_due(monkeypatch):
    strides, train = [], module.Session.train
    monkeypatch.setattr(module.Session, "train", lambda session: (train(session), strides.append(session.view)))
    monkeypatch.setattr(module.time, "monotonic", lambda: 100.0)  # no time passes
    with session_of(small()) as session:
        do(session, Play(speed=60))
        view = session.view
        until(lambda: len(strides) > 2)
        assert all(each is view for each in strides)


def test_settings_are_compared_as_a_whole():
    with session_of(small()) as session:
        do(session, Advance(3), Change(replace(small(), learning_rate=0.3)))
        assert len(session.view.branches) == 1
