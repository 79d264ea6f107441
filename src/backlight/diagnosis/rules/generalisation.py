"""Does what was learnt hold for other samples, and could more have been learnt?"""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.record import MissingError, Record
from backlight.intervals import rate_interval

RISE, FALL = 1.15, 0.9  # of its lowest test loss, while the training loss fell to so much of what it was then
GAP = 0.1  # between two accuracies
SETTLED = 0.03  # of its level: change of a loss that has come to rest
NOISY = 0.85  # neighbours of the same class


def overfitting(record: Record) -> Iterator[Finding]:
    """The training part gets better while the test part gets worse, and there is a gap between them."""
    evidence = list(rising_test_loss(record)) + list(gap(record))
    if len(evidence) == 2 or (len(evidence) == 1 and not has_test_loss(record)):
        yield Finding("overfitting", "slows", tuple(evidence))


def has_test_loss(record: Record) -> bool:
    try:
        return len(record.test_loss[0]) > 3
    except MissingError:
        return False


def rising_test_loss(record: Record) -> Iterator[Evidence]:
    if not has_test_loss(record):
        return
    steps, test = record.test_loss
    at, train = record.loss
    if not np.isfinite(test).all() or not np.isfinite(train).all():
        return
    lowest = int(np.nanargmin(test))
    late = float(np.median(test[-max(1, len(test) // 10) :]))
    then, now = np.interp(steps[lowest], at, train), float(np.median(train[-max(1, len(train) // 10) :]))
    if late > RISE * test[lowest] and now < FALL * then:
        text = "test loss at the end, beside its lowest, while the training loss went on falling"
        yield Evidence(text, late, RISE * float(test[lowest]), "above", int(steps[-1]), "test/loss")


def gap(record: Record) -> Iterator[Evidence]:
    """More of a gap than the number of test samples leaves to chance."""
    steps, test = record.test_accuracy
    train = course_of(record).accuracy
    if not np.isfinite(train):
        raise MissingError("a scalar such as train/acc")
    data = record.known.data
    count = data.test_samples if data else 100
    last = float(np.median(test[-max(1, len(test) // 10) :]))
    high = rate_interval(np.arange(count) < round(last * count)).high
    if train - last > GAP and train > high:
        text = "training accuracy by that of the test part, difference"
        yield Evidence(text, train - last, GAP, "above", int(steps[-1]), "test/accuracy")


def too_small_model(record: Record) -> Iterator[Finding]:
    """The loss has come to rest above what the samples allow: nearest neighbours tell the classes apart better."""
    course = course_of(record)
    if not np.isfinite(course.reachable) or not np.isfinite(course.accuracy):
        raise MissingError("the samples' facts, which train writes and watch does not know")
    if course.broken or len(course.windows) < 4:
        return
    third = max(1, len(course.windows) // 3)
    rest = abs(course.windows[-third:].mean() - course.windows[-2 * third : -third].mean()) / max(course.end, 1e-30)
    if course.accuracy < course.reachable - GAP and rest < SETTLED:
        yield Finding("too-small-model", "slows", (
            Evidence("training accuracy, beside that of nearest neighbours", course.accuracy,
                     course.reachable - GAP, "below", int(course.steps[-1]), "train/acc"),
            Evidence("change of the loss over the last third, by its level", rest, SETTLED, "below"),
        ))  # fmt: skip


def labels_noisy(record: Record) -> Iterator[Finding]:
    """A training part that is known by heart although neighbours often have other labels: some labels may be wrong."""
    course = course_of(record)
    if not np.isfinite(course.reachable):
        raise MissingError("the samples' facts, which train writes and watch does not know")
    data = record.known.data
    assert data is not None
    if data.chance + 0.1 < data.neighbours < NOISY and course.accuracy > data.neighbours + GAP:
        text = "share of training samples whose nearest neighbour has their class, with a training part that is learnt"
        yield Finding("labels-noisy", "note", (Evidence(text, data.neighbours, NOISY, "below"),))
