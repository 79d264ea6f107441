import inspect
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from backlight.errors import SettingsError
from backlight.recording.settings_file import settings_toml, split_command
from backlight.training.settings import CNNSettings, MLPSettings, StudySettings, plain_settings, settings_from_plain


@pytest.mark.parametrize(
    "settings",
    [
        MLPSettings(),
        CNNSettings(),
        MLPSettings(layers=(2, 3, 2), batch_size=7),
        CNNSettings(data_dir=Path("somewhere")),
    ],
)
def test_settings_survive_a_file(settings):
    text = settings_toml(("train", "x"), plain_settings(settings))
    command, values = split_command(tomllib.loads(text))
    assert command == ("train", "x")
    assert settings_from_plain(type(settings), values) == settings


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (MLPSettings, {"learning_rate": float("nan")}, "learning_rate must be a number above 0, not nan"),
        (MLPSettings, {"learning_rate": 0.0}, "learning_rate"),
        (MLPSettings, {"l2": -1.0}, "l2 must be 0 or more"),
        (MLPSettings, {"steps": 0}, "steps"),
        (CNNSettings, {"epochs": 0}, "epochs"),
        (CNNSettings, {"batch_size": -5}, "batch_size"),
        (CNNSettings, {"schedule": "cosine"}, "unknown schedule 'cosine'; choose one of one-cycle, constant"),
        (CNNSettings, {"conv_activation": "gelu"}, "unknown conv_activation 'gelu'"),
        (CNNSettings, {"seed": 5_000_000_000}, "seed must be at most"),
        (MLPSettings, {"layers": ()}, "layer widths"),
    ],
)
def test_values_out_of_range(kind, values, words):
    with pytest.raises(SettingsError, match=words):
        kind(**values)


def test_unknown_names_and_wrong_types():
    with pytest.raises(SettingsError, match="lerning_rate"):
        settings_from_plain(MLPSettings, {"lerning_rate": 0.1})
    with pytest.raises(SettingsError, match="epochs"):
        settings_from_plain(CNNSettings, {"epochs": "many"})


@pytest.mark.parametrize("kind", [MLPSettings, CNNSettings])
def test_every_setting_is_explained(kind):
    for field in fields(kind):
        assert f"\n    {field.name}: " in inspect.getdoc(kind) or field.name in ("conv_activation", "fc_activation")


@pytest.mark.parametrize(("kind", "name"), [(CNNSettings, "batch_size"), (StudySettings, "first_seed")])
def test_a_whole_number_without_end_is_out_of_range(kind, name):
    with pytest.raises(SettingsError, match=name):
        kind(**{name: 10**400})
