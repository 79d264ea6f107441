"""Is the gradient right? Central differences at generic points, and whether it is the gradient of anything at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Array

STEP = 1e-5  # near ε^(1/3) = 6e-6, where the errors of rounding and of truncation meet
TOLERANCE = 1e-5
CURL_TOLERANCE = 1e-6
ENTRIES = 60  # of a large tensor, drawn at random; small ones are compared whole


@dataclass(frozen=True)
class Sampled:
    """Some entries of a tensor: flat indices and the central differences there; NaN on a kink."""

    indices: NDArray[np.int64]
    values: Array


def numeric_gradients(subject: Subject, values: Sequence[Array], seed: int = 0) -> list[Sampled]:
    """∂L/∂θ by central differences, (L(θ + h) − L(θ − h)) / 2h, at `values`.

    Two steps, h and h/2, must agree: where they do not, a kink lies between, and the entry is left out.
    """
    rng = np.random.default_rng(seed)
    work = [value.copy() for value in values]
    found = []
    for array in work:
        flat = array.reshape(-1)
        chosen = (
            np.arange(flat.size) if flat.size <= ENTRIES else np.sort(rng.choice(flat.size, ENTRIES, replace=False))
        )
        differences = np.array([central(subject, work, flat, int(index)) for index in chosen])
        found.append(Sampled(chosen, differences))
    subject.assign(values)
    return found


def central(subject: Subject, work: list[Array], flat: Array, index: int) -> float:
    kept = flat[index]
    coarse = difference(subject, work, flat, index, STEP)
    fine = difference(subject, work, flat, index, STEP / 2)
    flat[index] = kept
    return coarse if abs(coarse - fine) <= 1e-4 * (1.0 + abs(coarse)) else float("nan")


def difference(subject: Subject, work: list[Array], flat: Array, index: int, step: float) -> float:
    kept = flat[index]
    losses = []
    for sign in (1.0, -1.0):
        flat[index] = kept + sign * step
        subject.assign(work)
        losses.append(subject.loss())
    flat[index] = kept
    return (losses[0] - losses[1]) / (2 * step)


def relative_error(gradient: Array | None, numeric: Sampled, shape: tuple[int, ...]) -> float:
    """‖g − n‖ / (‖g‖ + ‖n‖) over the entries compared; 1 for a gradient of another shape; 0 where both vanish."""
    if gradient is None or gradient.shape != shape:
        return 1.0
    valid = np.isfinite(numeric.values)
    ours = gradient.reshape(-1)[numeric.indices][valid]
    theirs = numeric.values[valid]
    size = float(np.linalg.norm(ours) + np.linalg.norm(theirs))
    return 0.0 if size < 1e-9 else float(np.linalg.norm(ours - theirs)) / size


def curl(gradient: Callable[[list[Array]], Array], values: Sequence[Array], pairs: int = 4) -> float:
    """How far the gradient's Jacobian J is from symmetric: max |uᵀJv − vᵀJu| / (|uᵀJv| + |vᵀJu|).

    A vector field is the gradient of some scalar if and only if its Jacobian is symmetric. `gradient` gives the
    field as one vector (P,); J v is a central difference of it, four calls a pair whatever P is.
    """
    rng = np.random.default_rng(11)
    worst = 0.0
    for _ in range(pairs):
        u, v = ([rng.standard_normal(value.shape) for value in values] for _ in range(2))
        uJv = flat(u) @ along(gradient, values, v)
        vJu = flat(v) @ along(gradient, values, u)
        size = float(abs(uJv) + abs(vJu))
        if size > 1e-8:
            worst = max(worst, float(abs(uJv - vJu) / size))
    return float(worst)


def along(gradient: Callable[[list[Array]], Array], values: Sequence[Array], direction: Sequence[Array]) -> Array:
    h = 1e-5
    ahead = gradient([value + h * d for value, d in zip(values, direction, strict=True)])
    behind = gradient([value - h * d for value, d in zip(values, direction, strict=True)])
    return (ahead - behind) / (2 * h)


def flat(values: Sequence[Array]) -> Array:
    return np.concatenate([value.ravel() for value in values])


def field(subject: Subject) -> Callable[[list[Array]], Array]:
    """The subject's own gradient as a vector field; a missing one counts as zero."""

    def gradient(values: list[Array]) -> Array:
        subject.assign(values)
        return flat(
            [
                np.zeros(value.shape) if g is None or g.shape != value.shape else g
                for g, value in zip(subject.gradients(), values, strict=True)
            ]
        )

    return gradient


def curl_of(subject: Subject) -> float:
    """The smallest of three points' curls would hide a kink's, the largest would report it: the median."""
    kept = subject.values()
    found = [curl(field(subject), generic_values(subject, seed)) for seed in (1, 2, 3)]
    subject.assign(kept)
    return float(np.median(found))
