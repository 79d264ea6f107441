"""Training one hand-written network, recorded, stoppable and resumable."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np

from backlight.data.batches import shuffled_batches
from backlight.data.dataset import Dataset
from backlight.data.named import check_widths, load_named
from backlight.engine.threads import one_blas_thread
from backlight.errors import DivergedError
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import Labels, cross_entropy
from backlight.networks.mistakes import Mistakes
from backlight.recording.checkpoint import LATEST, fitting, killed_at_start, load_checkpoint, save_checkpoint
from backlight.recording.data_facts import describe_data
from backlight.recording.facts import Facts, ParameterFacts, write_facts
from backlight.recording.gates import GATES
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter, next_free_folder
from backlight.recording.summarise import Units, summarise_arrays
from backlight.training.gradient_descent import GradientFunction, descend
from backlight.training.optimizers import Optimizer, optimizer_named
from backlight.training.progress import Progress
from backlight.training.same_data import check_same_data, checksums_of
from backlight.training.settings import MLPSettings, plain_settings, settings_from_plain
from backlight.training.stopping import stop_on_signal

OWN_GRADIENTS = "own gradients"  # event: the settings do not say what the gradients were
NOTE_STEPS = 1000  # the loss is printed as often as this
SAVE_SECONDS = 5.0  # what a kill costs at most


def train_mlp(
    settings: MLPSettings,
    folder: Path | str | None = None,
    resume: bool = False,
    gradients: GradientFunction | None = None,
    stream: TextIO | None = None,
) -> Run:
    """Trains as `settings` say and records into `folder`; weights end up in checkpoints/latest.safetensors.

    Ctrl-C stops after the step under way.

    Args:
        settings: what is trained, and on what.
        folder: run folder; the next free one under runs/ if not given.
        resume: go on with the run in `folder`, whose settings these must be.
        gradients: a function (network, X, y, l2) that gives a gradient for each of `network.parameters`, in place of
            backpropagation: your own, or a wrong one, which is how mistakes are studied.
        stream: where progress goes; standard error if not given.

    Returns:
        The run, with the scalars train/loss (nats, with the penalty), train/acc, train/error, test/accuracy and
        test/loss, and of every tensor a summary each `record_every` steps.

    Raises:
        SettingsError, DataError, RunError: before anything is trained.
        DivergedError: if the loss stops being finite.

    >>> import io, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train_mlp(MLPSettings(layers=(2, 3, 2), steps=100), f"{folder}/run", stream=io.StringIO())
    ...     print(run.ending().kind, run.scalar("train/loss")[0], run.tensor_order()[:2])
    finished [  0 100] ['act/z1', 'act/a1']
    """
    folder = Path(folder) if folder else next_free_folder(f"mlp-{Path(settings.data).stem}-{settings.activation}")
    data = load_data(settings)
    network = initial_network(settings)
    optimizer = optimizer_named(settings.optimizer, network.parameters, settings.learning_rate)
    with RunWriter(folder, ("train", "mlp"), plain_settings(settings), resume) as writer:
        check_same_data(writer.folder, checksums_of(data))
        first = restore(network, optimizer, writer) if resume and not killed_at_start(folder) else 0
        if first == 0:
            write_facts(writer.folder, facts_of(settings, network, data))
            if gradients is not None:
                writer.event(0, OWN_GRADIENTS)
        if data.train.X.shape[1] == 2:
            writer.snapshot("train_points", np.column_stack([data.train.X, data.train.y]))
        # A loss that overflows is reported as such; sums that BLAS spreads over threads are rounded otherwise.
        with one_blas_thread(True), np.errstate(over="ignore", invalid="ignore"):
            step = train(network, optimizer, data, settings, writer, first, gradients or gradients_of(settings), stream)
        save(network, optimizer, writer, step)
        writer.event(step, "finished" if step == settings.steps else "stopped")
    return Run.open(folder)


def initial_network(settings: MLPSettings) -> DeepNeuralNetwork:
    network = DeepNeuralNetwork(settings.layers, settings.activation, settings.seed)
    for layer in network.layers:
        layer.weights[...] *= settings.init_scale
    return network


def gradients_of(settings: MLPSettings) -> GradientFunction:
    """Those of the objective, or with the mistake that the settings ask for."""
    return Mistakes(output_derivative=True).gradients if settings.output_derivative else DeepNeuralNetwork.gradients


def load_data(settings: MLPSettings) -> Dataset:
    """The data set with samples as rows, held against the widths of the network."""
    s = settings
    data = load_named(s.data, s.samples, s.noise, s.classes, s.seed, s.data_dir)
    check_widths(s.layers, data)
    return data


def facts_of(settings: MLPSettings, network: DeepNeuralNetwork, data: Dataset) -> Facts:
    """What the record of tensors does not show."""
    parameters = [
        ParameterFacts(f"{letter}{number}", array.shape, True, True, fan_in, f"z{number}")
        for number, layer in enumerate(network.layers, start=1)
        for letter, array, fan_in in (("W", layer.weights, layer.weights.shape[0]), ("b", layer.biases, None))
    ]
    return Facts(
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
        batch_size=min(settings.batch_size or len(data.train), len(data.train)),
        loss="cross_entropy",
        classes=data.classes,
        shuffled=True,
        parameters=tuple(parameters),
        data=describe_data(data.train.X, data.train.y, data.test.X, data.test.y, data.classes),
    )


def train(
    network: DeepNeuralNetwork,
    optimizer: Optimizer,
    data: Dataset,
    settings: MLPSettings,
    writer: RunWriter,
    first: int,
    gradients: GradientFunction = DeepNeuralNetwork.gradients,
    stream: TextIO | None = None,
) -> int:
    """From step `first` to the last one or until asked to stop; the number of steps done."""
    count = len(data.train)
    batches = batches_of(settings, data, first)
    step = noted = first
    saved = time.monotonic()
    with (
        stop_on_signal() as stop,
        Progress(settings.steps, min(settings.batch_size or count, count), first, stream) as progress,
    ):
        if first == 0:
            record(network, data, settings, writer, 0, gradients)
            save(network, optimizer, writer, 0)
        before = copies(network) if first % settings.record_every == 0 else None
        for done in descend(network, optimizer, batches, settings.l2, gradients):
            step = first + done
            if before is not None:
                record_update(network, before, writer, step - 1)
            before = copies(network) if step % settings.record_every == 0 else None
            if step % settings.record_every == 0 or step == settings.steps or stop:
                loss, accuracy = record(network, data, settings, writer, step, gradients)
                progress.update(step, loss, accuracy)
                if step // NOTE_STEPS > noted // NOTE_STEPS:
                    progress.note(f"step {step}/{settings.steps} · loss {loss:.4f} · accuracy {accuracy:.4f}")
                    noted = step
            if time.monotonic() - saved > SAVE_SECONDS:
                save(network, optimizer, writer, step)
                saved = time.monotonic()
            if stop and step < settings.steps:
                progress.note(f"stopped after step {step} of {settings.steps}; go on with --resume")
                break
    return step


def batches_of(settings: MLPSettings, data: Dataset, first: int) -> Iterator[tuple[Array, Labels]]:
    """The samples of each update from step `first` on."""
    X, y = data.train.X, data.train.y
    batch_size = settings.batch_size or len(y)
    if batch_size < len(y):
        indices = shuffled_batches(len(y), batch_size, settings.seed, first, settings.steps)
        return ((X[index], y[index]) for index in indices)
    return ((X, y) for _ in range(first, settings.steps))


def record(
    network: DeepNeuralNetwork,
    data: Dataset,
    settings: MLPSettings,
    writer: RunWriter,
    step: int,
    gradients: GradientFunction = DeepNeuralNetwork.gradients,
) -> tuple[float, float]:
    """Scalars and the summary of every tensor after `step` updates; (loss, accuracy) on the train part.

    Raises:
        DivergedError: if the loss is not finite; it is recorded first.
    """
    X, y = data.train.X, data.train.y
    passes = network.forward(X)
    loss = float(network.objective(X, y, settings.l2))
    accuracy = float((passes[-1].activation.argmax(axis=-1) == y).mean())
    scalars = {"train/loss": loss, "train/acc": accuracy, "train/error": 1 - accuracy}
    logits = network.logits(data.test.X)
    scalars["test/accuracy"] = float((logits.argmax(axis=-1) == data.test.y).mean())
    scalars["test/loss"] = float(cross_entropy(logits, data.test.y))
    writer.scalars(step, scalars)
    tensors: dict[str, Array] = {}
    units: dict[str, Units] = {}
    for number, passed in enumerate(passes, start=1):
        tensors[f"act/z{number}"], tensors[f"act/a{number}"] = passed.pre_activation, passed.activation
        if settings.activation in GATES and number < len(passes):
            units[f"act/a{number}"] = Units(passed.activation.shape[1], 1, *GATES[settings.activation])
    for name, parameter, gradient in zip(
        network.parameter_names, network.parameters, gradients(network, X, y, settings.l2), strict=True
    ):
        tensors[f"param/{name}"], tensors[f"grad/{name}"] = parameter, gradient
    writer.tensors(step, summarise_arrays(tensors, units))
    if not np.isfinite(loss):
        writer.event(step, "diverged", f"loss {loss}")
        raise DivergedError(f"the loss became {loss} at step {step}; try a lower learning rate")
    return loss, accuracy


def copies(network: DeepNeuralNetwork) -> list[Array]:
    return [parameter.copy() for parameter in network.parameters]


def record_update(network: DeepNeuralNetwork, before: list[Array], writer: RunWriter, step: int) -> None:
    """What the update after `step` has added to the parameters."""
    parameters = zip(network.parameter_names, network.parameters, before, strict=True)
    with np.errstate(over="ignore", invalid="ignore"):
        updates = {f"update/{name}": now - then for name, now, then in parameters}
    writer.tensors(step, summarise_arrays(updates))


def save(network: DeepNeuralNetwork, optimizer: Optimizer, writer: RunWriter, step: int) -> None:
    writer.commit()  # what the checkpoint will not repeat has to be on disk before it
    arrays = dict(zip(network.parameter_names, network.parameters, strict=True))
    arrays |= {f"optimizer/{number}": array for number, array in enumerate(optimizer.state)}
    save_checkpoint(writer.subfolder("checkpoints") / LATEST, arrays, {"step": step})


def restore(network: DeepNeuralNetwork, optimizer: Optimizer, writer: RunWriter) -> int:
    """Puts the saved numbers back in place; the number of steps done.

    Raises:
        RunError: if they are missing, damaged, or another network's.
    """
    path = writer.folder / "checkpoints" / LATEST
    arrays, state = load_checkpoint(path)
    fill(network, arrays, path)
    with fitting(path):
        for number, array in enumerate(optimizer.state):
            array[...] = arrays[f"optimizer/{number}"]
        step = int(state["step"])
    writer.rewind(step)
    return step


def fill(network: DeepNeuralNetwork, arrays: Mapping[str, Array], path: Path) -> None:
    """Puts the parameters that were saved in `path` into the network.

    Raises:
        RunError: if they are another network's.
    """
    with fitting(path):
        for name, parameter in zip(network.parameter_names, network.parameters, strict=True):
            parameter[...] = arrays[name]


def load_network(run: Run) -> tuple[DeepNeuralNetwork, MLPSettings]:
    """The trained network of a run of `train_mlp`.

    Raises:
        RunError: if its weights or settings are missing or damaged.
    """
    settings = settings_from_plain(MLPSettings, run.settings)
    network = DeepNeuralNetwork(settings.layers, settings.activation, settings.seed)
    path = run.folder / "checkpoints" / LATEST
    fill(network, load_checkpoint(path)[0], path)
    return network, settings
