"""The points of a playground: generated, above a formula, drawn, or out of a CSV."""

import numpy as np
import pytest

from backlight.data.points import load_points, make_points
from backlight.errors import DataError, SettingsError
from backlight.page.playground.picture import SIDE, plane_of
from backlight.page.playground.points import csv_points, dataset_of, own_points
from tests.page.play import small


def drawn(count: int, classes: int = 2, seed: int = 0):
    rng = np.random.default_rng(seed)
    return tuple((float(x), float(y), at % classes) for at, (x, y) in enumerate(rng.normal(size=(count, 2)).round(3)))


@pytest.mark.parametrize(("data", "classes"), [("moons", 2), ("circles", 2), ("xor", 2), ("blobs", 5), ("spirals", 3)])
def test_generated_points_are_those_of_the_command_line(data, classes):
    found = dataset_of(small(data=data, classes=classes, seed=4))
    expected = load_points(data, 60, 60, 0.1, classes, 4)
    np.testing.assert_array_equal(found.train.X, expected.train.X)
    np.testing.assert_array_equal(found.test.y, expected.test.y)
    assert found.classes == classes
    assert len(found.train) == len(found.test) == 60


def test_a_formula_parts_the_plane():
    found = dataset_of(small(data="formula", formula="x^3 - x/2", noise=0.0, samples=500))
    for part in (found.train, found.test):
        x, y = part.X.T
        np.testing.assert_array_equal(part.y, y > x**3 - x / 2)
        assert np.abs(part.X).max() <= 1
    assert not np.isin(found.test.X, found.train.X).any()


def test_noise_is_added_after_the_formula_has_labelled():
    still, moved = (dataset_of(small(data="formula", formula="x", noise=noise)).train for noise in (0.0, 0.4))
    np.testing.assert_array_equal(still.y, moved.y)
    assert 0.05 < (moved.X - still.X).std() < 0.2


def test_where_a_formula_is_not_defined_points_lie_above_it():
    found = dataset_of(small(data="formula", formula="sqrt(x)", noise=0.0)).train
    assert (found.y[found.X[:, 0] < 0] == 1).all()


@pytest.mark.parametrize("formula", ["5", "-1/0", "1/0", "0/0", "exp(1000)"])
def test_a_formula_outside_the_square_is_refused_in_words(formula):
    with pytest.raises(DataError, match="lie on one side of y ="):
        dataset_of(small(data="formula", formula=formula))


def test_a_formula_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="not allowed in a formula"):
        dataset_of(small(data="formula", formula="y"))


def test_a_fifth_of_ones_own_points_is_held_out_of_each_class():
    points = drawn(50, classes=5)
    found = own_points(points, 0)
    assert (len(found.train), len(found.test), found.classes) == (40, 10, 5)
    np.testing.assert_array_equal(np.bincount(found.test.y), [2] * 5)
    everything = {
        (*map(float, x), int(y)) for part in (found.train, found.test) for x, y in zip(part.X, part.y, strict=True)
    }
    assert everything == set(points)  # to the bit, none twice


def test_a_few_points_are_all_trained_on():
    found = own_points(drawn(9), 0)
    assert found.train is found.test
    assert len(found.train) == 9
    assert len(own_points(drawn(10), 0).test) == 2


def test_the_seed_chooses_whom_to_hold_out():
    one, other, again = (own_points(drawn(50), seed).test.X for seed in (0, 1, 0))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("points", [(), ((0.0, 0.0, 1),), ((0.0, 0.0, 1), (1.0, 0.0, 1))])
def test_points_of_one_class_are_refused_in_words(points):
    with pytest.raises(DataError, match="at least two classes"):
        own_points(points, 0)


def test_classes_may_be_left_out_between_others():
    found = own_points(((0.0, 0.0, 1), (1.0, 1.0, 3)), 0)
    assert found.classes == 4


def test_points_on_one_spot_have_a_plane_around_them():
    plane = plane_of(own_points(((2.0, -3.0, 0), (2.0, -3.0, 1)), 0))
    assert (plane.centre, plane.half) == ((2.0, -3.0), 1.0)
    assert plane.grid.shape == (SIDE**2, 2)


def test_a_plane_is_a_square_around_all_points_from_the_top_left():
    data = dataset_of(small())
    plane = plane_of(data)
    X = np.concatenate([data.train.X, data.test.X])
    assert (np.abs(X - plane.centre) < plane.half).all()
    grid = plane.grid.reshape(SIDE, SIDE, 2)
    assert grid[0, 0, 0] < grid[0, -1, 0]
    assert grid[0, 0, 1] > grid[-1, 0, 1]
    np.testing.assert_allclose(grid.reshape(-1, 2).mean(axis=0), plane.centre, atol=1e-12)


def test_a_csv_is_standardised():
    X, y = (lambda samples: (samples.X * [3, 100] + [7, -2000], samples.y))(make_points("moons", 40))
    found = csv_points("\n".join(f"{a!r};{b!r};{label}" for (a, b), label in zip(X.tolist(), y, strict=True)))
    table = np.array(found)
    np.testing.assert_allclose(table[:, :2].mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(table[:, :2].std(axis=0), 1, atol=1e-3)
    np.testing.assert_array_equal(table[:, 2], y)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_header_and_empty_lines_are_no_points(separator):
    rows = ["height", "weight", "class"], ["1", "2", "0"], [], ["-1", "-2", "1"]
    found = csv_points("\r\n".join(separator.join(row) for row in rows))
    assert found == [(1.0, 1.0, 0), (-1.0, -1.0, 1)]


def test_a_column_that_never_changes_becomes_0():
    assert csv_points("5,1,0\n5,3,1") == [(0.0, -1.0, 0), (0.0, 1.0, 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file: no rows"),
        ("a,b,c", "the file: no rows"),
        ("1,2,0\n1,x,1", "line 2, column 2: 'x' is not a number"),
        ("a,b,c\n1,2,0\n\n1,,1", "line 4, column 2: '' is not a number"),
        ("1,2,0\n1,nan,1", "line 2, column 2: nan is not finite"),
        ("1,2,0\ninf,2,1", "line 2, column 1: inf is not finite"),
        ("1,2,0\n1,2", "line 2: 2 columns, expected 3"),
        ("1,2,0\n1,2,0.5", "line 2: class 0.5 is not one of 0, 1, 2"),
        ("1,2,0\n1,2,-1", "line 2: class -1 is not one of"),
        ("1,2,3,0\n1,2,3,1", "two columns of numbers and a class; this file has 3 and a class"),
        ("1,0\n2,1", "two columns of numbers and a class; this file has 1 and a class"),
        ("1\n2", "1 columns, expected 2"),
        ("1,2,0\n1,2,5", "2,000 points in 5 classes, not 2 in 6"),
        ("1,2,0\n" * 2001, "2,000 points in 5 classes, not 2,001 in 1"),
        ("1e200,1,0\n-1e200,2,1", "column 1: values too large"),
        ("1,1e308,0\n1,1e308,1", "column 2: values too large"),
        ('"1,2,0\n1,2,1', "the file"),
        ("\x00\x01", "the file"),
    ],
)
def test_a_bad_csv_is_refused_by_line_and_column(text, words):
    with pytest.raises(DataError) as caught:
        csv_points(text)
    assert words in str(caught.value)
