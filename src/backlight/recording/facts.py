"""facts.json: what training knows and no tensor shows, such as the data, the optimiser and which parameters it has.

A fact that nobody knew is None, an empty tuple or "". Older runs have no such file.
"""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from backlight.recording.page_sums import has_sums
from backlight.recording.seals import damaged, read_json, write_json

FILE = "facts.json"


@dataclass(frozen=True)
class ParameterFacts:
    """One parameter of the network.

    Attributes:
        name: in the record, without "param/".
        shape: of its array.
        trainable: does it want a gradient?
        optimized: does the optimiser hold it?
        fan_in: values that one of its units sums over; None for a bias.
        output: name in the record, without "act/", of what its layer gives; "" where unknown.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool = True
    optimized: bool = True
    fan_in: int | None = None
    output: str = ""


@dataclass(frozen=True)
class DataFacts:
    """The samples, in numbers that rules can hold the training against.

    Attributes:
        train_samples, test_samples: how many there are; `test` is the part that accuracies are measured on.
        train_counts, test_counts: samples of each class.
        means, deviations, largest: of each feature of the training part, largest |x|; for more than 256 features, of
            all values together.
        repeated_in_test: share of test rows that also stand, to the bit, in the training part.
        repeated_in_train: share of training rows that stand in it more than once.
        label_runs: stretches of equal labels in the training part's own order, by the number that a random order would
            have; far below 1 for sorted data.
        explained: largest and second largest share of a feature's variance that the class explains (η²), 0…1.
        explaining_feature: the number of the feature with the largest one.
        neighbours: of training rows, share whose nearest other training row has the same class. Of equal rows one
            alone is looked at.
        test_neighbours: of test rows, share whose nearest training row has the same class.
        chance: what `neighbours` would be if labels had nothing to do with features: Σ (share of class)².
        votes, test_votes: (K, K) training rows, and test rows, of each class by the class that most of the √n nearest
            other training rows have; empty for more than 32 classes.
        test_own_votes: the same of test rows by the nearest other test rows, of each class at most as many as the
            training part has.
        same_row_counts: of each class, training rows that are one and the same row, the commonest; empty if none is
            repeated.
        alone: share of training rows whose class that of the nearest other row is, if one feature alone is known: of
            the feature that tells most, and of the second.
        telling_feature: the number of that feature.
    """

    train_samples: int
    test_samples: int
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    largest: tuple[float, ...]
    repeated_in_test: float
    repeated_in_train: float
    label_runs: float
    explained: tuple[float, float]
    explaining_feature: int
    neighbours: float
    test_neighbours: float
    chance: float
    votes: tuple[tuple[int, ...], ...] = ()
    test_votes: tuple[tuple[int, ...], ...] = ()
    test_own_votes: tuple[tuple[int, ...], ...] = ()
    same_row_counts: tuple[int, ...] = ()
    alone: tuple[float, float] = (0.0, 0.0)
    telling_feature: int = 0


@dataclass(frozen=True)
class Facts:
    """What a training knows of itself.

    Attributes:
        optimizer: its name, such as "sgd".
        learning_rate: at the start; of a schedule, its peak where that is known.
        batch_size: samples of an update.
        loss: "cross_entropy" for the mean cross-entropy of softmax(logits); "" where unknown.
        classes: K, the number of outputs.
        shuffled: whether each epoch has another order; None where unknown.
        parameters: all of the network, in order of the forward pass.
        modules: (name, kind) of a PyTorch model's modules, such as ("0", "Linear").
        same_draws: pairs of parameters whose first values are the same but for a factor.
        data: of the samples.
    """

    optimizer: str = ""
    learning_rate: float | None = None
    batch_size: int | None = None
    loss: str = ""
    classes: int | None = None
    shuffled: bool | None = None
    parameters: tuple[ParameterFacts, ...] = ()
    modules: tuple[tuple[str, str], ...] = ()
    same_draws: tuple[tuple[str, str], ...] = ()
    data: DataFacts | None = None


def write_facts(folder: Path, facts: Facts) -> None:
    """Writes or replaces the file.

    Raises:
        OSError: if the folder cannot be written.
    """
    write_json(folder / FILE, "facts", asdict(facts))


def add_facts(folder: Path, **known: Any) -> Facts:
    """Puts what somebody else knows, such as `batch_size=32`, beside the facts of a run; the whole as it is then."""
    facts = replace(read_facts(folder) or Facts(), **known)
    write_facts(folder, facts)
    return facts


def read_facts(folder: Path) -> Facts | None:
    """None if there is no such file.

    Raises:
        RunError: if it is damaged.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        return None
    try:
        return msgspec.convert(read_json(path, "facts", has_sums(folder)), Facts)
    except msgspec.MsgspecError as error:
        raise damaged(path, error) from None
