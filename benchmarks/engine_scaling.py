"""How the engine's time per pass grows with samples, networks and widths, and where its two constants should lie.

Layers are computed by rows or by products of matrices; `memory.pays_by_matrix` says when by the latter.
Samples are taken in blocks of at most `memory.WIDEST_BLOCK`. Both are tried on both sides of their values here, taking
turns. Slopes are d log(time) / d log(size) over the upper half of the sizes: 1 is a cost in proportion.

    python benchmarks/engine_scaling.py [--quick] [--out FILE]

Writes benchmarks/records/engine_scaling.json and, beside it, engine_scaling.png.
"""

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np

from backlight.data.dataset import Dataset, Samples
from backlight.data.points import make_points
from backlight.engine import memory
from backlight.engine.memory import parameter_count
from backlight.engine.population import Population
from backlight.engine.threads import thread_count
from backlight.engine.train import train_population
from backlight.figures.style import LINE_COLOURS, new_figure, save_figure, styled
from backlight.recording.environment import describe_environment

SAMPLES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
NETWORKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
WIDTHS = (2, 4, 8, 16, 32, 64, 128, 256, 512)
WAYS = {"by rows": False, "by matrices": True}
SWITCHES: dict[str, tuple[Callable[[int], tuple[int, ...]], tuple[int, ...]]] = {
    "[2, w, 2]": (lambda w: (2, w, 2), (8, 16, 32, 64, 128, 256, 512, 1024)),
    "[2, w, w, 2]": (lambda w: (2, w, w, 2), (4, 6, 8, 12, 16, 24, 32, 64, 128, 256)),
    "[2, w, w, w, 2]": (lambda w: (2, w, w, w, 2), (4, 6, 8, 12, 16, 24, 32, 64, 128)),
    "[64, w, 10]": (lambda w: (64, w, 10), (2, 4, 6, 8, 12, 16, 24, 32, 64)),
}
BLOCKS = (128, 256, 512, 1024)
RECORD = Path(__file__).parent / "records" / "engine_scaling.json"

Setting = tuple[str, Callable[[], float]]  # a name, and what measures seconds per pass once


def points(count: int, features: int = 2, classes: int = 2) -> Dataset:
    """Moons; other shapes are numbers of no meaning, which take the same time."""
    if (features, classes) == (2, 2):
        train = make_points("moons", count)
    else:
        rng = np.random.default_rng(0)
        train = Samples(rng.normal(size=(count, features)), rng.integers(classes, size=count))
    return Dataset("points", classes, train, train.take(np.arange(10)))


def pass_time(
    sizes: Sequence[int], count: int, networks: int, seconds: float, by_matrix: bool | None = None, block: int = 0
) -> Callable[[], float]:
    """Measures seconds per pass of all networks; `by_matrix` and `block` stand in for the engine's own choice.

    What a call takes beside its passes cancels: a long training less a short one.
    """
    data = [points(count, sizes[0], sizes[-1])]
    population = Population.initialised(sizes, "tanh", range(networks), 0.01)
    patches: list[Any] = [mock.patch.object(memory, "WIDEST_BLOCK", block or memory.WIDEST_BLOCK)]
    if by_matrix is not None:
        patches.append(mock.patch("backlight.engine.train.pays_by_matrix", return_value=by_matrix))

    def train(passes: int) -> float:
        for patch in patches:
            patch.start()
        began = time.perf_counter()
        train_population(population, data, passes, looks=[passes])
        spent = time.perf_counter() - began
        for patch in patches:
            patch.stop()
        return spent

    train(1)
    passes = 8
    while train(passes) - train(1) < seconds / 2 and passes < 10**6:
        passes *= 2
    return lambda: max(train(passes) - train(1), 1e-9) / (passes - 1)


def take_turns(settings: Sequence[Setting], rounds: int) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name, _ in settings}
    for number in range(rounds):
        for place in range(len(settings)):
            name, measure = settings[(place + number) % len(settings)]
            times[name].append(measure())
    return {
        name: {"median": median(values), "low": min(values), "high": max(values), "n": len(values)}
        for name, values in times.items()
    }


def slope(sizes: Sequence[float], times: Sequence[float]) -> float:
    """d log(time) / d log(size) over the upper half, by least squares."""
    half = len(sizes) // 2
    return float(np.polyfit(np.log(sizes[half:]), np.log(times[half:]), 1)[0])


def series(name: str, values: Sequence[int], settings: Sequence[Setting], sizes: Sequence[int], rounds: int) -> Any:
    """Times over `values`; the slope is over `sizes`, what the cost should be in proportion to."""
    found = list(take_turns(settings, rounds).values())
    result = {"of": name, "values": list(values), "sizes": list(sizes), "seconds_per_pass": found}
    return result | {"slope": slope(sizes, [each["median"] for each in found])}


def scaling(quick: bool, rounds: int, seconds: float) -> list[dict[str, Any]]:
    samples, networks, widths = (sizes[:: 3 if quick else 1] for sizes in (SAMPLES, NETWORKS, WIDTHS))
    return [
        series(
            "samples, 64 networks of [2, 8, 2]", samples,
            [(str(n), pass_time((2, 8, 2), n, 64, seconds)) for n in samples], samples, rounds,
        ),
        series(
            "samples, one network of [2, 8, 2]", samples,
            [(str(n), pass_time((2, 8, 2), n, 1, seconds)) for n in samples], samples, rounds,
        ),
        series(
            "networks of [2, 8, 2], 200 samples", networks,
            [(str(n), pass_time((2, 8, 2), 200, n, seconds)) for n in networks], networks, rounds,
        ),
        series(
            "width w, 4 networks of [2, w, w, 2], 500 samples", widths,
            [(str(w), pass_time((2, w, w, 2), 500, 4, seconds)) for w in widths],
            [parameter_count((2, w, w, 2)) for w in widths], rounds,
        ),
    ]  # fmt: skip


def crossing(values: Sequence[int], ratios: Sequence[float]) -> float | None:
    """The width from which on matrices are faster, on a line between the last width where rows were and the next."""
    slower = [index for index, ratio in enumerate(ratios) if ratio < 1]
    if not slower:
        return float(values[0])
    last = slower[-1]
    if last == len(values) - 1:
        return None
    return float(np.exp(np.interp(0, np.log(ratios[last : last + 2]), np.log(values[last : last + 2]))))


def switching(quick: bool, rounds: int, seconds: float) -> dict[str, Any]:
    """Each architecture both ways, 500 samples; the ratio is rows over matrices, above 1 where matrices are faster."""
    found: dict[str, Any] = {}
    for name, (sizes, values) in SWITCHES.items():
        chosen = values[::3] if quick else values
        rows: list[dict[str, Any]] = []
        for w in chosen:
            settings = [(way, pass_time(sizes(w), 500, 4, seconds, flag)) for way, flag in WAYS.items()]
            times = take_turns(settings, rounds)
            rows.append(
                {"width": w, "own_choice": "by matrices" if memory.pays_by_matrix(sizes(w)) else "by rows"}
                | {"seconds_per_pass": times}
                | {"ratio": times["by rows"]["median"] / times["by matrices"]["median"]}
            )
        found[name] = {"rows": rows, "matrices_win_from": crossing(chosen, [row["ratio"] for row in rows])}
    return found


def block_widths(rounds: int, seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    """5,000 samples in blocks of several widths."""
    return {
        str(list(sizes)): take_turns(
            [(str(block), pass_time(sizes, 5000, networks, seconds, block=block)) for block in BLOCKS], rounds
        )
        for sizes, networks in (((2, 6, 2), 16), ((2, 24, 2), 16), ((2, 128, 128, 2), 2))
    }


@styled
def draw(record: dict[str, Any], path: Path) -> None:
    """Time over samples, networks and width, log-log, each with a line of slope 1; last, rows over matrices."""
    figure, axes = new_figure(1, 4, 3.2, 3.0)
    samples_many, samples_one, networks, widths = record["scaling"]
    panels = (([samples_many, samples_one], "samples"), ([networks], "networks"), ([widths], "parameters"))
    for axis, (lines, label) in zip(axes, panels, strict=False):
        for line, colour in zip(lines, LINE_COLOURS, strict=False):
            times = np.array([each["median"] for each in line["seconds_per_pass"]]) * 1e6
            name = "" if len(lines) == 1 else line["of"].split(", ")[1].split(" of ")[0] + ", "
            axis.plot(line["sizes"], times, "o-", ms=3, lw=1, color=colour, label=f"{name}slope {line['slope']:.2f}")
            straight = times[-1] * np.array(line["sizes"]) / line["sizes"][-1]
            axis.plot(line["sizes"], straight, ":", lw=1, color="#8A8A8A")
        axis.set(xscale="log", yscale="log", xlabel=label)
        axis.legend(loc="upper left")
    axes[0].set(ylabel="microseconds per pass, all networks", title="[2, 8, 2]")
    axes[1].set(title="[2, 8, 2], 200 samples")
    axes[2].set(title="4 × [2, w, w, 2], 500 samples")
    for (name, found), colour in zip(record["rows_or_matrices"].items(), LINE_COLOURS, strict=False):
        rows = found["rows"]
        axes[3].plot([r["width"] for r in rows], [r["ratio"] for r in rows], "o-", ms=3, lw=1, color=colour, label=name)
    axes[3].axhline(1, color="#8A8A8A", lw=1, ls=":")
    axes[3].set(xscale="log", yscale="log", xlabel="w", title="time by rows over time by matrices")
    axes[3].legend(loc="best", fontsize=7)
    save_figure(figure, path)


def print_findings(record: dict[str, Any]) -> None:
    for line in record["scaling"]:
        times = [f"{value}: {each['median'] * 1e6:.4g}" for value, each in
                 zip(line["values"], line["seconds_per_pass"], strict=True)]  # fmt: skip
        print(f"{line['of']}: slope {line['slope']:.2f}\n  µs per pass: {', '.join(times)}")
    for name, found in record["rows_or_matrices"].items():
        ratios = ", ".join(
            f"{r['width']}: {r['ratio']:.2f}{'*' * (r['own_choice'] != 'by rows')}" for r in found["rows"]
        )
        print(f"{name}: matrices win from w = {found['matrices_win_from'] or float('nan'):.0f}; rows/matrices {ratios}")
    print("  (* where the engine takes matrices)")
    for name, times in record["widest_block"].items():
        per_pass = ", ".join(f"{block}: {each['median'] * 1e6:.4g}" for block, each in times.items())
        best = min(times, key=lambda block: times[block]["median"])
        print(f"{name}, 5,000 samples, µs per pass by widest block: {per_pass}; best {best}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every third size, short turns")
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    rounds, seconds = (3, 0.01) if arguments.quick else (5, 0.06)
    environment = describe_environment()
    environment["versions"]["numba"] = importlib.metadata.version("numba")
    record = {
        "threads": thread_count(),
        "matrix_connections": memory.MATRIX_CONNECTIONS,
        "matrix_width": memory.MATRIX_WIDTH,
        "scaling": scaling(arguments.quick, rounds, seconds),
        "rows_or_matrices": switching(arguments.quick, rounds, seconds),
        "widest_block": block_widths(rounds, seconds),
        "environment": environment,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draw(record, arguments.out.with_suffix(".png"))
    print_findings(record)
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
