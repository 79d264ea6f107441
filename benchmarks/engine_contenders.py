"""What takes part in the engine's benchmark: each trains the same networks from the same weights.

A contender may come in variants (number of networks, threads, unrolling, layout); the fastest takes part. USUAL are the
peers as one writes them. REWRITTEN ones go beyond that: gradients by hand, Backlight's own layout, compiled.
"""

import importlib.metadata
import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import jax
import numpy as np
import torch
from jax import numpy as jnp
from sklearn.datasets import make_moons
from sklearn.neural_network import MLPClassifier
from torch.nn import functional as F

from backlight.data.dataset import Dataset, Samples
from backlight.engine.memory import Reals
from backlight.engine.population import Population
from backlight.engine.threads import thread_count
from backlight.engine.train import train_population
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import GradientDescent

RATE, L2, POINTS, POPULATION, CHECKED, CHUNK = 0.5, 5e-5, 200, 256, 8, 50
X, Y = make_moons(POINTS, noise=0.2, random_state=0)
DATA = Dataset("moons", 2, Samples(X, Y), Samples(X[:10], Y[:10]))
ENGINE, ALONE, LOOP = "engine, population", "engine, one network", "NumPy loop"
USUAL = ("PyTorch eager", "PyTorch batched", "JAX scan + vmap", "scikit-learn MLPClassifier")
REWRITTEN = ("PyTorch batched, by hand", "PyTorch by rows, compiled", "JAX units first or by rows")
CONTENDERS = (ENGINE, ALONE, LOOP, *USUAL, *REWRITTEN)

Train = Callable[[int], tuple[float, Any]]  # passes ↦ seconds, parameters (S, P) or None if they cannot be compared


@dataclass
class Variant:
    """A way to train `networks` networks at once; `passes` fill a turn of a round."""

    name: str
    networks: int
    train: Train
    passes: int = CHUNK
    turns: list[float] = field(default_factory=list)

    def turn(self) -> float:
        """Microseconds per pass and network."""
        return self.train(self.passes)[0] / self.passes / self.networks * 1e6

    def calibrate(self, seconds: float) -> float:
        """Warms up, fits `passes` into a turn of so many seconds; the better of two turns of a quarter of it."""
        self.turn()
        for _ in range(3):  # what does not grow with the passes misleads the first estimate
            spent = self.train(self.passes)[0]
            self.passes = max(1, round(min(seconds / 4 / spent, 30) * self.passes / CHUNK)) * CHUNK
        best = min(self.turn(), self.turn())
        self.passes *= 4
        return best


def initial(sizes: Sequence[int], count: int) -> list[Reals]:
    """[W_1 (S, d_0, d_1), b_1 (S, 1, d_1), …], float64; seeds 0 … S − 1."""
    networks = [DeepNeuralNetwork(sizes, "tanh", seed).parameters for seed in range(count)]
    return [np.stack(alike) for alike in zip(*networks, strict=True)]


def flat(arrays: Sequence[Any]) -> Reals:
    return np.concatenate([np.asarray(array, np.float64).reshape(len(array), -1) for array in arrays], axis=1)


# --- contenders -----------------------------------------------------------------------------------------------------


def engine(sizes: Sequence[int], activation: str, count: int) -> Variant:
    population = Population.initialised(sizes, activation, range(count), RATE, L2)

    def train(passes: int) -> tuple[float, Reals]:
        began = time.perf_counter()
        outcome = train_population(population, [DATA], passes, looks=[passes])
        return time.perf_counter() - began, outcome.parameters

    return Variant("float32, all threads", count, train)


def numpy_loop(sizes: Sequence[int], activation: str, seed: int = 0) -> Variant:
    """The reference: Backlight's own loop, in float64."""

    def train(passes: int) -> tuple[float, Reals]:
        network = DeepNeuralNetwork(sizes, activation, seed)
        optimizer = GradientDescent(network.parameters, RATE)
        began = time.perf_counter()
        for _ in descend(network, optimizer, repeat((X, Y), passes), L2):
            pass
        return time.perf_counter() - began, flat([array[None] for array in network.parameters])

    return Variant("networks.deep_network", 1, train)


def casebook_loop(sizes: Sequence[int], activation: str) -> Variant:
    """The loop with the source report's mistakes; the same work, but not the same numbers."""
    path = Path(__file__).parents[1] / "examples" / "casebook" / "n_layer_network.py"
    spec = importlib.util.spec_from_file_location("n_layer_network", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def train(passes: int) -> tuple[float, None]:
        model = module.DeepNeuralNetwork(list(sizes), kind=activation, reg_lambda=L2)
        began = time.perf_counter()
        model.fit_model(X, Y, epsilon=RATE / POINTS, num_passes=passes, print_loss=False)
        return time.perf_counter() - began, None

    return Variant("examples/casebook/n_layer_network.py", 1, train)


def torch_eager(sizes: Sequence[int], activation: str, threads: int, fused: bool) -> Variant:
    function = {"tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}[activation]
    points, labels = torch.tensor(X, dtype=torch.float32), torch.tensor(Y)

    def train(passes: int) -> tuple[float, Reals]:
        torch.set_num_threads(threads)
        modules = [part for pair in pairwise(sizes) for part in (torch.nn.Linear(*pair), function())][:-1]
        model = torch.nn.Sequential(*modules)
        arrays = list(model.parameters())
        with torch.no_grad():
            for array, start in zip(arrays, initial(sizes, 1), strict=True):
                array.copy_(torch.tensor(start[0]).T.reshape(array.shape))
        groups: list[dict[str, Any]] = [{"params": arrays[::2], "weight_decay": L2}, {"params": arrays[1::2]}]
        optimizer = torch.optim.SGD(groups, lr=RATE, fused=fused)
        began = time.perf_counter()
        for _ in range(passes):
            loss = F.cross_entropy(model(points), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.perf_counter() - began, flat([array.detach().numpy().T.reshape(1, -1) for array in arrays])

    return Variant(f"{threads} threads{', fused SGD' * fused}", 1, train)


TORCH = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}
TORCH_DERIVATIVES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": lambda a: 1 - a * a,
    "sigmoid": lambda a: a * (1 - a),
    "relu": lambda a: (a > 0).float(),
}


def autograd_step(arrays: list[Any], points: Any, labels: Any, activation: str) -> list[Any]:
    """W (S, d_in, d_out), b (S, 1, d_out), points (S, N, d), labels (S · N,)."""
    for array in arrays:
        array.requires_grad_()
    a = points
    for W, b in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        a = TORCH[activation](torch.baddbmm(b, a, W))
    logits = torch.baddbmm(arrays[-1], a, arrays[-2])
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels, reduction="sum") / POINTS
    gradients = torch.autograd.grad(loss, arrays)
    with torch.no_grad():
        torch._foreach_mul_(arrays[::2], 1 - RATE * L2)
        torch._foreach_add_(arrays, gradients, alpha=-RATE)
    return arrays


def by_hand_step(arrays: list[Any], points: Any, onehot: Any, activation: str, rows: bool = False) -> list[Any]:
    """Units first: W (S, d_out, d_in), b (S, d_out, 1), points (S, d, N). By rows: sums instead of batched products."""

    def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return (left.unsqueeze(-1) * right.unsqueeze(1)).sum(2) if rows else torch.bmm(left, right)

    def correlation(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return (left.unsqueeze(2) * right.unsqueeze(1)).sum(-1) if rows else torch.bmm(left, right.transpose(1, 2))

    passed = [points]
    for W, b in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        passed.append(TORCH[activation](product(W, passed[-1]) + b))
    delta = (torch.softmax(product(arrays[-2], passed[-1]) + arrays[-1], 1) - onehot) / POINTS
    new: list[Any] = []
    for layer in range(len(passed) - 1, -1, -1):
        W, b = arrays[2 * layer], arrays[2 * layer + 1]
        new += [b - RATE * delta.sum(2, keepdim=True), W * (1 - RATE * L2) - RATE * correlation(delta, passed[layer])]
        if layer:
            delta = product(W.transpose(1, 2), delta) * TORCH_DERIVATIVES[activation](passed[layer])
    return new[::-1]


def torch_batched(sizes: Sequence[int], activation: str, count: int, how: str) -> Variant:
    """`how`: autograd, by hand, or compiled."""
    points = torch.tensor(X, dtype=torch.float32).expand(count, POINTS, 2)
    arrays = [torch.tensor(array, dtype=torch.float32) for array in initial(sizes, count)]
    labels, options = torch.tensor(Y).repeat(count), {}
    step: Callable[..., list[Any]] = autograd_step
    if how != "autograd":
        points, labels = points.transpose(1, 2), F.one_hot(torch.tensor(Y)).float().T.contiguous()
        arrays, step = [array.transpose(1, 2) for array in arrays], by_hand_step
    if how == "compiled":
        step, options = torch.compile(step, dynamic=False), {"rows": True}
    points, start = points.contiguous(), [array.contiguous() for array in arrays]

    def train(passes: int) -> tuple[float, Reals]:
        torch.set_num_threads(thread_count())
        arrays = [array.clone() for array in start]
        with torch.set_grad_enabled(how == "autograd"):
            began = time.perf_counter()
            for _ in range(passes):
                arrays = step(arrays, points, labels, activation, **options)
        seconds = time.perf_counter() - began
        arrays = [array.detach() if how == "autograd" else array.transpose(1, 2) for array in arrays]
        return seconds, flat([array.numpy() for array in arrays])

    return Variant(f"{how}, {count} networks", count, train)


def jax_loss(layout: str, activation: str) -> Callable[[list[Any]], Any]:
    """`layout`: samples first, units first, or by rows: every unit a row of its own, sums written out."""
    function = {"tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}[activation]
    points, labels = jnp.asarray(X, jnp.float32), jnp.asarray(Y)

    def apply(W: Any, b: Any, a: Any) -> Any:
        if layout == "samples first":
            return a @ W + b
        if layout == "units first":
            return W.T @ a + b.T
        return [sum(row * W[i, j] for i, row in enumerate(a)) + b[0, j] for j in range(W.shape[1])]

    def loss(arrays: list[Any]) -> Any:
        a = {"samples first": points, "units first": points.T, "by rows": list(points.T)}[layout]
        for W, b in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
            a = jax.tree.map(function, apply(W, b, a))
        z = apply(arrays[-2], arrays[-1], a)
        if layout == "samples first":
            data = -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], 1))
        else:
            data = jnp.mean(jnp.logaddexp(z[0], z[1]) - jnp.where(labels == 1, z[1], z[0]))
        return data + L2 / 2 * sum(jnp.sum(W * W) for W in arrays[::2])

    return loss


def jax_scan(sizes: Sequence[int], activation: str, count: int, unroll: int, layout: str) -> Variant:
    """The networks are spread over as many host devices as there are threads."""
    gradient, devices = jax.grad(jax_loss(layout, activation)), jax.local_device_count()

    def step(arrays: list[Any], _: None) -> tuple[list[Any], None]:
        return [array - RATE * g for array, g in zip(arrays, gradient(arrays), strict=True)], None

    def chunks(arrays: list[Any], number: Any) -> list[Any]:
        def chunk(_: Any, arrays: list[Any]) -> list[Any]:
            stepped: list[Any] = jax.lax.scan(step, arrays, None, length=CHUNK, unroll=unroll)[0]
            return stepped

        trained: list[Any] = jax.lax.fori_loop(0, number, chunk, arrays)
        return trained

    go = jax.pmap(jax.vmap(chunks, in_axes=(0, None)), in_axes=(0, None))
    shape = (devices, count // devices)
    start = [jnp.asarray(array, jnp.float32).reshape(shape + array.shape[1:]) for array in initial(sizes, count)]

    def train(passes: int) -> tuple[float, Reals]:
        began = time.perf_counter()
        arrays = jax.block_until_ready(go(start, passes // CHUNK))
        return time.perf_counter() - began, flat([np.asarray(array).reshape(count, -1) for array in arrays])

    return Variant(f"{layout}, {count} networks, unroll {unroll}, {devices} devices", count, train)


def sklearn_model(sizes: Sequence[int], activation: str, passes: int) -> MLPClassifier:
    """The penalty is divided by the number of samples there."""
    name = "logistic" if activation == "sigmoid" else activation
    return MLPClassifier(
        tuple(sizes[1:-1]), activation=name, solver="sgd", alpha=L2 * POINTS, batch_size=POINTS, shuffle=False,
        learning_rate_init=RATE, momentum=0, tol=0, n_iter_no_change=10**9, max_iter=passes, random_state=0,
    )  # fmt: skip


def sklearn_classifier(sizes: Sequence[int], activation: str) -> Variant:
    """What a longer fit takes beyond a short one."""

    def train(passes: int) -> tuple[float, None]:
        seconds = []
        for count in (10, 10 + passes):
            model = sklearn_model(sizes, activation, count)
            began = time.perf_counter()
            model.fit(X, Y)
            seconds.append(time.perf_counter() - began)
            assert model.n_iter_ == count
        return seconds[1] - seconds[0], None

    return Variant("one logistic output", 1, train)


def variants_of(sizes: Sequence[int], activation: str, quick: bool) -> dict[str, list[Variant]]:
    counts, threads = (64,) if quick else (64, 256), sorted({1, thread_count()})
    layouts = ("units first", "by rows")
    eager = [(t, f) for t in threads for f in (False, True)]
    unrolls = (1,) if quick else (1, 4)
    return {
        ENGINE: [engine(sizes, activation, POPULATION)],
        ALONE: [engine(sizes, activation, 1)],
        LOOP: [numpy_loop(sizes, activation), casebook_loop(sizes, activation)],
        USUAL[0]: [torch_eager(sizes, activation, *choice) for choice in eager],
        USUAL[1]: [torch_batched(sizes, activation, n, "autograd") for n in counts],
        USUAL[2]: [jax_scan(sizes, activation, n, u, "samples first") for n in counts for u in unrolls],
        USUAL[3]: [sklearn_classifier(sizes, activation)],
        REWRITTEN[0]: [torch_batched(sizes, activation, n, "by hand") for n in counts],
        REWRITTEN[1]: [torch_batched(sizes, activation, n, "compiled") for n in counts],
        REWRITTEN[2]: [jax_scan(sizes, activation, n, 1, layout) for n in counts for layout in layouts],
    }
