"""The playground over HTTP: begin, watch, tell what to do; and what becomes of a tab that is closed."""

import asyncio
import threading
from contextlib import asynccontextmanager
from types import SimpleNamespace

import numpy as np
from starlette.applications import Starlette

from backlight.page.answers import REFUSALS
from backlight.page.app import application
from backlight.page.playground import routes
from backlight.page.playground.routes import Sessions, frame, playground_routes
from tests.page.asgi import KNOWN, PORT, TOKEN, request, run
from tests.page.play import BROKEN, floats, root, same, small

SMALL = {"samples": 60, "noise": 0.1}
FRAME = b"event: frame"


@asynccontextmanager
async def playground(grace=60.0):
    """An application of its own; sessions are closed at the end."""
    compiled, closing = threading.Event(), asyncio.Event()
    sessions = Sessions(compiled, grace)
    app = Starlette(routes=playground_routes(sessions, closing), exception_handlers=REFUSALS)

    async def post(path, body):
        return await request(app, f"/api/playground{path}", body)

    async def begin(**start):
        answer = await post("", {"settings": SMALL} | start)
        assert answer.status == 200, answer.body
        return answer.document()["session"]

    async def watch(name, enough):
        return await request(app, f"/api/playground/{name}/events", enough=enough)

    try:
        yield SimpleNamespace(
            app=app, sessions=sessions, post=post, begin=begin, watch=watch, compiled=compiled, closing=closing
        )
    finally:
        sessions.sweep(everything=True)


def first_frame(body):
    return FRAME in body and body.count(b"\n\n") >= 1


async def until(condition):
    for _ in range(20_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came true")


def scenario(test):
    """Runs an async test in an event loop of its own."""

    def runs():
        run(test())

    runs.__name__, runs.__doc__ = test.__name__, test.__doc__
    return runs


@scenario
async def test_a_session_is_begun_told_and_watched():
    async with playground() as page:
        name = await page.begin()
        assert (await page.post(f"/{name}", {"do": "go", "branch": 0, "step": 25})).document() == {}
        answer = await page.watch(name, first_frame)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind, seen = answer.events()[0]
        assert (kind, seen["step"], seen["playing"], seen["trouble"]) == ("frame", 25, False, None)
        assert np.array_equal(floats(seen["parameters"]), root().at(25).parameters)
        assert seen["data"]["name"] == "moons"
        assert len(seen["data"]["train"]) == len(seen["data"]["test"]) == 60
        assert seen["branches"] == [
            {"origin": None, "first": 0, "last": 25, "settings": {**seen["branches"][0]["settings"], **SMALL}}
        ]
        assert [point[0] for point in seen["curve"]["points"]] == [*range(26)]


class Frames:
    """Of a stream that ends after so many of them."""

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0

    def __call__(self, body: bytes) -> bool:
        self.count = body.count(FRAME)
        return self.count >= self.most


@scenario
async def test_a_frame_comes_for_each_change_and_only_then():
    async with playground() as page:
        name, seen = await page.begin(), Frames(3)
        await page.post(f"/{name}", {"do": "pause"})  # the start was restored
        watching = asyncio.create_task(page.watch(name, seen))
        await until(lambda: seen.count == 1)
        await page.post(f"/{name}", {"do": "step"})
        await until(lambda: seen.count == 2)
        await page.post(f"/{name}", {"do": "probe", "point": [0.5, 0.25]})
        frames = [each for kind, each in (await watching).events() if kind == "frame"]
        assert [each["step"] for each in frames] == [0, 1, 1]
        assert frames[-1]["point"] == [0.5, 0.25]
        assert ["data" in each for each in frames] == [True, False, False]
        assert [len(each["curve"]["points"]) for each in frames] == [1, 1, 0]


@scenario
async def test_of_a_curve_only_what_is_new_is_sent():
    async with playground() as page:
        name = await page.begin()
        session = page.sessions[name]
        known, curve = routes.Known(), []
        for step in (5, 9, 200, 3, 200):
            await page.post(f"/{name}", {"do": "go", "branch": 0, "step": step})
            told = frame(session.view, known)["curve"]
            curve = [*curve[: told["keep"]], *told["points"]]
            assert curve == [tuple(point) for point in session.view.curve]
        assert told == {"keep": len(curve), "points": []}
        await page.post(f"/{name}", {"do": "change", "settings": {**SMALL, "l2": 0.1}})
        told = frame(session.view, known)["curve"]  # of the branch: the way to it, and its beginning
        curve = [*curve[: told["keep"]], *told["points"]]
        assert [point[0] for point in curve] == sorted({point[0] for point in curve})
        assert (curve[0][0], curve[-1][0]) == (0, 200)


@scenario
async def test_a_play_is_seen_and_paused():
    async with playground() as page:
        name = await page.begin()
        await page.post(f"/{name}", {"do": "play"})
        answer = await page.watch(name, lambda body: body.count(FRAME) >= 4)
        steps = [seen["step"] for kind, seen in answer.events() if kind == "frame"]
        assert steps == sorted(set(steps))
        assert (await page.post(f"/{name}", {"do": "pause"})).status == 200
        assert not page.sessions[name].view.playing


@scenario
async def test_while_the_engine_is_compiled_a_tab_is_told():
    async with playground() as page:
        name, told = await page.begin(), []
        watching = asyncio.create_task(
            page.watch(name, lambda body: told.append(body) or body.count(b"event: compiling") == 2)
        )
        await until(lambda: told and b"event: compiling" in told[-1])
        page.compiled.set()
        told = [seen for kind, seen in (await watching).events() if kind == "compiling"]
        assert told == [True, False]


@scenario
async def test_other_seeds_are_told_to_the_tab():
    async with playground() as page:
        name = await page.begin()
        await page.post(f"/{name}", {"do": "go", "branch": 0, "step": 30})
        await page.post(f"/{name}", {"do": "seeds", "count": 12})
        answer = await page.watch(name, lambda body: b'"histogram"' in body)
        last = [seen for kind, seen in answer.events() if kind == "seeds"][-1]
        assert last["result"]["count"] == 12
        assert sum(last["result"]["histogram"]) == 12


@scenario
async def test_a_link_is_restored():
    legs = [{"step": 20, "settings": {**SMALL, "learning_rate": 0.05}}]
    async with playground() as page:
        name = await page.begin(legs=legs, step=35)
        await page.post(f"/{name}", {"do": "pause"})
        view, trunk = page.sessions[name].view, root()
        same(view.moment, trunk.branched(0, trunk.at(20), small(learning_rate=0.05)).at(35))
        assert (view.step, view.number) == (35, 1)


@scenario
async def test_a_backward_pass_is_answered():
    async with playground() as page:
        name = await page.begin()
        await page.post(f"/{name}", {"do": "go", "branch": 0, "step": 7})
        found = (await page.post(f"/{name}/backward", {"sample": 61})).document()
        assert (found["step"], found["sample"], found["samples"]) == (7, 1, 60)
        differences = [stage["check"]["largest_difference"] for stage in found["stages"] if stage["check"]]
        assert len(differences) == 3
        assert max(differences) < 1e-6
        assert (await page.post(f"/{name}/backward", {"sample": -1})).status == 400


@scenario
async def test_a_network_that_is_nan_is_told_as_json():
    async with playground() as page:
        name = await page.begin(settings={**SMALL, **BROKEN})
        await page.post(f"/{name}", {"do": "go", "branch": 0, "step": 40})
        _, seen = (await page.watch(name, first_frame)).events()[0]
        assert seen["trouble"]["cure"]["learning_rate"] == 1.0
        assert seen["measured"][1] is None  # NaN has no place in JSON
        assert (await page.post(f"/{name}/backward", {})).status == 200


@scenario
async def test_csv_becomes_points_or_words():
    async with playground() as page:
        answer = await page.post("/csv", {"text": "x,y,class\n1,2,0\n3,4,1"})
        assert answer.document() == {"points": [[-1.0, -1.0, 0], [1.0, 1.0, 1]]}
        answer = await page.post("/csv", {"text": "1,2,0\n1,?,1"})
        assert (answer.status, answer.words) == (400, "the file, line 2, column 2: '?' is not a number")
        assert (await page.post("/csv", {"text": "1" * 900_001})).status == 400


@scenario
async def test_mistakes_are_answered_in_words():
    async with playground() as page:
        name = await page.begin()
        for path, body, status, words in (
            ("", {"settings": {"noise": 9}}, 400, "`$.settings.noise`"),
            ("", {"settings": {"data": "own"}}, 400, "at least two classes"),
            ("", {"settings": {}, "legs": [{"step": 5, "settings": {"data": "own"}}]}, 400, "at least two classes"),
            ("", {"settings": {"data": "formula", "formula": "import os"}}, 400, "cannot be read as a formula"),
            (f"/{name}", {"do": "fly"}, 400, "fly"),
            (f"/{name}", {"do": "go", "branch": 9, "step": 0}, 400, "there is no branch 9"),
            (f"/{name}", {"do": "change", "settings": {"data": "own"}}, 400, "at least two classes"),
            ("/gone", {"do": "pause"}, 404, "this playground has ended; reload the page"),
            ("/gone/backward", {"sample": 0}, 404, "has ended"),
        ):
            answer = await page.post(path, body)
            assert (answer.status, words in answer.words) == (status, True), answer.body
        answer = await page.watch("gone", lambda body: True)
        assert (answer.status, answer.words) == (404, "this playground has ended; reload the page")
        assert len(page.sessions.open) == 1


@scenario
async def test_a_session_ends_after_its_stream():
    async with playground(grace=0.02) as page:
        name = await page.begin()
        session = page.sessions[name]
        await page.post(f"/{name}", {"do": "play"})
        await page.watch(name, first_frame)
        await until(lambda: session.closed.is_set())
        assert (await page.post(f"/{name}", {"do": "pause"})).status == 404
        assert not page.sessions.watchers
        assert not page.sessions.left


@scenario
async def test_a_session_that_nobody_ever_watched_ends():
    async with playground(grace=0.02) as page:
        name = await page.begin()
        session = page.sessions[name]
        await until(lambda: session.closed.is_set())


@scenario
async def test_a_stream_that_is_taken_up_again_keeps_its_session():
    async with playground(grace=60.0) as page:
        name = await page.begin()
        session = page.sessions[name]
        await page.post(f"/{name}", {"do": "pause"})
        await page.watch(name, first_frame)
        page.sessions.sweep()
        assert not session.closed.is_set()
        page.sessions.grace = 0.0
        seen = Frames(2)
        watching = asyncio.create_task(page.watch(name, seen))
        await until(lambda: seen.count == 1)
        page.sessions.sweep()
        assert not session.closed.is_set()
        await page.post(f"/{name}", {"do": "step"})
        await watching
        page.sessions.sweep()
        assert session.closed.is_set()


@scenario
async def test_two_who_watch_one_session_see_the_same():
    async with playground() as page:
        name = await page.begin()
        await page.post(f"/{name}", {"do": "pause"})
        both = [Frames(2), Frames(2)]
        watching = [asyncio.create_task(page.watch(name, each)) for each in both]
        await until(lambda: [each.count for each in both] == [1, 1])
        await page.post(f"/{name}", {"do": "step"})
        ends = [(await each).events()[-1][1] for each in watching]
        assert [end["step"] for end in ends] == [1, 1]
        assert ends[0]["parameters"] == ends[1]["parameters"]


@scenario
async def test_only_so_many_sessions_at_once():
    async with playground() as page:
        routes_most = routes.MOST_SESSIONS
        for _ in range(routes_most):
            await page.begin()
        answer = await page.post("", {"settings": SMALL})
        assert (answer.status, answer.words) == (400, f"{routes_most} playgrounds are open; close some tabs")
        for name in page.sessions.left:
            page.sessions.left[name] -= 61
        assert (await page.post("", {"settings": SMALL})).status == 200  # those that nobody watches have ended
        assert len(page.sessions.open) == 1


@scenario
async def test_streams_end_when_the_server_does():
    async with playground() as page:
        name = await page.begin()
        watching = asyncio.create_task(page.watch(name, lambda body: False))
        await until(lambda: page.sessions.watchers[name])
        page.closing.set()
        assert (await watching).status == 200


@scenario
async def test_sessions_do_not_know_each_other():
    async with playground() as page:
        one, other = await page.begin(), await page.begin(settings={**SMALL, "seed": 1})
        await page.post(f"/{one}", {"do": "go", "branch": 0, "step": 20})
        assert (page.sessions[one].view.step, page.sessions[other].view.step) == (20, 0)
        same(page.sessions[other].view.moment, root(seed=1).at(0))
        assert len(one) >= 12


def test_a_stream_needs_the_token(tmp_path):
    async def asks():
        app = application(tmp_path, PORT, TOKEN, asyncio.Event())
        body = {"settings": SMALL}
        name = (await request(app, "/api/playground", body)).document()["session"]
        path, host = f"/api/playground/{name}/events", {"host": KNOWN["host"]}
        refused = await request(app, path, headers=host)
        watched = await request(app, path, headers=host, query=f"token={TOKEN}", enough=first_frame)
        return refused, watched

    refused, watched = run(asks())
    assert refused.status == 401
    assert watched.events()[0][0] == "frame"


@scenario
async def test_other_points_are_told_to_who_watches():
    async with playground() as page:
        name = await page.begin()
        known = routes.Known()
        for seed in (0, 1, 2):
            await page.post(f"/{name}", {"do": "change", "settings": {**SMALL, "seed": seed}})
            await page.post(f"/{name}", {"do": "step"})
            told = frame(page.sessions[name].view, known)["data"]
            assert [point[:2] for point in told["train"]] == root(seed=seed).data.train.X.tolist()


@scenario
async def test_other_branches_are_told_when_they_have_changed():
    async with playground() as page:
        name, known = await page.begin(), routes.Known()

        async def told(**command):
            await page.post(f"/{name}", command)
            return frame(page.sessions[name].view, known).get("others")

        assert await told(do="step") == []
        assert await told(do="step") is None
        (trunk,) = await told(do="change", settings={**SMALL, "l2": 0.1})
        assert [point.step for point in trunk] == [0, 1, 2]
        assert await told(do="step") is None
        (branch,) = await told(do="go", branch=0, step=1)
        assert [point.step for point in branch] == [2, 3]
        for step in (500, 1000, 3000):
            await told(do="go", branch=0, step=step)
        (trunk,) = await told(do="go", branch=1, step=3)
        assert len(trunk) <= routes.MOST_FAINT + 1
        assert (trunk[0].step, trunk[-1].step) == (0, 3000)
