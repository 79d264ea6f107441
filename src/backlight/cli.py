"""The command line: what is asked for is found out here, what is done stands elsewhere."""

import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.config import Toml
from rich.console import Console

from backlight.errors import BacklightError, RunError, SettingsError
from backlight.files import write_atomically
from backlight.recording.export import Format
from backlight.recording.run import Event, Run
from backlight.recording.settings_file import split_command
from backlight.training.settings import CNNSettings, MLPSettings, StudySettings

if TYPE_CHECKING:
    from backlight.training.study import Study

app = App(name="backlight", help="Trains neural networks and shows what happens inside them.")
train_app = App(name="train", help="Train one network and record everything into a run folder.")
app.command(train_app)

RunFolder = Annotated[
    Path | None, Parameter(name="--run", help="Run folder; the next free one under runs/ if not given.")
]
Resume = Annotated[bool, Parameter(negative=(), help="Go on with the run in --run, with its own settings.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print the result as JSON.")]
DataDir = Annotated[Path | None, Parameter(help="Folder with the full MNIST (MNIST/raw/*-ubyte[.gz]).")]


@app.command
def demo(*, run: RunFolder = None) -> None:
    """Everything once, offline, in minutes: both halves of the source report on one page."""
    from backlight.reproduction.reproduce import QUICK
    from backlight.reproduction.reproduce import reproduce as do

    do(run or Path("runs/demo"), QUICK)


@app.command
def reproduce(*, run: RunFolder = None, quick: bool = False, data_dir: DataDir = None, json: Json = False) -> None:
    """The source report again: every picture, every claim with a verdict. Goes on where it was stopped.

    Parameters:
        quick: 50 seeds and 5,000 digits, instead of 1,000 seeds and the full MNIST.
    """
    from backlight.reproduction.reproduce import FULL, QUICK
    from backlight.reproduction.reproduce import reproduce as do

    folder = run or Path("runs/reproduce-quick" if quick else "runs/reproduce")
    do(folder, QUICK if quick else FULL, data_dir, Console(stderr=True) if json else None)
    if json:
        sys.stdout.write((folder / "claims.json").read_text(encoding="utf-8") + "\n")


@train_app.command
def mlp(
    settings: Annotated[MLPSettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """A fully connected network, hand-written in NumPy."""
    from backlight.reports.run_pictures import draw_mlp
    from backlight.training.train_mlp import train_mlp

    chosen = resumed_settings(MLPSettings, run, settings) if resume else settings or MLPSettings()
    result = train_mlp(chosen, run, resume)
    report(result, "test/accuracy", draw_mlp(result), json)


@train_app.command
def cnn(
    settings: Annotated[CNNSettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """The four-layer convolutional network on handwritten digits, in PyTorch."""
    from backlight.reports.run_pictures import draw_cnn
    from backlight.training.train_cnn import train_cnn

    chosen = resumed_settings(CNNSettings, run, settings) if resume else settings or CNNSettings()
    result = train_cnn(chosen, run, resume)
    report(result, "test/final_accuracy", draw_cnn(result), json)


@app.command
def check(
    file: str,
    *,
    fix: Annotated[bool, Parameter(negative=(), help="Write proven patches into the file, beside a backup.")] = False,
    adapter: Annotated[Path | None, Parameter(help="A file with parameters(), loss(), gradients().")] = None,
    sarif: Annotated[Path | None, Parameter(help="Also write the verdict as SARIF, for editors and CI.")] = None,
    seconds: Annotated[float, Parameter(help="Give up after so many seconds.")] = 60.0,
    json: Json = False,
) -> None:
    """Is a hand-written backward pass right, and if not, which line is wrong?

    Exits with 0 for right, 1 for wrong, 2 for what could not be checked.

    Parameters:
        file: the Python file with your network, or file.py:Class.
    """
    from backlight.checking.check import fix as mend
    from backlight.checking.check import located
    from backlight.reports.check_result import check as judged
    from backlight.reports.check_text import print_verdict

    try:
        result = judged(file, adapter=adapter, seconds=seconds)
    except (BacklightError, OSError) as error:  # 1 would say that a gradient is wrong
        sys.stderr.write(f"backlight: {error}\n")
        sys.exit(2)
    if sarif is not None:
        write_atomically(sarif, dumps(result.sarif(), indent=2))
    if json:
        sys.stdout.write(dumps(result.json()) + "\n")
    else:
        print_verdict(result.verdict, Console())
    if fix and result.status == "wrong":
        backups = mend(located(file)[0], result.verdict)
        Console(stderr=True).print(f"patched; as it was: {', '.join(map(str, backups))}", markup=False)
    sys.exit({"right": 0, "wrong": 1, "unchecked": 2}[result.status])


@app.command
def diagnose(
    run: Path,
    /,
    *,
    mute: Annotated[
        tuple[str, ...], Parameter(consume_multiple=True, help="Codes or names of causes not to look for.")
    ] = (),
    json: Json = False,
) -> None:
    """Why does a run not learn as it should? Rules over what its folder holds, the likeliest cause first.

    Exits with 0 for a healthy run, 1 if something was found, 2 if the folder cannot be read.
    """
    from backlight.diagnosis.diagnose import diagnose as do
    from backlight.reports.diagnosis_text import document, print_diagnosis

    with two_for_errors():
        found = do(run, mute)
    if json:
        print_json(document(found))
    else:
        print_diagnosis(found, Console())
    sys.exit(0 if found.healthy else 1)


@app.command
def treat(run: Path, /, *, seeds: int | None = None, json: Json = False) -> None:
    """Tries the cures of what `diagnose` finds: trained anew, beside unchanged settings and another cure.

    Exits with 0 if the run is cured or healthy, 1 if not, 2 if the folder cannot be read.

    Parameters:
        run: folder of the run.
        seeds: networks trained with each of the settings; if not given, 100 of `train mlp`, 5 of `train cnn`.
    """
    from backlight.diagnosis.treatment import treat as do
    from backlight.reports.treatment_text import document, print_treatment

    progress = Console(stderr=True)
    with two_for_errors():
        treated = do(run, seeds, lambda line: progress.print(line, markup=False, highlight=False))
    if json:
        print_json(document(treated))
    else:
        print_treatment(treated, Console())
    sys.exit(0 if treated.outcome in ("cured", "healthy") else 1)


@app.command
def study(
    settings: Annotated[StudySettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    cluster: Annotated[str | None, Parameter(help="Train on dask://host:port or ray://host:port.")] = None,
    threads: Annotated[int | None, Parameter(help="Threads of this machine; all cores if not given.")] = None,
    csv: Annotated[Path | None, Parameter(help="Also write the table, a row per network, as CSV.")] = None,
    parquet: Annotated[Path | None, Parameter(help="Also write the table as Parquet.")] = None,
    json: Json = False,
) -> None:
    """Thousands of small networks: every combination of what is given several times, each with many seeds."""
    from backlight.reports.study_page import write_study_page
    from backlight.training.study import run_study
    from backlight.training.table import check_tables

    check_tables(csv, parquet)
    chosen = resumed_settings(StudySettings, run, settings) if resume else settings or StudySettings()
    result = run_study(chosen, run, resume, cluster, threads)
    page = write_study_page(result)
    if csv:
        result.to_csv(csv)
    if parquet:
        result.to_parquet(parquet)
    report_study(result, page, json)


@app.command
def runs(folder: Path = Path("runs"), /, *, json: Json = False) -> None:
    """Every run below a folder: what became of it, how much it recorded, what went wrong first."""
    from backlight.recording.overview import cells, list_runs, plain_table, rich_table

    found = list_runs(folder)
    rows = [cells(each, folder) for each in found]
    if json:
        print_json([each.document() for each in found])
    elif not found:
        sys.stdout.write(f"no run below {folder}\n")
    elif sys.stdout.isatty():
        Console().print(rich_table(rows))
    else:
        sys.stdout.write(plain_table(rows) + "\n")


@app.command
def compare(a: Path, b: Path, /, *, tolerance: float = 0.0, json: Json = False) -> None:
    """Where two runs part: the first step and tensor whose records differ, and what else differs.

    Parameters:
        tolerance: Relative difference that is taken for none; 0 asks for records equal to the bit.
    """
    from backlight.recording.compare import compare as do

    found = do(Run.open(a), Run.open(b), tolerance)
    if json:
        print_json(found.document())
    else:
        sys.stdout.write("\n".join(found.lines()) + "\n")


@app.command
def export(run: Path, /, *, to: Format, out: Path | None = None, prefix: str = "") -> None:
    """A run for other programs: event files for TensorBoard, or tables with a row per tensor and step.

    Parameters:
        out: Folder of the event file, or the table's path; inside the run folder if not given.
        prefix: What tags of tensors begin with in event files, such as relu-relu-adam/.
    """
    from backlight.recording.export import export as do

    for path in do(Run.open(run), to, out, prefix):
        sys.stdout.write(f"{path}\n")


@app.command(name="report")
def report_page(*runs: Path, out: Path | None = None) -> None:
    """One page, a single file that needs no network: did it learn, and if not, why; several runs side by side.

    Parameters:
        out: Where the page goes; report.html in the first run's folder if not given.
    """
    from backlight.reports.html.report import report as do

    sys.stdout.write(f"{do(*runs, out=out)}\n")


@contextmanager
def two_for_errors() -> Iterator[None]:
    """Ends with 2 where a run cannot be read: 1 would say that something is wrong with the run."""
    try:
        yield
    except (BacklightError, OSError) as error:
        sys.stderr.write(f"backlight: {error}\n")
        sys.exit(2)


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


def report_study(study: "Study", page: Path, as_json: bool) -> None:
    """Rates with their intervals, a line a condition."""
    rates = [(study.label(condition), rate) for condition, rate in study.rates()]
    if as_json:
        rows = [{"condition": label, **asdict(rate)} for label, rate in rates]
        sys.stdout.write(json.dumps({"run": str(study.folder), "page": str(page), "success_rates": rows}) + "\n")
        return
    width = max(len(label) for label, _ in rates)
    lines = [f"{label:<{width}}  {rate}" for label, rate in rates]
    goal = f"success rate (held-out accuracy > {study.settings.success:g})"
    sys.stdout.write("\n".join([goal, *lines, f"run folder {study.folder}; everything is on one page: {page}"]) + "\n")


def resumed_settings(kind: type, run: Path | None, given: Any) -> Any:
    """The settings that a run folder holds; flags that say otherwise are an error."""
    from backlight.training.settings import settings_from_plain

    if run is None:
        raise RunError("--resume needs --run FOLDER, the run to go on with")
    stored = settings_from_plain(kind, Run.open(run).settings)
    changed = [
        name
        for name, value in asdict(given or kind()).items()
        if value not in (getattr(kind(), name), getattr(stored, name))
    ]
    if changed:
        raise RunError(f"{run}: a resumed run keeps its settings, but {', '.join(changed)} was given another value")
    return stored


def report(run: Run, name: str, pictures: Sequence[Path], as_json: bool) -> None:
    """What became of a run: finished with a figure, or stopped."""
    last = run.ending() or Event(0.0, 0, "stopped", "")
    finished = last.kind == "finished"
    values = run.scalar(name)[1]
    document = {
        "run": str(run.folder),
        "finished": finished,
        "step": last.step,
        name: float(values[-1]) if len(values) else None,
        "pictures": [str(picture) for picture in pictures],
    }
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
        return
    outcome = f"{name} {document[name]:.4f}" if finished else f"stopped at step {last.step}"
    names = ", ".join(picture.name for picture in pictures)
    sys.stdout.write(f"{outcome}\nrun folder {run.folder}; pictures: {names}\n")


def settings_file(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Takes `--settings FILE` out of the arguments: flags beside it override what the file says.

    Raises:
        SettingsError: if the file cannot be read, or holds the settings of another command.
    """
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--settings=") else [word])]
    if "--settings" not in words:
        return arguments, None
    at = words.index("--settings")
    rest = words[:at] + words[at + 2 :]
    if at + 1 == len(words):
        raise SettingsError("--settings needs a file, such as runs/NAME/settings.toml")
    path = Path(words[at + 1])
    try:
        command, _ = split_command(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as settings: {error}") from None
    if not command or tuple(rest[: len(command)]) != command:
        table = ".".join(command) or "no table"
        raise SettingsError(f"{path}: holds settings of [{table}], not of `backlight {' '.join(rest[:2])}`")
    return rest, path


def spread_widths(arguments: list[str]) -> list[str]:
    """`--layers 2,4,2` as the repeated flag that the parser takes for a list; a study takes several such lists."""
    if arguments[:1] == ["study"]:
        return arguments
    spread: list[str] = []
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag != "--layers":
            spread.append(word)
            continue
        for width in (value if equals else next(words, "")).split(","):
            spread += [flag, width]
    return spread


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; an error of the user's own is one line on standard error and exit code 1."""
    try:
        words, file = settings_file(list(sys.argv[1:] if arguments is None else arguments))
        app.config = [Toml(file, must_exist=True, allow_unknown=False)] if file else []
        app(spread_widths(words))
    except BacklightError as error:
        sys.stderr.write(f"backlight: {error}\n")
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        sys.stderr.write("backlight: this needs PyTorch: pip install 'backlight[torch]'\n")
        sys.exit(1)
    except OSError as error:
        sys.stderr.write(f"backlight: {error}\n")
        sys.exit(1)
    except MemoryError as error:
        sys.stderr.write(f"backlight: not enough memory: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("backlight: interrupted\n")
        sys.exit(130)
