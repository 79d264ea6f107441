"""The network as a scikit-learn estimator."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from backlight.data.dataset import Dataset, Samples
from backlight.engine.population import Population
from backlight.engine.train import train_population
from backlight.networks.deep_network import DeepNeuralNetwork


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A fully connected network with softmax cross-entropy, trained by the engine, by scikit-learn's conventions.

    Parameters:
        hidden: widths of the hidden layers, each at least 1; may be empty.
        activation: tanh, sigmoid, relu, leaky_relu or identity.
        optimizer: sgd, momentum or adam.
        learning_rate: step on the mean loss, above 0.
        l2: λ of (λ/2) Σ‖W‖², 0 or more.
        steps: number of updates, at least 1.
        batch_size: samples of an update; all of them if None.
        random_state: of weights and batches.

    Attributes:
        `classes_`: (K,) labels in rising order.
        `network_`: the trained network, float64.
        `n_iter_`: updates done.
        `n_features_in_`: d, the number of columns of X.

    >>> import numpy as np
    >>> X, y = np.array([[0.0], [0.2], [0.9], [1.0]]), np.array(["low", "low", "high", "high"])
    >>> classifier = NetworkClassifier(hidden=(), steps=500, learning_rate=0.1, random_state=0).fit(X, y)
    >>> classifier.predict([[0.1], [0.8]]).tolist()
    ['low', 'high']
    """

    def __init__(
        self,
        hidden: Sequence[int] = (8,),
        activation: str = "tanh",
        optimizer: str = "adam",
        learning_rate: float = 0.01,
        l2: float = 5e-5,
        steps: int = 1000,
        batch_size: int | None = None,
        random_state: int | None = None,
    ):
        self.hidden = hidden
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l2 = l2
        self.steps = steps
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "NetworkClassifier":
        """Trains on X (N, d), real and finite, and y (N,), labels of any kind with at least two classes.

        Raises:
            ValueError: for X or y that cannot be trained on, or a parameter out of its range.

        Warns with ConvergenceWarning if the training diverges.
        """
        rows, given = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(given)
        self._check_parameters()
        classes, labels = np.unique(given, return_inverse=True)
        self.classes_: NDArray[Any] = classes
        if len(classes) < 2:
            raise ValueError("the labels hold one class only; two or more classes are needed to train a classifier")
        seed = int(check_random_state(self.random_state).randint(2**31))
        population = Population.initialised(
            [rows.shape[1], *self.hidden, len(self.classes_)],
            self.activation,
            [seed],
            self.learning_rate,
            self.l2,
            optimizer=self.optimizer,
            batch_size=self.batch_size,
        )
        samples = Samples(rows, labels.astype(np.int64))
        data = Dataset("the training data", len(self.classes_), samples, samples)
        outcome = train_population(population, [data], self.steps, looks=[], dtype=np.float64)
        if outcome.diverged[0]:
            warnings.warn("training diverged; try a lower learning_rate", ConvergenceWarning, stacklevel=2)
        self.network_: DeepNeuralNetwork = outcome.network(0)
        self.n_iter_: int = self.steps
        return self

    def _check_parameters(self) -> None:
        for name in ("learning_rate", "steps", "batch_size"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise ValueError(f"{name} must be a number above 0, not {value}")
        if not 0 <= self.l2 < np.inf:
            raise ValueError(f"l2 must be 0 or more, not {self.l2}")

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Class probabilities (N, K), columns in the order of `classes_`; NotFittedError before `fit`."""
        check_is_fitted(self)
        return self.network_.predict_proba(validate_data(self, X, dtype=np.float64, reset=False))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Most probable label of each row of X (N, d): (N,); NotFittedError before `fit`."""
        winners = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[winners]
        return labels
