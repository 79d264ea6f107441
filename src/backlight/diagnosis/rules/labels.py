"""Do the labels belong to their samples, and do both parts number their classes alike?"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import Course, course_of, finite_median
from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules.connection import inputs_are_zero
from backlight.diagnosis.rules.data import blank_share, same_for_all_samples
from backlight.diagnosis.significance import LIKELY, SURE, Table, above, balanced_above, more_often
from backlight.intervals import rate_interval
from backlight.recording.facts import DataFacts

WELL = 0.9  # training accuracy of a network that has learnt its samples
MOVED = 0.1  # Σ ‖update‖ / ‖weights‖: has a training gone anywhere?
EVEN_CLASSES = 0.75  # chance of two samples to have one class, above which neighbours say little
MOST = 0.5  # of the samples of classes that go round; of labels that are drawn by lot
NOISY, GAP = 0.85, 0.1  # neighbours of the same class; between two accuracies


def labels_shifted(record: Record) -> Iterator[Finding]:
    """Labels that are off by a constant: class 0 never occurs, or test samples are taken for the next class."""
    data = record.known.data
    if data and len(data.train_counts) > 2 and data.train_counts[0] == 0 and min(data.train_counts[1:]) > 0:
        text = "training samples of class 0, of which all others have some"
        yield Finding("labels-shifted", "slows", (Evidence(text, 0, 1, "below", None),))
        return
    found = relabelling(record)
    if found and len(found.shifts) == 1:
        yield Finding("labels-shifted", "prevents", (found.evidence,))


def labels_permuted(record: Record) -> Iterator[Finding]:
    """The training part is learnt, and the test part is told wrongly more often than by chance."""
    course = course_of(record)
    found = relabelling(record)
    if found:
        if len(found.shifts) > 1:
            yield Finding("labels-permuted", "prevents", (found.evidence,))
        return
    late, interval, chance = held_out(record)
    low = rate_interval(np.arange(100) < round(late * 100)).low
    if not np.isfinite(course.accuracy):
        raise MissingError("a scalar such as train/acc")
    if course.accuracy > WELL and interval < 0.5 and (lowest := never_below_chance(record, course)):
        text = "lowest test loss, beside that of chance, with a training part that is learnt and more than chance right"
        if low > chance:
            evidence = Evidence(text, lowest, course.chance, "above", None, "test/loss")
            yield Finding("labels-permuted", "prevents", (evidence,))
            return
    if course.accuracy > min(WELL, 2.0 * chance + 0.1) and interval < 0.8 * chance:
        text = "test accuracy (upper end of its 95 % interval), beside chance, with a training part that is learnt"
        yield Finding(
            "labels-permuted", "prevents", (Evidence(text, interval, chance, "below", None, "test/accuracy"),)
        )


def never_below_chance(record: Record, course: Course) -> float:
    """The lowest test loss if it was above that of chance all along; 0 if not, or where it is not recorded."""
    try:
        lowest = float(np.nanmin(record.test_loss[1]))
    except MissingError:
        return 0.0
    return lowest if lowest > course.chance else 0.0


def labels_shuffled(record: Record) -> Iterator[Finding]:
    """Labels have nothing to do with the samples: no neighbour tells them, or what is learnt holds for no others."""
    data = record.known.data
    late, _, chance = held_out(record)
    if inputs_are_zero(record) or same_for_all_samples(record)[0] or relabelling(record):
        return  # told as inputs-ignored, or as what it is
    if data:
        if (noise := label_noise(data)) and noise.z > SURE and noise.share > MOST:
            yield Finding("labels-shuffled", "prevents", (noise.evidence(SURE), noise.share_evidence))
            return
        asked = sum(map(sum, data.votes)) or min(400, data.train_samples)
        low = rate_interval(np.arange(asked) < round(data.neighbours * asked)).low
        if asked >= 50 and data.chance < EVEN_CLASSES and low < data.chance + 0.02 and late < chance + 0.1:
            text = (
                "share of samples whose nearest neighbour has their class (lower end of its 95 % interval), and chance"
            )
            yield Finding("labels-shuffled", "prevents", (Evidence(text, low, data.chance + 0.02, "below"),))
        return
    course = course_of(record)
    moved = [float(np.nansum(ratios)) for _, ratios in record.update_ratios().values()]
    memorised = course.accuracy > chance + 0.05 and course.accuracy > late + 0.05
    if memorised and 0.5 * chance < late < chance + 0.05 and max(moved) > MOVED:
        text = "test accuracy at the end, beside chance, with a training part that is being memorised"
        evidence = Evidence(text, late, chance + 0.05, "below", None, "test/accuracy")
        yield Finding("labels-shuffled", "prevents", (evidence,))


def labels_noisy(record: Record) -> Iterator[Finding]:
    """Neighbours tell training labels less often than test labels; or often have others that are learnt by heart."""
    course = course_of(record)
    data = record.known.data
    if data is None:
        raise MissingError("the samples' facts, which train writes and watch does not know")
    noise = label_noise(data)
    if noise and noise.z > LIKELY:
        sure = noise.z > SURE
        evidence = (noise.evidence(SURE if sure else LIKELY), noise.share_evidence)
        if not (sure and noise.share > MOST):  # told as labels-shuffled
            yield Finding("labels-noisy", "slows" if sure else "note", evidence)
    elif data.chance + 0.1 < data.neighbours < NOISY and course.accuracy > data.neighbours + GAP:
        text = "share of training samples whose nearest neighbour has their class, with a training part that is learnt"
        yield Finding("labels-noisy", "note", (Evidence(text, data.neighbours, NOISY, "below"),))


# --- labels that are drawn by lot ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noise:
    """How much oftener neighbours tell test labels than training labels.

    Attributes:
        z: of the difference.
        share: of training labels that are as if drawn by lot.
    """

    z: float
    share: float

    def evidence(self, bound: float) -> Evidence:
        text = "neighbours tell the classes of test samples more often than those of training samples, in deviations"
        return Evidence(text, self.z, bound, "above")

    @property
    def share_evidence(self) -> Evidence:
        text = "share of training labels that have nothing to do with their samples, as that difference has it"
        return Evidence(text, self.share, 0.0, "above")


def label_noise(data: DataFacts) -> Noise | None:
    """Of the training part, beside a test part of the same kind; None where votes were not counted.

    If a share r of the training labels is drawn by lot, neighbours tell (1 − r) M + r c of the training part's and M of
    the test part's, where c is what they tell of labels by lot (Brodley & Friedl 1999 filter labels in this way).
    M is the share of test rows told by training rows or, if that is the surer, by test rows.
    """
    if not data.votes:
        return None
    found = [noise_beside(reference, data.votes) for reference in (data.test_votes, data.test_own_votes)]
    return max(found, key=lambda noise: noise.z)


def noise_beside(reference: Table, votes: Table) -> Noise:
    z, clean, given = balanced_above(reference, votes)
    table = np.array(votes, np.float64)
    total = max(1.0, table.sum())
    chance = float((table.sum(axis=0) / total * table.sum(axis=1) / total).sum())
    learnable = float(clean.sum()) - chance
    kept = (float(given.sum()) - chance) / learnable if learnable > 0 else 1.0
    return Noise(z, float(np.clip(1 - kept, 0, 1)))


# --- classes that go round -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Relabelling:
    """Classes that are named by each other's names.

    Attributes:
        share: of their samples that carry the name that most of them do.
        shifts: the steps from a class to its name, modulo K.
    """

    share: float
    shifts: frozenset[int]

    @property
    def evidence(self) -> Evidence:
        text = "share of test samples of some classes that are named by one constant relabelling of these"
        return Evidence(text, self.share, MOST, "above")


def relabelling(record: Record) -> Relabelling | None:
    """Of the test part: as the network names it, or as its neighbours in the training part do."""
    found = None
    if better_trained(record):
        with suppress(MissingError):
            found = exchanged(confusion(record))
    data = record.known.data
    if found or data is None or not data.votes or balanced_above(data.votes, data.test_votes)[0] < SURE:
        return found
    return None if blank_share(data) else exchanged(np.array(data.test_votes))


def better_trained(record: Record) -> bool:
    """Is the training part told better than the test part? A network that learns the opposite tells both badly."""
    late, _, _ = held_out(record)
    accuracy, data = course_of(record).accuracy, record.known.data
    n, m = (data.train_samples, data.test_samples) if data else (100, 100)
    return not np.isfinite(accuracy) or above(accuracy * n, n, late * m, m) > SURE


def exchanged(table: NDArray[np.int64]) -> Relabelling | None:
    """Classes that go round in the likeliest permutation (Kuhn 1955), if it is surely likelier than the identity.

    Each class counts alike, so that a network that gives all samples one name exchanges none.
    """
    from scipy.optimize import linear_sum_assignment

    rates = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    classes, names = linear_sum_assignment(-rates)
    moved = classes[(names != classes) & (table.sum(axis=1) > 0)]
    moved = moved[rates[moved, names[moved]] > rates[moved, moved]]
    if len(moved) < 2 or len(np.setdiff1d(names[moved], moved)) > 1:  # one may have kept its name
        return None
    share = float(rates[moved, names[moved]].mean())
    z = more_often(table[moved, names[moved]].sum(), table[moved, moved].sum())
    shifts = frozenset(((names - classes)[moved] % len(table)).tolist())
    return Relabelling(share, shifts) if share > MOST and z > SURE else None


# --- what these rules have in common ---------------------------------------------------------------------------------


def held_out(record: Record) -> tuple[float, float, float]:
    """(test accuracy of the last tenth, upper end of its interval, accuracy of always naming the largest class)."""
    _, accuracy = record.test_accuracy
    data = record.known.data
    count = data.test_samples if data else 100
    counts = data.test_counts if data else ()
    chance = max(counts) / count if counts and count else 1 / record.classes
    last = finite_median(accuracy[-max(1, len(accuracy) // 10) :])
    return last, rate_interval(np.arange(count) < round(last * count)).high, chance


def confusion(record: Record) -> NDArray[np.int64]:
    try:
        return record.run.snapshot("test_confusion")
    except OSError:
        raise MissingError("the snapshot test_confusion") from None
