import warnings

import numpy as np
import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from backlight.data.points import make_points
from backlight.training.classifier import NetworkClassifier


def test_scikit_learns_own_checks():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)  # the array-API check, when SciPy's switch for it is off
        check_estimator(NetworkClassifier())


def test_it_learns_the_moons_with_labels_of_any_kind():
    samples = make_points("moons", 300, 0.15, seed=1)
    names = np.array(["lower", "upper"])[samples.y]
    model = make_pipeline(StandardScaler(), NetworkClassifier(hidden=(8,), random_state=0))
    assert cross_val_score(model, samples.X, names, cv=3).mean() > 0.95


@pytest.mark.parametrize("batch_size", [None, 10])
def test_the_same_state_gives_the_same_network(batch_size):
    samples = make_points("blobs", 60, 0.3, classes=3, seed=2)
    models = [
        NetworkClassifier(batch_size=batch_size, steps=50, random_state=4).fit(samples.X, samples.y) for _ in "ab"
    ]
    np.testing.assert_array_equal(*(model.predict_proba(samples.X) for model in models))
    assert models[0].n_iter_ == 50
