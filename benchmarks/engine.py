"""The engine beside what else could train the same small networks, all taking turns in one run.

Full-batch gradient descent on 200 points of make_moons: four architectures, three activations. Every contender starts
from the same weights, and is first held against the NumPy loop after 50 passes. (With this step deep networks are
chaotic soon after: the reference itself ends elsewhere when its first weights are moved by 1e-15.) Ratios
are given to the best of the peers as one writes them, and to the best rewritten one (see engine_contenders.py).

    python benchmarks/engine.py [--quick] [--out FILE]

Writes benchmarks/records/engine.json and, beside it, engine.png.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from itertools import pairwise, repeat
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np
import torch
from engine_contenders import (
    ALONE,
    CHECKED,
    CHUNK,
    CONTENDERS,
    ENGINE,
    L2,
    LOOP,
    POINTS,
    RATE,
    REWRITTEN,
    USUAL,
    Variant,
    X,
    Y,
    numpy_loop,
    sklearn_model,
    variants_of,
)
from limits import measured_peak
from sklearn.exceptions import ConvergenceWarning

from backlight.engine.memory import Reals, network_of
from backlight.engine.threads import thread_count
from backlight.figures.style import LINE_COLOURS, new_figure, save_figure, styled
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import Labels
from backlight.recording.environment import describe_environment
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import GradientDescent

ARCHITECTURES = ((2, 3, 2), (2, 6, 2), (2, 4, 3, 2), (2, 4, 3, 2, 2))
ACTIVATIONS = ("tanh", "sigmoid", "relu")

TARGETS = (  # architecture, contender, peers, least ratio
    ((2, 3, 2), ENGINE, LOOP, 150),
    ((2, 3, 2), ENGINE, "best usual peer", 8),
    ((2, 4, 3, 2, 2), ENGINE, LOOP, 80),
    ((2, 4, 3, 2, 2), ENGINE, "best usual peer", 8),
    ((2, 3, 2), ALONE, LOOP, 60),
    ((2, 4, 3, 2, 2), ALONE, LOOP, 60),
)
START_UP = """
from backlight.data.points import load_points
from backlight.engine.population import Population
from backlight.engine.train import train_population
train_population(Population.initialised([2, 3, 2], "tanh", [0]), [load_points("moons")], 1000)
"""
RECORD = Path(__file__).parent / "records" / "engine.json"


# --- do they train the same thing? ----------------------------------------------------------------------------------


def losses(sizes: Sequence[int], activation: str, parameters: Reals) -> Array:
    return np.array([network_of(sizes, activation, each).objective(X, Y, L2) for each in parameters])


def check_sklearn(sizes: Sequence[int], activation: str, passes: int) -> float:
    """Largest difference between its probabilities and the loop's, from the same weights.

    One logistic output of weights w is two of −w/2 and w/2 whose data gradient is halved.
    """
    network, model = DeepNeuralNetwork(sizes, activation, 0), sklearn_model(sizes, activation, 1)
    arrays = network.parameters
    for array in arrays[-2:]:
        array[:] = (array[:, 1:] - array[:, :1]) / 2 * [-1, 1]
    model.partial_fit(X, Y, classes=[0, 1])
    ends = (-1, len(sizes) - 2)
    for own, theirs, number in zip(arrays[::2], model.coefs_, range(len(sizes)), strict=False):
        theirs[:] = own[:, 1:] - own[:, :1] if number in ends else own
    for own, theirs, number in zip(arrays[1::2], model.intercepts_, range(len(sizes)), strict=False):
        theirs[:] = (own[:, 1:] - own[:, :1] if number in ends else own)[0]

    def halved(network: DeepNeuralNetwork, X: Array, y: Labels, l2: float) -> list[Array]:
        gradients = network.gradients(X, y)
        weights = network.parameters
        factors = [1.0] * (len(gradients) - 2) + [0.5] * 2
        penalties = [l2, 0.0] * (len(gradients) // 2)
        return [f * g + p * w for f, g, p, w in zip(factors, gradients, penalties, weights, strict=True)]

    for _ in descend(network, GradientDescent(arrays, RATE), repeat((X, Y), passes), L2, halved):
        model.partial_fit(X, Y)
    return float(np.abs(model.predict_proba(X) - network.predict_proba(X)).max())


def check_agreement(sizes: Sequence[int], activation: str, chosen: dict[str, Variant]) -> dict[str, float]:
    """Largest |loss − the reference's| over the first networks after 50 passes; stops the run above 1e-3."""
    trained = [numpy_loop(sizes, activation, seed).train(CHUNK)[1][0] for seed in range(CHECKED)]
    reference = losses(sizes, activation, np.stack(trained))
    differences = {USUAL[3]: check_sklearn(sizes, activation, CHUNK)}
    for name, variant in chosen.items():
        parameters = variant.train(CHUNK)[1]
        if parameters is not None:
            found = losses(sizes, activation, parameters[:CHECKED])
            differences[name] = float(np.abs(found - reference[: len(found)]).max())
    wrong = {name: difference for name, difference in differences.items() if not difference < 1e-3}
    if wrong:
        raise SystemExit(f"{list(sizes)} {activation}: not the same training: {wrong}")
    return differences


# --- measurements ---------------------------------------------------------------------------------------------------


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": median(values), "low": min(values), "high": max(values), "n": len(values)}


def measure(sizes: Sequence[int], activation: str, rounds: int, seconds: float, quick: bool) -> dict[str, Any]:
    """Chooses variants, checks them, lets them take turns."""
    chosen: dict[str, Variant] = {}
    for name, variants in variants_of(sizes, activation, quick).items():
        times = [variant.calibrate(seconds) for variant in variants]
        chosen[name] = variants[int(np.argmin(times))]
    differences = check_agreement(sizes, activation, chosen)
    for round_number in range(rounds):
        for place in range(len(chosen)):
            variant = list(chosen.values())[(place + round_number) % len(chosen)]
            time.sleep(0.01)  # threads of the one before stop spinning
            variant.turns.append(variant.turn())
    best_usual, best = (min(names, key=lambda name: median(chosen[name].turns)) for names in (USUAL, REWRITTEN))
    ratios = {}
    for own in (ENGINE, ALONE):
        for label, peer in ((LOOP, LOOP), ("best usual peer", best_usual), ("best rewritten peer", best)):
            pairs = zip(chosen[peer].turns, chosen[own].turns, strict=True)
            ratios[f"{own} / {label}"] = {"peer": peer, **spread([theirs / ours for theirs, ours in pairs])}
    return {
        "sizes": list(sizes),
        "activation": activation,
        "contenders": {
            name: {"microseconds": spread(v.turns), "variant": v.name, "networks": v.networks, "passes": v.passes}
            for name, v in chosen.items()
        },
        "loss_differences_after_50_passes": differences,
        "ratios": ratios,
    }


def operations(sizes: Sequence[int], activation: str) -> int:
    """Floating point operations of the kernels for one sample in one pass; two classes are trained as one output.

    A comparison, a division and a selection by a comparison count 1; conversions and operations on integers 0.
    e^x: 2 to cut off, 2 for the exponent, 1 + 4 for the remainder, 10 + 4 for the polynomial, 1 for the scale.
    """
    exponential = 24
    forward, derivative = {"tanh": (exponential + 4, 3), "sigmoid": (exponential + 3, 3), "relu": (1, 1)}[activation]
    widths = [*sizes[:-1], 1]
    total = exponential + 5  # −z, 1 + e, 1 / …, − y, times the share
    for layer, (d_in, d_out) in enumerate(pairwise(widths)):
        total += d_out * (2 * (d_in + 1) - 1)  # z = W a + b
        total += d_out * (d_in + 1) * 2  # ∂/∂W, ∂/∂b
        total += d_out * forward if layer < len(widths) - 2 else 0
        total += d_in * (2 * d_out - 1 + derivative) if layer else 0  # δ of the layer below
    return total


def roofline(measurements: list[dict[str, Any]], peak: dict[str, Any]) -> None:
    """Adds to each measurement what share of the peak the population's passes are."""
    for each in measurements:
        count = operations(each["sizes"], each["activation"])
        gflops = count * POINTS / each["contenders"][ENGINE]["microseconds"]["median"] / 1e3
        each["roofline"] = {"operations_per_sample": count, "gflops": gflops, "share_of_peak": gflops / peak["gflops"]}


def start_up(repetitions: int = 5) -> dict[str, Any]:
    """Seconds of a fresh process that trains one network of [2,3,2], and of one that does nothing."""
    seconds: dict[str, list[float]] = {"engine": [], "python": []}
    for number in range(repetitions + 1):
        for name, code in (("engine", START_UP), ("python", "pass")):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            if number:  # the first compiles where nothing has yet
                seconds[name].append(time.perf_counter() - began)
    return {name: spread(values) for name, values in seconds.items()}


# --- what was found -------------------------------------------------------------------------------------------------


def targets(measurements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each target with the activation for which the ratio is least."""
    rows = []
    for sizes, own, peer, least in TARGETS:
        of_these = [each for each in measurements if each["sizes"] == list(sizes)]
        if not of_these:
            continue
        worst = min(of_these, key=lambda each: each["ratios"][f"{own} / {peer}"]["median"])
        ratio = worst["ratios"][f"{own} / {peer}"]
        row = {"sizes": list(sizes), "contender": own, "peer": ratio["peer"], "least": least, "ratio": ratio}
        rows.append(row | {"activation": worst["activation"], "met": ratio["median"] >= least})
        if peer == "best usual peer":
            rewritten = [each["ratios"][f"{own} / best rewritten peer"] for each in of_these]
            rows[-1]["ratio_to_best_rewritten_peer"] = min(rewritten, key=lambda each: each["median"])
    return rows


def print_target(row: dict[str, Any]) -> None:
    ratio = row["ratio"]
    print(
        f"{'met    ' if row['met'] else 'not met'} {row['sizes']} {row['contender']}: {ratio['median']:.1f}× "
        f"({ratio['low']:.1f} … {ratio['high']:.1f}) {row['peer']} with {row['activation']}; target ≥ {row['least']}×"
    )
    if rewritten := row.get("ratio_to_best_rewritten_peer"):
        print(f"        and {rewritten['median']:.1f}× the best rewritten one ({rewritten['peer']})")


def print_measurement(each: dict[str, Any]) -> None:
    print(f"{each['sizes']} {each['activation']}: microseconds per pass and network")
    for name, found in each["contenders"].items():
        time_, variant = found["microseconds"], found["variant"]
        print(f"  {name:28} {time_['median']:9.3f}  ({time_['low']:.3f} … {time_['high']:.3f})  {variant}", flush=True)


@styled
def draw(measurements: list[dict[str, Any]], path: Path) -> None:
    """A panel an architecture, a row a contender, a marker an activation; lines from the least to the most."""
    sizes = list(dict.fromkeys(tuple(each["sizes"]) for each in measurements))
    figure, axes = new_figure(-(-len(sizes) // 2), min(2, len(sizes)), 4.6, 2.9, sharex=True, sharey=True)
    for axis, own in zip(axes, sizes, strict=False):
        for each in (each for each in measurements if tuple(each["sizes"]) == own):
            number = ACTIVATIONS.index(each["activation"])
            times = [each["contenders"][name]["microseconds"] for name in CONTENDERS]
            middles = np.array([time_["median"] for time_ in times])
            ranges = [middles - [time_["low"] for time_ in times], [time_["high"] for time_ in times] - middles]
            axis.errorbar(
                middles, np.arange(len(CONTENDERS)) + 0.22 * (number - 1), xerr=ranges, fmt="o^s"[number], ms=4,
                lw=1, color=LINE_COLOURS[number], label=each["activation"],
            )  # fmt: skip
        axis.set(xscale="log", title=str(list(own)), yticks=range(len(CONTENDERS)), yticklabels=CONTENDERS)
    axes[0].invert_yaxis()
    axes[1 if len(sizes) > 1 else 0].legend(loc="upper right")
    figure.supxlabel("microseconds per pass and network (median, least … most of the rounds)", fontsize=9)
    save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one architecture, one activation, short rounds")
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    quick = arguments.quick
    warnings.simplefilter("ignore", ConvergenceWarning)
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", thread_count())
    torch.compiler.reset()
    torch._dynamo.config.cache_size_limit = 64
    peaks, measurements = [measured_peak()], []
    for sizes in ARCHITECTURES[:1] if quick else ARCHITECTURES:
        for activation in ACTIVATIONS[:1] if quick else ACTIVATIONS:
            measurements.append(measure(sizes, activation, 5 if quick else 9, 0.04 if quick else 0.12, quick))
            print_measurement(measurements[-1])
            peaks.append(measured_peak())
    peak = max(peaks, key=lambda peak: peak["gflops"])
    roofline(measurements, peak)
    environment = describe_environment()
    for package in ("jax", "jaxlib", "numba", "llvmlite"):
        environment["versions"][package] = importlib.metadata.version(package)
    record: dict[str, Any] = {
        "task": f"full batch of {POINTS} points of make_moons, noise 0.2, lr {RATE}, l2 {L2}, softmax cross-entropy",
        "measurements": measurements,
        "targets": targets(measurements),
        "peak_float32": peak,
        "start_up_seconds": start_up(1 if quick else 5),
        "environment": environment,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draw(measurements, arguments.out.with_suffix(".png"))
    print(f"peak {peak['gflops']:.0f} GFLOP/s on {peak['threads']} threads; share of it:")
    for each in measurements:
        print(f"  {each['sizes']} {each['activation']}: {each['roofline']['share_of_peak']:.1%}")
    for name, seconds in record["start_up_seconds"].items():
        print(f"start-up, {name}: {seconds['median']:.2f} s ({seconds['low']:.2f} … {seconds['high']:.2f})")
    for row in record["targets"]:
        print_target(row)
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
