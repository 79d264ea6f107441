"""Does what was learnt hold for other samples, and could more have been learnt?"""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.course import course_of, finite_median
from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.significance import SURE, above

LOST = 0.25  # of what a test loss had gained on chance
GAP = 0.1  # between two accuracies
SETTLED = 0.03  # of its level: change of a loss that has come to rest


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
    """Of what the test loss had gained on chance, much is lost again; or it never gained anything."""
    if not has_test_loss(record):
        return
    _, test = record.test_loss
    course = course_of(record)
    if not np.isfinite(test).all() or course.broken:
        return
    lowest, late = float(test.min()), finite_median(test[-max(1, len(test) // 10) :])
    bound = lowest + LOST * max(0.0, course.chance - lowest)
    if late > bound and course.end < late:
        text = "test loss at the end, beside its lowest and a quarter of the way from there back to chance"
        yield Evidence(text, late, bound, "above", int(record.test_loss[0][-1]), "test/loss")


def gap(record: Record) -> Iterator[Evidence]:
    """More of a gap than the number of test samples leaves to chance."""
    steps, test = record.test_accuracy
    train = course_of(record).accuracy
    if not np.isfinite(train):
        raise MissingError("a scalar such as train/acc")
    data = record.known.data
    count = data.test_samples if data else 100
    last = finite_median(test[-max(1, len(test) // 10) :])
    told = (last * count + 1) / (count + 2)
    bound = SURE * float(np.sqrt(told * (1 - told) / count))
    if train - last > bound:
        text = "training accuracy by that of the test part, difference, beside 4 standard errors of the latter"
        yield Evidence(text, train - last, bound, "above", int(steps[-1]), "test/accuracy")


def too_small_model(record: Record) -> Iterator[Finding]:
    """The loss has come to rest above what the samples allow: nearest neighbours tell the classes apart better."""
    course = course_of(record)
    if not np.isfinite(course.reachable) or not np.isfinite(course.accuracy):
        raise MissingError("the samples' facts, which train writes and watch does not know")
    if course.broken or len(course.windows) < 4:
        return
    third = max(1, len(course.windows) // 3)
    rest = abs(course.windows[-third:].mean() - course.windows[-2 * third : -third].mean()) / max(course.end, 1e-30)
    if rest < SETTLED and course.accuracy < course.reachable - GAP:
        bounded = Evidence("change of the loss over the last third, by its level", rest, SETTLED, "below")
        text = "training accuracy, beside that of nearest neighbours"
        told = Evidence(text, course.accuracy, course.reachable - GAP, "below", int(course.steps[-1]), "train/acc")
        yield Finding("too-small-model", "slows", (told, bounded))
    else:
        yield from beaten(record)


def beaten(record: Record) -> Iterator[Finding]:
    """A note: votes of neighbours tell test samples surely better, so that something holds the network back."""
    data = record.known.data
    if data is None or not data.test_votes:
        return
    steps, test = record.test_accuracy
    last = finite_median(test[-max(1, len(test) // 10) :])
    votes = np.array(data.test_votes)
    z = above(float(np.trace(votes)), float(votes.sum()), last * data.test_samples, data.test_samples)
    if z > SURE:
        text = "neighbours tell test samples more often than the network, in deviations"
        evidence = Evidence(text, z, SURE, "above", int(steps[-1]), "test/accuracy")
        yield Finding("too-small-model", "note", (evidence,))
