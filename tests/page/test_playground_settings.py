"""What a request may hold; of what it may not, the words."""

import msgspec
import pytest

from backlight.errors import SettingsError
from backlight.page.answers import asked
from backlight.page.playground.commands import MOST_AT_ONCE, AnyCommand, Go, Start
from backlight.page.playground.settings import FIXED, MOST_LAYERS, MOST_POINTS, MOST_UNITS, PlaygroundSettings
from tests.page.asgi import run


def read(body: bytes, kind=Start):
    """As a route does."""

    class Request:
        async def body(self):
            return body

    return run(asked(Request(), kind))


def settings(text: str) -> PlaygroundSettings:
    return read(f'{{"settings": {text}}}'.encode()).settings


def test_what_is_left_out_has_its_default():
    assert settings("{}") == PlaygroundSettings()
    everything = PlaygroundSettings(
        "own", "x", ((0.5, -1.0, 4), (1.0, 2.0, 0)), 10, 0.0, 2, (1, 12), ("relu", "identity"), "adam", 1e-6,
        0.5, 7, 2.0, 9,
    )  # fmt: skip
    assert settings(msgspec.json.encode(everything).decode()) == everything


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"learning_rate": NaN}', "JSON is malformed"),
        ('{"learning_rate": Infinity}', "JSON is malformed"),
        ('{"learning_rate": -Infinity}', "JSON is malformed"),
        ('{"learning_rate": 1e999}', "out of range - at `$.settings.learning_rate`"),
        ('{"learning_rate": 0}', "> 0.0 - at `$.settings.learning_rate`"),
        ('{"learning_rate": 1e7}', "<= 1000000.0 - at `$.settings.learning_rate`"),
        ('{"learning_rate": "0.1"}', "Expected `float`, got `str` - at `$.settings.learning_rate`"),
        ('{"learning_rat": 1}', "unknown field `learning_rat` - at `$.settings`"),
        ('{"samples": 9}', ">= 10 - at `$.settings.samples`"),
        ('{"samples": 2001}', "<= 2000 - at `$.settings.samples`"),
        ('{"samples": 20.5}', "Expected `int`, got `float` - at `$.settings.samples`"),
        ('{"samples": true}', "Expected `int`, got `bool` - at `$.settings.samples`"),
        ('{"samples": 1e300}', "at `$.settings.samples`"),
        ('{"seed": 123456789012345678901234567890}', "at `$.settings.seed`"),
        ('{"seed": -1}', ">= 0 - at `$.settings.seed`"),
        ('{"noise": -0.1}', ">= 0.0 - at `$.settings.noise`"),
        ('{"classes": 6, "data": "blobs"}', "<= 5 - at `$.settings.classes`"),
        ('{"classes": 3}', "moons has 2 classes, not 3"),
        ('{"classes": 3, "data": "formula"}', "into 2 classes"),
        ('{"data": "digits"}', "Invalid enum value 'digits' - at `$.settings.data`"),
        ('{"data": null}', "at `$.settings.data`"),
        ('{"optimizer": "rmsprop"}', "'rmsprop' - at `$.settings.optimizer`"),
        ('{"activations": ["tanh", "softplus"]}', "'softplus' - at `$.settings.activations[1]`"),
        ('{"activations": ["tanh"]}', "2 hidden layers need as many activations"),
        ('{"activations": ["tanh", "tanh", "tanh"]}', "2 hidden layers need as many activations"),
        ('{"hidden": [], "activations": ["tanh"]}', "0 hidden layers need as many activations"),
        ('{"hidden": [0, 3]}', ">= 1 - at `$.settings.hidden[0]`"),
        ('{"hidden": [3, 13]}', "<= 12 - at `$.settings.hidden[1]`"),
        ('{"hidden": [1,1,1,1,1,1,1]}', "length <= 6 - at `$.settings.hidden`"),
        ('{"l2": -1}', ">= 0.0 - at `$.settings.l2`"),
        ('{"batch_size": 0}', ">= 1 - at `$.settings.batch_size`"),
        ('{"init_scale": 0}', "> 0.0 - at `$.settings.init_scale`"),
        ('{"points": [[0, 0, 5]]}', "<= 4 - at `$.settings.points"),
        ('{"points": [[0, 0, -1]]}', ">= 0 - at `$.settings.points"),
        ('{"points": [[1001, 0, 0]]}', "<= 1000.0 - at `$.settings.points"),
        ('{"points": [[0, 0]]}', "at `$.settings.points"),
        (f'{{"points": [{",".join(["[0,0,0]"] * (MOST_POINTS + 1))}]}}', "length <= 2000 - at `$.settings.points`"),
        (f'{{"formula": "{"x" * 201}"}}', "length <= 200 - at `$.settings.formula`"),
    ],
)  # fmt: skip
def test_settings_outside_their_limits_are_refused_in_words(text, words):
    with pytest.raises(SettingsError, match="cannot be understood") as caught:
        settings(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"settings": {}', b'{"settings": {}, "more": 1}', b"[" * 100_000, b"{}",
     b'{"settings": {}, "legs": [{"step": -1, "settings": {}}]}', b'{"settings": {}, "step": 10000001}',
     b'{"settings": {}, "legs": [{"step": 1}]}', b'{"settings": {}, "legs": [{"step": 1, "settings": {}, "x": 0}]}'],
)  # fmt: skip
def test_what_is_no_start_is_refused(body):
    with pytest.raises(SettingsError, match="cannot be understood"):
        read(body)


def test_a_way_has_at_most_twenty_legs():
    leg = b'{"step": 1, "settings": {}}'
    assert len(read(b'{"settings": {}, "legs": [' + b",".join([leg] * 20) + b"]}").legs) == 20
    with pytest.raises(SettingsError, match="length <= 20"):
        read(b'{"settings": {}, "legs": [' + b",".join([leg] * 21) + b"]}")


@pytest.mark.parametrize(
    "body",
    [b'{"do": "fly"}', b'{"do": "play", "speed": 0}', b'{"do": "play", "speed": -1}', b'{"do": "play", "fast": 1}',
     b'{"do": "step", "count": 0}', b'{"do": "step", "count": 1000001}', b'{"do": "go", "branch": -1, "step": 0}',
     b'{"do": "go", "branch": 0}', b'{"do": "go", "branch": 0, "step": 1.5}', b'{"do": "seeds", "count": 2001}',
     b'{"do": "seeds", "count": 9}', b'{"do": "probe", "point": [0]}', b'{"do": "probe", "point": [0, 1e9]}',
     b'{"do": "change"}', b'{"do": "change", "settings": {"hidden": [3]}}', b"{}", b'"pause"'],
)  # fmt: skip
def test_what_is_no_command_is_refused(body):
    with pytest.raises(SettingsError, match="cannot be understood"):
        read(body, AnyCommand)


def test_a_command_is_read_by_what_it_does():
    assert read(b'{"do": "go", "branch": 1, "step": 7}', AnyCommand) == Go(1, 7)
    assert MOST_AT_ONCE == 1_000_000


def test_the_largest_network_is_allowed():
    wide = PlaygroundSettings(hidden=(MOST_UNITS,) * MOST_LAYERS, activations=("relu",) * MOST_LAYERS)
    assert settings(msgspec.json.encode(wide).decode()) == wide


def test_what_can_change_while_a_network_trains():
    old = PlaygroundSettings()
    new = {"optimizer": "adam", "learning_rate": 1.0, "l2": 0.1, "batch_size": 3, "activations": ("relu", "tanh")}
    assert set(PlaygroundSettings.__struct_fields__) == set(new) | set(FIXED)
    for name, value in new.items():
        assert msgspec.structs.replace(old, **{name: value}).retrains(old)
    assert not msgspec.structs.replace(old, seed=1).retrains(old)
    assert not msgspec.structs.replace(old, hidden=(4, 4)).retrains(old)
