import contextlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlight.data.dataset import Dataset, Samples, stratified_split
from backlight.data.points import SHAPES, TWO_CLASSES, load_csv, load_points, make_points
from backlight.errors import DataError, SettingsError


@pytest.mark.parametrize("name", SHAPES)
def test_points_are_balanced_and_seeded(name):
    classes = 2 if name in TWO_CLASSES else 3
    samples = make_points(name, 300, 0.1, classes, seed=5)
    again, other = make_points(name, 300, 0.1, classes, seed=5), make_points(name, 300, 0.1, classes, seed=6)
    assert samples.X.shape == (300, 2)
    assert np.bincount(samples.y, minlength=classes).min() > 0.4 * 300 / classes
    np.testing.assert_array_equal(samples.X, again.X)
    assert not np.array_equal(samples.X, other.X)


@pytest.mark.parametrize("count", [4, 5, 200, 201])
def test_moons_and_circles_are_scikit_learns(count):
    from sklearn.datasets import make_circles, make_moons

    for seed in range(5):
        state = int(np.random.default_rng(seed).integers(2**31))
        drawn = (
            make_moons(count, noise=0.2, random_state=state),
            make_circles(count, noise=0.2, factor=0.5, random_state=state),
        )
        for name, (X, y) in zip(("moons", "circles"), drawn, strict=True):
            samples = make_points(name, count, 0.2, seed=seed)
            np.testing.assert_array_equal(samples.X, X)
            np.testing.assert_array_equal(samples.y, y)


def test_without_noise_the_labels_are_the_shapes_own():
    xor = make_points("xor", 200, 0.0, seed=1)
    np.testing.assert_array_equal(xor.y, (xor.X.prod(axis=1) < 0).astype(int))
    blobs = make_points("blobs", 30, 0.0, 3, seed=1)
    assert len(np.unique(blobs.X.round(9), axis=0)) == 3


def test_points_and_weights_of_one_seed_share_no_random_numbers():
    from backlight.networks.deep_network import DeepNeuralNetwork

    weights = DeepNeuralNetwork([2, 8, 2], seed=0).layers[0].weights.ravel() * np.sqrt(2)
    centred = make_points("blobs", 20, 1.0, seed=0).X - make_points("blobs", 20, 0.0, seed=0).X
    assert not np.isclose(centred.ravel()[: len(weights)], weights).any()


def test_held_out_points_are_other_points():
    data = load_points("moons", 200, 300, seed=0)
    assert not set(map(tuple, data.train.X)) & set(map(tuple, data.test.X))
    assert len(data.test) == 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "mooons"}, "'mooons'"),
        ({"name": "moons", "classes": 3}, "moons has 2 classes"),
        ({"name": "blobs", "classes": 1}, "at least 2 classes"),
        ({"name": "blobs", "count": 3}, "3 points in 2 classes"),
        ({"name": "blobs", "noise": -0.1}, "noise"),
        ({"name": "blobs", "noise": float("nan")}, "noise"),
    ],
)
def test_impossible_points(arguments, words):
    with pytest.raises(SettingsError, match=words):
        make_points(**arguments)


@given(st.lists(st.integers(0, 3), min_size=20, max_size=120), st.integers(0, 100))
def test_stratified_split(labels, seed):
    y = np.array(labels)
    sizes = [len(y) // 2, len(y) // 4, len(y) // 4]
    parts = stratified_split(y, sizes, seed)
    assert [len(part) for part in parts] == sizes
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    for part, size in zip(parts, sizes, strict=True):
        shares = np.bincount(y[part], minlength=4)
        np.testing.assert_allclose(shares, np.bincount(y, minlength=4) * size / len(y), atol=4)


def write(tmp_path, text):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_and_without_header(tmp_path):
    rows = "\n".join(f"{i},{i * i},{i % 2}" for i in range(20))
    plain, headed = load_csv(write(tmp_path, rows)), load_csv(write(tmp_path, "a,b,class\n" + rows + "\n\n"))
    np.testing.assert_array_equal(plain.train.X, headed.train.X)
    assert (plain.classes, len(plain.train), len(plain.test)) == (2, 16, 4)
    np.testing.assert_allclose(plain.train.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(plain.train.X.std(axis=0), 1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_delimiters_blank_lines_and_quotes(tmp_path, delimiter):
    lines = [delimiter.join((f"{i}.5", f'"{i * i}"', str(i % 2))) for i in range(10)]
    data = load_csv(str(write(tmp_path, "\n".join([*lines, "   ", ""]))))
    assert (len(data.train), len(data.test)) == (8, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,0\n3,x,1\n", "line 2, column 2: 'x' is not a number"),
        ("1,2,0\n3,,1\n", "line 2, column 2: '' is not a number"),
        ("1,2,0\n3,nan,1\n", "line 2, column 2: nan is not finite"),
        ("1,2,0\ninf,1,1\n", "line 2, column 1: inf is not finite"),
        ("1,2,0\n3,4\n", "line 2: 2 columns, expected 3"),
        ("1,2,0\n3,4,0.5\n", "line 2: class 0.5"),
        ("1,2,0\n3,4,-1\n", "line 2: class -1"),
        ("1,2,0\n3,4,0\n", "a single class"),
        ("", "no rows"),
        ("a,b,c\n", "no rows"),
        ("5\n6\n", "line 1: 1 columns"),
        ("1,2,0\n3,4,1e9\n", "class 1000000000 occurs but class 1 does not"),
        ("1,2,1\n3,4,2\n5,6,1\n", "class 2 occurs but class 0 does not"),
        ("1e308,2,0\n-1e308,4,1\n1e308,3,0\n-1e308,5,1\n1e308,1,0\n", "column 1: values too large"),
    ],
)
def test_bad_csv_is_named(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=re.escape(str(path)) + ".*" + re.escape(words)):
        load_csv(path)


def test_binary_and_missing_csv(tmp_path):
    path = tmp_path / "points.csv"
    with pytest.raises(DataError, match="no such file"):
        load_csv(path)
    path.write_bytes(b"\xff\xfe\x00\x01" * 10)
    with pytest.raises(DataError, match="cannot be read as CSV"):
        load_csv(path)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = write(tmp_path_factory.mktemp("csv"), text.replace("\ud800", ""))
    with contextlib.suppress(DataError):
        load_csv(path)


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (np.zeros((0, 2)), np.zeros(0, int), "no samples"),
        (np.zeros((2, 2)), np.array([0, 1, 1]), "2 samples but 3 labels"),
        (np.zeros((2, 2)), np.array([0, 2]), "label 2 in row 1"),
        (np.zeros((2, 2)), np.array([-1, 1]), "label -1 in row 0"),
        (np.array([[0.0, np.nan], [0, 0]]), np.array([0, 1]), "nan in row 0, column 1"),
        (np.array([[0.0, 0.0], [np.inf, 0]]), np.array([0, 1]), "inf in row 1, column 0"),
        (np.zeros((2, 2)), np.array([1, 1]), "single class"),
    ],
)
def test_a_data_set_checks_itself(X, y, words):
    good = Samples(np.zeros((2, 2)), np.array([0, 1]))
    with pytest.raises(DataError, match=words):
        Dataset("mine", 2, Samples(X, y), good)
