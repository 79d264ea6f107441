"""Are the steps as long as they should be, and does the gradient arrive where it is needed?"""

from collections.abc import Iterator
from functools import reduce

import numpy as np

from backlight.diagnosis.course import Course, course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import Curve, MissingError, Record
from backlight.diagnosis.rules.activity import dead_units, saturated_later
from backlight.diagnosis.rules.numbers import FLUNG, growth, layer_of

LONG = 0.03  # ‖update‖ / ‖weights‖: about 1e-3 is usual (Karpathy), 1e-2 for small networks (CS231n)
UPPER = 0.01  # which is the longest of usual ones, where the loss is thrown back again and again
RELAPSES = 3
FIRST_LONG = 0.5  # in the first steps: weights are thrown away, not adjusted
SPIKE = 2.0  # times the lowest loss so far (TheDeepChecker)
PATH = 0.6  # Σ ‖update‖ / ‖weights‖ of a whole training that went nowhere
SLOW = 2e-3  # ‖update‖ / ‖weights‖ of the layer that moves most; a training of few but usual steps is only short
CONSTANT_SLOPE = 0.4  # fall of the loss in the second half by that in the first: nothing has slowed down yet
FADING = 1e-3  # gradient by weight, of the first layer by that of the last (AUTOTRAINER's ratio, on relative gradients)
FADED = 1e-2  # the same where the loss was that of chance for a long time, which is what vanishing looks like
LONG_WAIT = 1 / 3  # of the training
STAYED, BEHIND = 0.1, 0.02  # a first layer that went a tenth of its length, and a fiftieth of what the last one did
RELATIVE = "‖∂L/∂W‖ / ‖W‖ of the first layer by that of the last, at first and over the first half of the training"
RISING = 70.0  # and the reverse (AUTOTRAINER)
DEPTH = 3  # layers
JUMP = 100.0  # times the median gradient norm
TINY_BATCH = 4
LOW = (
    0.8  # training accuracy, where nothing says what could be reached: the median loss of single samples hides the bad
)
NOISE = 0.5  # deviation of the loss from step to step, by its level


def learning_rate_too_high(record: Record) -> Iterator[Finding]:
    """Steps that are long beside the weights, with a loss that does not settle; or that made values overflow, or threw
    weights and loss about at the start."""
    overflow = growth(record)
    if overflow is not None:
        yield Finding("learning-rate-too-high", "prevents", (overflow,), layer_of(overflow.tensor))
        return
    course = course_of(record)
    ratios = record.update_ratios()
    if not any(np.isfinite(values).any() for _, values in ratios.values()) or len(course.windows) < 4:
        raise MissingError("updates of weights, and at least four losses")
    evidence = long_steps(record, course, ratios) or first_steps(record, course, ratios)
    if evidence:
        severity: Severity = "prevents" if course.stuck else "slows"
        yield Finding("learning-rate-too-high", severity, evidence, layer_of(evidence[0].tensor))


def long_steps(record: Record, course: Course, ratios: dict[str, Curve]) -> tuple[Evidence, ...]:
    """Of the layer that moves most: the longer the steps, the less of unrest is needed."""
    medians = {name: float(np.nanmedian(values)) for name, (_, values) in ratios.items() if np.isfinite(values).any()}
    name = max(medians, key=lambda each: medians[each])
    bound = LONG
    unrest = restlessness(record, course) if medians[name] > LONG else None
    if unrest is None and medians[name] > UPPER:
        bound, unrest = UPPER, relapses(course)
    if unrest is None or not course.poor:
        return ()
    text = "‖update‖ / ‖weights‖, median over the training"
    return Evidence(text, medians[name], bound, "above", None, f"update/{name}"), unrest


def first_steps(record: Record, course: Course, ratios: dict[str, Curve]) -> tuple[Evidence, ...]:
    """Weights that were thrown away rather than adjusted, and what became of it: nothing was learnt well, or the loss
    flew up as well."""
    name, at, longest = first_throw(ratios)
    thrown_up = course.windows[: max(2, len(course.windows) // 4)].max() > SPIKE * course.start
    harm = course.poor and (course.stuck or thrown_up or units_lost(record))
    bound = FIRST_LONG if harm else FLUNG
    if longest <= bound or not (harm or thrown_up):
        return ()
    return (Evidence("‖update‖ / ‖weights‖ among the first steps", longest, bound, "above", at, f"update/{name}"),)


def units_lost(record: Record) -> bool:
    """Whether units that passed a gradient at the start are dead or saturated later."""
    for rule in (dead_units, saturated_later):
        try:
            if any(True for _ in rule(record)):
                return True
        except MissingError:
            continue
    return False


def relapses(course: Course) -> Evidence | None:
    """What speaks for a loss that is thrown back again and again: times at which it leaves its lowest for twice that,
    and comes near it again in between."""
    lowest = np.minimum.accumulate(course.windows)
    above = course.windows[1:] > SPIKE * np.maximum(lowest[:-1], 0.02 * course.chance)
    times = int((above[1:] & ~above[:-1]).sum() + above[0])
    text = "times at which the loss rose to above twice the lowest before"
    return Evidence(text, times, RELAPSES, "above") if times >= RELAPSES else None


def first_throw(ratios: dict[str, Curve]) -> tuple[str, int, float]:
    """(weight, step, ratio) of the longest of the first ten recorded steps."""
    heads = {name: np.nan_to_num(values[:10]) for name, (_, values) in ratios.items()}
    name = max(heads, key=lambda each: heads[each].max(initial=0))
    at = int(heads[name].argmax())
    return name, int(ratios[name][0][at]), float(heads[name][at])


def restlessness(record: Record, course: Course) -> Evidence | None:
    """What speaks for a loss that does not settle: it ends above its start, jumps up again and again, or swings."""
    windows = course.windows
    lowest = np.minimum.accumulate(windows)
    floor = np.maximum(lowest[:-1], 0.02 * course.chance)
    spikes = int((windows[1:] > SPIKE * floor).sum())
    if course.end > course.start:
        return Evidence("loss at the end, beside that at the start", course.end, course.start, "above",
                        int(record.loss[0][-1]), "train/loss")  # fmt: skip
    if spikes >= 3 and spikes > 0.1 * len(windows):
        return Evidence("stretches of training in which the loss was above twice the lowest before", spikes, 3, "above")
    late = windows[len(windows) // 2 :]
    turns = np.sign(np.diff(late))
    share = float((turns[1:] != turns[:-1]).mean()) if len(turns) > 2 else 0.0
    swing = float(late.std() / max(late.mean(), 1e-30))
    if share > 0.5 and swing > 0.15:
        return Evidence("deviation of the loss in the second half by its level, up and down", swing, 0.15, "above")
    return None


def learning_rate_too_low(record: Record) -> Iterator[Finding]:
    """In the whole training the weights hardly moved, and the loss was still falling as it did at first."""
    course = course_of(record)
    if not course.poor:
        return
    if len(course.windows) < 4:
        raise MissingError("at least four losses")
    paths = {name: path_of(record, name) for name in record.update_ratios()}
    name = max(paths, key=lambda each: paths[each])
    half = len(course.windows) // 2
    first = course.windows[0] - course.windows[half]
    second = course.windows[half] - course.windows[-1]
    steady = second > CONSTANT_SLOPE * first > 0 or abs(course.start - course.end) < 0.02 * course.chance
    # ever new: a gradient that is nearly 0 is a reason of its own
    ratios = record.update_ratio(name)[1]
    typical = float(np.median(ratios[np.isfinite(ratios)])) if np.isfinite(ratios).any() else np.inf
    if paths[name] < PATH and not typical > SLOW and steady and gradient_kept(record) and int(record.loss[0][-1]) >= 20:
        text = "Σ ‖update‖ / ‖weights‖ over the whole training, of the layer that moved most"
        evidence = Evidence(text, paths[name], PATH, "below", int(record.loss[0][-1]), f"update/{name}")
        yield Finding("learning-rate-too-low", "prevents" if course.stuck else "slows", (evidence,))


def path_of(record: Record, name: str) -> float:
    """Σ ‖update‖ / ‖weights‖ over all steps, from the recorded ones."""
    steps, ratios = record.update_ratio(name)
    kept = np.isfinite(ratios)
    if not kept.any():
        return 0.0
    whole = int(record.loss[0][-1]) - int(record.loss[0][0])
    if kept.sum() < 2:
        return float(ratios[kept][0]) * whole
    return float(np.trapezoid(ratios[kept], steps[kept])) * max(1.0, whole / max(1, int(steps[-1] - steps[0])))


def gradient_kept(record: Record) -> bool:
    """Is the gradient at the end still of the size it had at first, and not 0?"""
    sizes = [record.series(f"grad/{name}") for name in record.weights if record.has(f"grad/{name}")]
    first, last = (float(np.sqrt(sum(float(each.norm[at]) ** 2 for each in sizes))) for at in (0, -1))
    return last > 0.2 * first > 0


def vanishing_gradients(record: Record) -> Iterator[Finding]:
    """The gradient of the first layer is a small part of that of the last, in a network that learns too little or
    waits long before it learns."""
    course = course_of(record)
    if not course.poor and course.waited < LONG_WAIT:
        return
    name, ratio, step = depth_ratio(record)
    bound = FADED if course.waited >= LONG_WAIT else FADING
    evidence = [Evidence(RELATIVE, ratio, bound, "below", step, f"grad/{name}")] if ratio < bound else []
    last = record.weights[-1]
    if record.has(f"update/{name}") and record.has(f"update/{last}"):
        ours, theirs = path_of(record, name), path_of(record, last)
        if 0 < ours < STAYED and ours < BEHIND * theirs:
            text = "Σ ‖update‖ / ‖weights‖ of the first layer by that of the last"
            evidence.append(Evidence(text, ours / theirs, BEHIND, "below", None, f"update/{name}"))
    if evidence:
        severity: Severity = "prevents" if course.stuck else "slows"
        yield Finding("vanishing-gradients", severity, tuple(evidence), layer_of(f"grad/{name}"))


def exploding_gradients(record: Record) -> Iterator[Finding]:
    """Gradients that grow from layer to layer towards the input, or suddenly from step to step."""
    course = course_of(record)
    if not course.poor:
        return
    try:
        name, ratio, step = depth_ratio(record)
    except MissingError:
        ratio = 0.0
    if ratio > RISING:
        evidence = Evidence(RELATIVE, ratio, RISING, "above", step, f"grad/{name}")
        yield Finding(
            "exploding-gradients", "prevents" if course.stuck else "slows", (evidence,), layer_of(f"grad/{name}")
        )
        return
    steps, norms = gradient_norms(record)
    begun = max(5, len(norms) // 4)
    median = float(np.median(norms[:begun])) if len(norms) >= 10 else 0.0
    large = begun + np.flatnonzero(norms[begun:] > JUMP * median) if median > 0 else np.zeros(0, np.int64)
    if len(large):
        text = "norm of the whole gradient by its median at first"
        evidence = Evidence(text, float(norms[large[0]] / median), JUMP, "above", int(steps[large[0]]))
        yield Finding("exploding-gradients", "slows", (evidence,))


def gradient_norms(record: Record) -> Curve:
    """(steps, norm of all weights' gradients together) of recorded steps, which are enough to see a jump that lasts.
    A layer alone may well grow from next to nothing: gradients that had vanished come back."""
    found = [record.series(f"grad/{name}") for name in record.weights if record.has(f"grad/{name}")]
    steps = reduce(np.intersect1d, [each.steps for each in found]) if found else np.zeros(0, np.int64)
    norms = np.zeros(len(steps))
    for each in found:
        norms = np.hypot(norms, each.norm[np.isin(each.steps, steps)])
    return steps, norms


def depth_ratio(record: Record) -> tuple[str, float, int]:
    """(first weight, its relative gradient by that of the last, step): NaN and exact zeros are left out.

    Relative to the weights' own length, since layers of different widths have gradients of different lengths.
    """
    weights = [name for name in record.weights if record.has(f"grad/{name}") and "norm" not in name.lower()]
    if len(weights) < DEPTH:
        raise MissingError(f"{DEPTH} layers of weights with gradients")
    sizes = []
    for name in (weights[0], weights[-1]):
        gradient, values = record.series(f"grad/{name}"), record.series(f"param/{name}")
        size = min(len(gradient), len(values))
        half = max(1, size // 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes.append((gradient.norm[:half] / values.norm[:half], gradient.steps[:half]))
    count = min(len(each[0]) for each in sizes)
    first, last = (each[0][:count] for each in sizes)
    kept = np.isfinite(first) & np.isfinite(last) & (first > 0) & (last > 0)
    if not kept.any():
        raise MissingError("gradients other than 0 in the first and the last layer")
    ratios, steps = first[kept] / last[kept], sizes[0][1][:count][kept]
    # On a plateau the last layer's gradient is small as well, so that of the first record counts where it is lower
    middle = float(np.median(ratios))
    if ratios[0] < middle:
        return weights[0], float(ratios[0]), int(steps[0])
    return weights[0], middle, int(steps[-1])


def batch_too_small(record: Record) -> Iterator[Finding]:
    """Batches of a few samples, and a loss that jumps about without getting better."""
    size, data = record.batch_size, record.known.data
    if size > TINY_BATCH or (data and size >= data.train_samples):
        return
    course = course_of(record)
    _, loss = record.loss
    late = loss[len(loss) // 2 :]
    noise = float(np.abs(np.diff(late)).mean() / max(late.mean(), 1e-30)) if len(late) > 10 else 0.0
    low = course.poor or (not np.isfinite(course.reachable) and course.accuracy < LOW)
    if low and (restlessness(record, course) is not None or not course.falling):
        yield Finding("batch-too-small", "slows", (
            Evidence("samples in a batch", size, TINY_BATCH + 1, "below"),
            Evidence("change of the loss from one record to the next, by its level", noise, NOISE,
                     "above" if noise > NOISE else "below"),
        ))  # fmt: skip
