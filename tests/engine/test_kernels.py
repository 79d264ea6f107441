"""The compiled pieces by themselves."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from backlight.engine.kernels import arithmetic, compiler, descent, looks, rows
from backlight.networks.activations import LEAKY_SLOPE, activation_named


@pytest.mark.parametrize(("real", "error"), [(np.float32, 3e-7), (np.float64, 1e-15)])
def test_the_exponential(real, error):
    from numba import njit

    @njit(fastmath=compiler.EXACT, error_model="numpy")
    def all_of(x):
        out = np.empty_like(x)
        for n in range(x.size):
            out[n] = arithmetic.exponential(x[n])
        return out

    x = np.concatenate([np.linspace(-80, 80, 20_001), [0.0, -0.0, 1e-30]]).astype(real)
    exact = np.exp(x.astype(np.longdouble))
    assert (np.abs(all_of(x) - exact) / exact).max() < error
    assert all_of(np.array([-np.inf, -1e9], real)).max() < 1e-37
    assert all_of(np.array([np.inf, 1e9], real)).min() > 1e38
    assert np.isnan(all_of(np.array([np.nan], real)))


def test_constants_are_those_of_the_reference():
    assert rows.SLOPE == LEAKY_SLOPE
    assert activation_named("sigmoid").function(np.arctanh(looks.SATURATED_TANH) * 2) == pytest.approx(0.99)


VALUES, WEIGHTS = np.ones((5, 64), np.float32), np.ones(8, np.float32)


@pytest.mark.parametrize(
    ("hot", "arguments"),
    [
        (rows.activate, (0, VALUES, 0, 1)),
        (rows.times_derivative, (0, VALUES, 0, VALUES, 0, 1)),
        (rows.weighted_sum, (WEIGHTS, 0, 1, VALUES, 0, 4, VALUES, 4)),
        (rows.add_correlations, (VALUES, 0, 4, VALUES, 4, WEIGHTS, 0, 1)),
    ],
)
def test_inner_loops_are_vector_instructions(hot, arguments):
    """The compiler's own code, not hope: each hot loop works on several floats at once."""
    hot(*arguments)
    code = "".join(hot.inspect_llvm().values())  # of every type that it has been compiled for in this process
    assert any(f"<{lanes} x float>" in code for lanes in (4, 8, 16))


def test_the_cache_on_disk_knows_when_a_kernel_has_changed():
    """Numba looks at the file of `train_networks` only: whoever edits its neighbours puts this digest there."""
    own = Path(descent.__file__)
    digest = sha256(b"".join(path.read_bytes() for path in sorted(own.parent.glob("*.py")) if path != own))
    assert digest.hexdigest()[:12] == descent.REVISION


def test_without_a_place_for_a_cache_the_kernels_are_compiled_all_the_same():
    """A function that comes from no file is one that Numba can keep nowhere."""
    names = {}
    exec("def double(x):\n    return 2 * x", names)
    assert compiler.entry(names["double"])(21) == 42
