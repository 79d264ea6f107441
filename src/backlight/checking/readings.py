"""Of all ways in which a file can be read as a network, the one under which it is most right."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from backlight.checking.construct import TRIED_SIZES, Maker, Sizes
from backlight.checking.discover import NotFoundError, Stage, networks, subjects
from backlight.checking.feed import feeds
from backlight.checking.gradients import STEP, TOLERANCE, Sampled, numeric_gradients, relative_error
from backlight.checking.identify import Network, candidate_networks, identify_both, identify_loss, measure
from backlight.checking.layout import is_bias, layouts
from backlight.checking.loss_fit import LossFit
from backlight.checking.one_by_one import one_by_one
from backlight.checking.own_code import OwnCode
from backlight.checking.program import Program, user_line
from backlight.checking.store import Slot, slots
from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Array

POINTS = (1, 2, 3)
EQUAL_HIDDEN = Sizes(3, (5, 5), 4)  # for what adds one hidden layer to another
DIRECTIONS = 3  # along which a reading's gradient is tried
FAILURES = (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, NameError)


@dataclass(frozen=True)
class Reading:
    """A subject, what it computes, and how its gradient compares with central differences.

    Attributes:
        network, fit: the textbook's form of network and loss; None where they were not recognised.
        errors: relative error of each parameter's gradient along a few directions; empty without a loss.
        activation: the activation that was asked for by name; None for the program's own choice.
    """

    subject: Subject
    sizes: Sizes
    network: Network | None
    fit: LossFit | None
    errors: tuple[float, ...]
    activation: str | None = None

    @property
    def right(self) -> bool:
        return bool(self.errors) and 0.0 < max(self.errors) <= TOLERANCE  # 0 where nothing changes the loss

    @property
    def clean(self) -> bool:
        """Whether the loss was recognised and has no mistake in it."""
        return self.fit is not None and self.fit.term.mistake in ("", "loss-epsilon")

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, bool, bool, float]:
        """The smaller the better."""
        single = self.subject.feed.single
        worst = 0.0 if self.fit and self.network else max(self.errors, default=1.0)  # then the first one found
        return (not self.right, self.fit is None, self.network is None, self.misshapen, single, not self.clean, worst)

    @property
    def misshapen(self) -> bool:
        """Whether most biases have no gradient of their shape: samples taken one by one were handed over as a batch."""
        biases = [g is None or g.shape != slot.read().shape for g, slot in self.gradients() if is_bias(slot)]
        return 2 * sum(biases) > len(biases)

    @property
    def off_by_a_factor(self) -> bool:
        """Whether one constant factor over all gradients may be all that is wrong: ‖cg − g‖ ∝ ‖cg + g‖."""
        felt = [error for error in self.errors if error > 0]
        return bool(felt) and not self.right and max(felt) < 1 and np.ptp(felt) <= 1e-5 * max(felt)

    @property
    def sound(self) -> bool:
        """Whether a whole batch was worked through: the mistakes that are left are the program's.

        Sums over the batch, without which a bias's gradient has another shape, stand in code for batches alone.
        """
        batch = not self.subject.feed.single and (self.understood or self.summed)
        shaped = [g is not None and g.shape == s.read().shape for g, s in self.gradients()] if batch else []
        return bool(shaped) and all(shaped)

    @property
    def understood(self) -> bool:
        return self.clean and self.network is not None

    @property
    def summed(self) -> bool:
        """Whether the loss takes all samples in and there are biases, whose gradients must be sums over them."""
        return self.subject.has_loss and any(is_bias(slot) or slot.read().ndim == 1 for slot in self.subject.slots)

    def gradients(self) -> Iterator[tuple[Array | None, Slot]]:
        return zip(self.subject.gradients(), self.subject.slots, strict=True)


def best_reading(program: Program, target: str | None, activation: str | None = None) -> Reading:
    """Sizes in order; the first for which the file can be read at all. Raises NotFoundError.

    Equal widths, which hide wrong shapes, are for code whose forward pass works with any widths.
    """
    failures: list[Stage] = []
    for sizes in tried_sizes(program, target, failures):
        best = best_of(program, target, sizes, activation, failures)
        if best is not None:
            return best if sizes.equal else better(program, target, activation, best)
        if activation is not None and any(stage.depth == 4 for stage in failures):
            break
    raise NotFoundError(max(failures, key=telling, default=Stage(0, "no network was found")))


def tried_sizes(program: Program, target: str | None, failures: list[Stage]) -> Iterator[Sizes]:
    """Widths to try next, in the light of what failed so far.

    Where forward and loss work with any widths and only the backward pass does not, its shapes are wrong, and
    equal widths show how; where they do not, the program may be written for one output or two.
    """
    yield from fixed_sizes(program, target)
    yield TRIED_SIZES[0]
    if not any(stage.depth == 3 for stage in failures):
        yield from TRIED_SIZES[1:3]
    if any(2 <= stage.depth < 4 for stage in failures):
        yield from TRIED_SIZES[3:]
    if any(stage.depth == 3 for stage in failures):
        yield from TRIED_SIZES[1:3]
    if not any(stage.depth > 1 for stage in failures):
        yield EQUAL_HIDDEN


def telling(stage: Stage) -> tuple[int, bool]:
    return stage.depth, stage.cause is not None and user_line(stage.cause) is not None


def better(program: Program, target: str | None, activation: str | None, best: Reading) -> Reading:
    """Where a reading is not right: one output instead of several, a whole step of training instead of its gradient.

    A mean over N × K entries of the loss beside 1/N in the gradient is no mistake in a program for one output.
    """
    if best.right:
        return best
    written, strange = one_output(program), best.network is None
    of_one = written or strange or (best.off_by_a_factor and not several_outputs(program))
    if (strange or best.sizes == TRIED_SIZES[0]) and of_one:
        single = best_of(program, target, TRIED_SIZES[1], activation, [])
        if (
            single is not None
            and single.network is not None
            and (single.clean if single.right else single.fit and (written or strange))
        ):
            return single
    if best.off_by_a_factor and not best.subject.feed.single:
        step = training_reading(program, target, best)
        if step is not None and step.right:
            return step
    return best


def best_of(
    program: Program, target: str | None, sizes: Sizes, activation: str | None, failures: list[Stage]
) -> Reading | None:
    """Batches first: what is right for single samples alone is wrong in code that is written for batches."""
    found: list[Reading] = []
    for reading in readings(program, target, sizes, activation, failures):
        if reading.subject.feed.single and any(r.sound and not one_by_one(program, r.subject) for r in found):
            break
        found.append(reading)
        if reading.right and reading.clean and reading.network is not None:
            break
    return min(found, key=lambda reading: reading.rank, default=None)


def readings(
    program: Program, target: str | None, sizes: Sizes, activation: str | None, failures: list[Stage]
) -> Iterator[Reading]:
    for feed in feeds(sizes.inputs, sizes.classes, first=first_class(program)):
        try:
            for subject in subjects(program, Maker(program, sizes, feed, activation), target):
                with suppress(*FAILURES):
                    yield doubted(read(subject, sizes, activation))
        except NotFoundError as error:
            failures.append(error.stage)
            if activation is not None and error.stage.depth == 4:
                return  # it takes none by name, however samples are handed over


def doubted(reading: Reading) -> Reading:
    """A loss that is one by what it returns alone counts where it is a textbook's, or has this gradient."""
    subject = reading.subject
    if isinstance(subject, OwnCode) and subject.recipe.guessed and not (reading.right or reading.clean):
        subject.recipe = replace(subject.recipe, loss=None, guessed=False)
        return read(subject, reading.sizes, reading.activation)
    return reading


def training_reading(program: Program, target: str | None, like: Reading) -> Reading | None:
    """The same network, sizes and samples, with gradients from one step of the program's own training.

    A gradient is then (θ before − θ after) / rate. None where no such step was found.
    """
    found: list[Reading] = []
    maker = Maker(program, like.sizes, like.subject.feed, like.activation)
    with suppress(NotFoundError):
        for subject in subjects(program, maker, target, training=True):
            if subject.names == like.subject.names and subject.has_loss == like.subject.has_loss:
                with suppress(*FAILURES):
                    found.append(read(subject, like.sizes, like.activation))
    return min(found, key=lambda reading: reading.rank, default=None)


def one_output(program: Program) -> bool:
    """Whether the source has labels as a column, or widths that end with 1."""
    column = r"(reshape\(\s*(-1,\s*1|1,\s*-1)\s*\)|\[:,\s*(None|np\.newaxis)\])"
    labels = rf"^[^#\n]*\b(y|t|labels?|targets?)\w*\b[^#\n]*{column}"
    pairs = r"\[\s*[01]\s*\]\s*,\s*\[\s*[01]\s*\]"
    widths = r"\[[\d\s,]*\d\s*,\s*1\s*\]|\b(\w*out\w*|n_y|classes)[\"']?\s*[=:]\s*1\b"
    signs = re.compile(f"{labels}|{pairs}|{widths}", re.IGNORECASE | re.MULTILINE)
    return any(signs.search(text) for text in program.sources.texts.values())


def first_class(program: Program) -> int:
    """1 where the source may count classes from one: arange(1, K + 1), y − 1, y == k + 1."""
    labels = r"\b(y(_?(train|true|batch|b|i|mb))?|labels?|targets?)(\[\w+\]|\.\w+\([^()]*\))?"
    signs = rf"arange\(1,\s*[\w.]+\s*\+\s*1\)|{labels}\s*-\s*1\b|{labels}\s*==\s*\(?\w+\s*\+\s*1\b"
    return int(any(re.search(signs, text, re.IGNORECASE) for text in program.sources.texts.values()))


def several_outputs(program: Program) -> bool:
    """Whether the source has one-hot labels, or widths that end with more than 1."""
    shown = r"np\.eye\(|one_?hot|to_categorical|softmax|arg_?max|\[\s*\d+\s*,[\d\s,]*\s([2-9]|\d\d+)\s*\]"
    return any(re.search(shown, text, re.IGNORECASE) for text in program.sources.texts.values())


def fixed_sizes(program: Program, target: str | None) -> list[Sizes]:
    """Widths that are written into the program, where it asks for none; in both orientations."""
    tried = TRIED_SIZES[0]
    feed = feeds(tried.inputs, tried.classes)[0]
    for made in networks(program, Maker(program, tried, feed), target):
        shapes = matrices(slots(made.network))
        if turned_round(shapes, tried):
            return [Sizes(tried.classes, tried.hidden, tried.inputs)]
        folded = layouts(list(slots(made.network)), tried.inputs, tried.classes)
        if chained(shapes, tried.inputs, tried.classes) or next(folded, None) is not None:
            return []
        if shapes:
            ends = {(shapes[0][0], shapes[-1][1]), (shapes[0][1], shapes[-1][0])}
            return [Sizes(int(d), tried.hidden, int(k)) for d, k in sorted(ends) if d * k < 100_000]
    return []


def turned_round(shapes: Sequence[tuple[int, ...]], sizes: Sizes) -> bool:
    """Whether a chain leads from K to d, and not from d to K: widths of its own that happen to be those asked for."""
    if len(shapes) < 2 or not chained(shapes, sizes.inputs, sizes.classes):
        return False
    ends = (sizes.classes in shapes[0], sizes.inputs in shapes[-1])
    return all(ends) and sizes.inputs not in shapes[0] and sizes.classes not in shapes[-1]


def matrices(parameters: Iterable[Slot]) -> list[tuple[int, ...]]:
    return [slot.read().shape for slot in parameters if slot.read().ndim == 2 and not is_bias(slot)]


def chained(shapes: Sequence[tuple[int, ...]], inputs: int, classes: int) -> bool:
    """Whether matrices can be a chain from d to K: every width inside stands twice, the ends once."""
    widths = Counter(width for shape in shapes for width in shape)
    widths.subtract((inputs, classes))
    return all(count >= 0 and count % 2 == 0 for count in widths.values())


def read(subject: Subject, sizes: Sizes, activation: str | None = None) -> Reading:
    network, fit = identify(subject)
    if not subject.slots or (network is None and not subject.has_loss):
        raise ValueError("there is nothing that its gradients could be held against")
    if (
        network is None
        and subject.outputs() is None
        and matrices(subject.slots)
        and not chained(matrices(subject.slots), sizes.inputs, sizes.classes)
    ):
        raise ValueError("these are not the widths that were asked for")
    if sizes.classes == 1 and says_nothing(subject, fit):
        raise ValueError("with one output this network always says the same")
    subject.accumulates = adds_up(subject)
    errors = directional_errors(subject) if subject.has_loss else ()
    return Reading(subject, sizes, network, fit, errors, activation)


def says_nothing(subject: Subject, fit: LossFit | None) -> bool:
    """A softmax over one output is always 1, and no loss depends on its biases."""
    outputs = subject.outputs()
    if outputs is not None:
        return bool(np.ptp(outputs) == 0.0)
    return fit is None and not any(is_bias(slot) for slot in subject.slots)


def adds_up(subject: Subject) -> bool:
    """Whether each backward pass on the same batch adds the same to what the last one left."""
    subject.assign(generic_values(subject, 1))
    first, second, third = (subject.gradients() for _ in range(3))
    steps = [
        (b - a, c - b)
        for a, b, c in zip(first, second, third, strict=True)
        if a is not None and b is not None and c is not None
    ]
    return any(np.any(one) for one, _ in steps) and all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in steps)


def identify(subject: Subject) -> tuple[Network | None, LossFit | None]:
    """Network and loss; of several networks with these outputs, the one whose loss is recognised."""
    found = list(candidate_networks(subject))
    measured = measure(subject) if subject.has_loss else None
    if measured is None:
        return (found[0] if found else None), None
    for network in found:
        fit = identify_loss(subject, network, measured)
        if fit is not None:
            return network, fit
    if found:
        return found[0], None
    return identify_both(subject, measured) or (None, None)


def directional_errors(subject: Subject) -> tuple[float, ...]:
    """Of each parameter, ‖g·u − ∂L/∂u‖ / (‖g·u‖ + ‖∂L/∂u‖) along a few directions u: twelve losses each."""
    rng, values = np.random.default_rng(5), generic_values(subject, POINTS[0])
    subject.assign(values)
    gradients, errors = subject.gradients(), []
    for index, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
        if gradient is None or gradient.shape != value.shape:
            errors.append(1.0)
            continue
        directions = [rng.standard_normal(value.shape) for _ in range(DIRECTIONS)]
        slopes = np.array([slope(subject, values, index, u) for u in directions])
        ours = np.array([(gradient * u).sum() for u in directions])[np.isfinite(slopes)]
        theirs = slopes[np.isfinite(slopes)]
        size = float(np.linalg.norm(ours) + np.linalg.norm(theirs))
        errors.append(0.0 if size < 1e-9 else float(np.linalg.norm(ours - theirs)) / size)
    subject.assign(values)
    return tuple(errors)


def slope(subject: Subject, values: Sequence[Array], index: int, direction: Array) -> float:
    """∂L/∂u by central differences with two steps; NaN where they differ, since a kink lies between."""
    found = []
    for step in (STEP, STEP / 2):
        losses = []
        for h in (step, -step):
            subject.assign([v + h * direction if i == index else v for i, v in enumerate(values)])
            losses.append(subject.loss())
        found.append((losses[0] - losses[1]) / (2 * step))
    return found[0] if abs(found[0] - found[1]) <= 1e-4 * (1.0 + abs(found[0])) else float("nan")


def gradient_errors(subject: Subject, points: tuple[int, ...]) -> tuple[float, ...]:
    """Of each parameter, the largest relative error over the points."""
    each = []
    for seed in points:
        values = generic_values(subject, seed)
        numeric = numeric_gradients(subject, values, seed)
        subject.assign(values)
        each.append(compare(subject, numeric))
    return tuple(np.max(each, axis=0))


def compare(subject: Subject, numeric: list[Sampled]) -> list[float]:
    shapes = [slot.read().shape for slot in subject.slots]
    return [relative_error(g, n, s) for g, n, s in zip(subject.gradients(), numeric, shapes, strict=True)]
