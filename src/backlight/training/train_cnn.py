"""Training the convolutional network, recorded, stoppable and resumable.

Everything random is a function of (seed, epoch) or (seed, step), so a run that was stopped and resumed
gives the same numbers to the bit as one that was not. A step is numbered by the updates done before it:
what is recorded of a batch at step s is what it saw before update s + 1.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from backlight.data.batches import shuffled_batches, steps_per_epoch
from backlight.data.dataset import Dataset, Samples
from backlight.data.digits import load_images, normalised
from backlight.errors import DivergedError, SettingsError
from backlight.networks.conv_network import ConvNetwork
from backlight.recording.checkpoint import LATEST, fitting, killed_at_start, load_checkpoint, save_checkpoint
from backlight.recording.data_facts import describe_data
from backlight.recording.facts import add_facts
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter, next_free_folder
from backlight.training.optimizers import one_cycle
from backlight.training.progress import Progress
from backlight.training.same_data import check_same_data, checksums_of
from backlight.training.settings import CNNSettings, plain_settings, settings_from_plain
from backlight.training.stopping import stop_on_signal
from backlight.watching.watch import watch

EVALUATION_BATCH = 500
BEST = "best.safetensors"


@dataclass
class Position:
    """How far a run has come; saved with each checkpoint."""

    step: int = 0
    best_accuracy: float = -1.0


@dataclass(frozen=True)
class ImageTensors:
    """Normalised images (N, 1, 28, 28), channels last, and labels (N,), on the device."""

    images: Tensor
    labels: Tensor

    @classmethod
    def of(cls, samples: Samples, device: torch.device) -> "ImageTensors":
        images = torch.from_numpy(normalised(samples.X))[:, None]
        return cls(
            images.to(device, memory_format=torch.channels_last),
            torch.from_numpy(samples.y).to(device),
        )


def train_cnn(
    settings: CNNSettings, folder: Path | str | None = None, resume: bool = False, stream: TextIO | None = None
) -> Run:
    """Trains as `settings` say, records into `folder`, tests once on the weights that validated best.

    Ctrl-C stops after the step under way.

    Args:
        settings: what is trained, and on what.
        folder: run folder; the next free one under runs/ if not given.
        resume: go on with the run in `folder`, whose settings these must be, to the bit.
        stream: where progress goes; standard error if not given.

    Returns:
        The run, with the scalars train/loss (nats), train/acc and train/error of each step, validation/accuracy of
        each epoch and test/final_accuracy, and of every tensor a summary each `record_every` steps.

    Raises:
        SettingsError, DataError, RunError: before anything is trained.
        DivergedError: if the loss stops being finite.
    """
    folder = Path(folder) if folder else next_free_folder(f"cnn-{settings.data}-{settings.config}")
    device = choose_device(settings.device)
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    data = load_images(settings.data, settings.data_dir)
    with RunWriter(folder, ("train", "cnn"), plain_settings(settings), resume) as writer:
        check_same_data(folder, checksums_of(data))
        trainer = CNNTrainer(settings, data, device, writer)
        if resume and not killed_at_start(folder):
            trainer.load()
        else:
            trainer.save()  # from here on there is always something to resume
        writer.add_event_file(f"{settings.config}/", trainer.position.step + 1 if resume else None)
        if trainer.train(stream):
            trainer.test()
    return Run.open(folder)


def choose_device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError("--device cuda: PyTorch sees no CUDA device here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class CNNTrainer:
    """Model, optimizer and position of one run, and what moves them one step on."""

    def __init__(self, settings: CNNSettings, data: Dataset, device: torch.device, writer: RunWriter):
        assert data.validation is not None
        self.settings = settings
        self.device = device
        self.writer = writer
        self.train_images = ImageTensors.of(data.train, device)
        self.validation_images = ImageTensors.of(data.validation, device)
        self.test_images = ImageTensors.of(data.test, device)
        model = ConvNetwork(settings.conv_activation, settings.fc_activation, settings.seed)
        # PyTorch's own type stubs leave out the memory format
        self.model: ConvNetwork = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # see above
        self.peak_rate = settings.peak_rate
        self.optimizer: torch.optim.Optimizer = make_optimizer(settings.optimizer, self.model, self.peak_rate)
        self.position = Position()
        self.per_epoch = steps_per_epoch(len(data.train), settings.batch_size)
        measured = data.validation  # on which the accuracies after each epoch are measured
        self.facts: dict[str, Any] = {
            "batch_size": min(settings.batch_size, len(data.train)),
            "loss": "cross_entropy",
            "classes": data.classes,
            "shuffled": True,
            "data": describe_data(
                normalised(data.train.X), data.train.y, normalised(measured.X), measured.y, data.classes
            ),
        }
        self.total_steps = settings.epochs * self.per_epoch

    def train(self, stream: TextIO | None = None) -> bool:
        """To the last step or until asked to stop; True if the end was reached."""
        settings, first = self.settings, self.position.step
        count = len(self.train_images.labels)
        recorder = Recorder(self.writer, settings.record_every, self.device)
        names = self.model.value_names()
        watched = watch(
            self.model, self.optimizer, self.writer, every=settings.record_every, names=names, first_step=first
        )
        if first == 0:
            add_facts(self.writer.folder, learning_rate=self.peak_rate, **self.facts)
        saved = time.monotonic()
        batches = shuffled_batches(count, settings.batch_size, settings.seed, first, self.total_steps)
        with (
            watched,
            stop_on_signal() as stop,
            Progress(self.total_steps, min(settings.batch_size, count), first, stream) as progress,
        ):
            for index in batches:
                self.update(torch.from_numpy(index), recorder)
                step = self.position.step
                if recorder.last_loss is not None:
                    progress.update(step, *recorder.last_loss)
                if step % self.per_epoch == 0:
                    recorder.flush()
                    progress.note(self.validate(step // self.per_epoch))
                if stop or step % self.per_epoch == 0 or time.monotonic() - saved > settings.checkpoint_seconds:
                    recorder.flush()
                    watched.flush()
                    self.save()
                    saved = time.monotonic()
                if stop and step < self.total_steps:
                    progress.note(f"stopped after step {step} of {self.total_steps}; go on with --resume")
                    self.writer.event(step, "stopped")
                    return False
        return True

    def update(self, index: Tensor, recorder: "Recorder") -> None:
        """One step on the samples `index`."""
        step = self.position.step
        images = self.train_images.images[index].contiguous(memory_format=torch.channels_last)
        labels = self.train_images.labels[index]
        self.model.train()
        self.model.seed_dropout(step)
        rate = self.learning_rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        logits = self.model(images)
        loss = F.cross_entropy(logits, labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        recorder.record(step, loss.detach(), logits.detach(), labels, rate)
        self.optimizer.step()
        self.position.step += 1

    def learning_rate(self, step: int) -> float:
        if self.settings.schedule == "constant":
            return self.peak_rate
        return one_cycle(step, self.total_steps, self.peak_rate)

    def validate(self, epoch: int) -> str:
        """Records the accuracies after an epoch and keeps the weights if none validated better."""
        step = self.position.step
        scalars = {"validation/accuracy": accuracy(self.model, self.validation_images)}
        if self.settings.test_each_epoch:
            scalars["test/accuracy"] = accuracy(self.model, self.test_images)
        self.writer.scalars(step, scalars)
        if scalars["validation/accuracy"] > self.position.best_accuracy:
            self.position.best_accuracy = scalars["validation/accuracy"]
            save_checkpoint(self.writer.subfolder("checkpoints") / BEST, model_arrays(self.model), {"epoch": epoch})
        return f"epoch {epoch}/{self.settings.epochs}: validation accuracy {scalars['validation/accuracy']:.4f}"

    def test(self) -> None:
        """The one look at the test images that counts: with the weights that validated best."""
        path = self.writer.folder / "checkpoints" / BEST
        arrays, state = load_checkpoint(path)
        with fitting(path):
            load_model(self.model, arrays)
            tested = f"tested with the weights after epoch {state['epoch']}"
        predicted = predictions(self.model, self.test_images.images).cpu().numpy()
        labels = self.test_images.labels.cpu().numpy()
        confusion = np.zeros((10, 10), np.int64)  # rows: true class, columns: predicted one
        np.add.at(confusion, (labels, predicted), 1)
        self.writer.snapshot("test_confusion", confusion)
        scalars = {"test/final_accuracy": float((predicted == labels).mean())}
        self.writer.scalars(self.position.step, scalars)
        self.writer.event(self.position.step, "finished", tested)
        self.writer.commit()  # a kill before it needs the checkpoint
        (self.writer.folder / "checkpoints" / LATEST).unlink()  # nothing is left to resume

    def save(self) -> None:
        self.writer.commit()  # what the checkpoint will not repeat has to be on disk before it
        arrays = model_arrays(self.model)
        for number, state in self.optimizer.state_dict()["state"].items():
            arrays |= {f"optimizer/{number}/{key}": array_of(value) for key, value in state.items()}
        save_checkpoint(self.writer.subfolder("checkpoints") / LATEST, arrays, vars(self.position))

    def load(self) -> None:
        path = self.writer.folder / "checkpoints" / LATEST
        arrays, state = load_checkpoint(path)
        with fitting(path):
            self.put_back(arrays, state)
        self.writer.rewind(self.position.step)

    def put_back(self, arrays: dict[str, NDArray[Any]], state: dict[str, Any]) -> None:
        load_model(self.model, arrays)
        parameters = list(self.model.parameters())
        optimizer_state = self.optimizer.state_dict()
        for name, array in arrays.items():
            if name.startswith("optimizer/"):
                _, number, key = name.split("/")
                value = alike(parameters[int(number)], torch.from_numpy(array))
                optimizer_state["state"].setdefault(int(number), {})[key] = value
        self.optimizer.load_state_dict(optimizer_state)
        self.position = Position(int(state["step"]), float(state["best_accuracy"]))


class Recorder:
    """Puts loss, accuracy, error and learning rate of every step into the record."""

    def __init__(self, writer: RunWriter, record_every: int, device: torch.device):
        self.writer = writer
        self.record_every = record_every
        self.last_loss: tuple[float, float] | None = None
        # Loss and accuracy of the steps since the last flush stay on the device, in one buffer made once: a small
        # tensor kept from every step would break up the memory that the large ones come from.
        self._pending: list[tuple[int, float]] = []
        self._buffer = torch.zeros(record_every, 2, device=device)

    def record(self, step: int, loss: Tensor, logits: Tensor, labels: Tensor, rate: float) -> None:
        if len(self._pending) == len(self._buffer):
            self.flush()
        self._buffer[len(self._pending), 0] = loss
        self._buffer[len(self._pending), 1] = (logits.argmax(1) == labels).float().mean()
        self._pending.append((step, rate))
        if step % self.record_every == 0:
            self.flush()

    def flush(self) -> None:
        """Writes the scalars of the steps since the last flush.

        Raises:
            DivergedError: if one of the losses is not finite.
        """
        pending, self._pending = self._pending, []
        for (step, rate), (loss, share) in zip(pending, self._buffer.tolist(), strict=False):
            scalars = {"train/loss": loss, "train/acc": share, "train/error": 1 - share, "learning_rate": rate}
            self.writer.scalars(step, scalars)
            self.last_loss = (loss, share)
            if not np.isfinite(loss):
                self.writer.event(step, "diverged", f"loss {loss}")
                raise DivergedError(f"the loss became {loss} at step {step}; try a lower learning rate")


def answer_test_images(run: Run) -> tuple[Samples, NDArray[np.float32]]:
    """The test images, and what the weights that validated best say of them: probabilities (N, 10).

    Raises:
        RunError: if the weights are missing or damaged.
        DataError: if the images cannot be read.
    """
    settings = settings_from_plain(CNNSettings, run.settings)
    path = run.folder / "checkpoints" / BEST
    arrays, _ = load_checkpoint(path)
    model = ConvNetwork(settings.conv_activation, settings.fc_activation, settings.seed)
    with fitting(path):
        load_model(model, arrays)
    model.eval()
    test = load_images(settings.data, settings.data_dir).test
    images = torch.from_numpy(normalised(test.X))[:, None]
    with torch.no_grad():
        logits = torch.cat([model(batch) for batch in images.split(EVALUATION_BATCH)])
    return test, logits.softmax(1).numpy()


def make_optimizer(name: str, model: torch.nn.Module, rate: float) -> torch.optim.Optimizer:
    if name == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    return torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9 if name == "momentum" else 0.0, fused=True)


def predictions(model: ConvNetwork, images: Tensor) -> Tensor:
    """Most probable class of each image, in evaluation mode (no dropout)."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch).argmax(1) for batch in images.split(EVALUATION_BATCH)])


def accuracy(model: ConvNetwork, data: ImageTensors) -> float:
    return float((predictions(model, data.images) == data.labels).float().mean())


def model_arrays(model: ConvNetwork) -> dict[str, NDArray[Any]]:
    return {f"model/{name}": array_of(value) for name, value in model.state_dict().items()}


def load_model(model: ConvNetwork, arrays: dict[str, NDArray[Any]]) -> None:
    prefix = "model/"
    model.load_state_dict(
        {name.removeprefix(prefix): torch.from_numpy(a) for name, a in arrays.items() if name.startswith(prefix)}
    )


def alike(parameter: Tensor, value: Tensor) -> Tensor:
    """`value` in the memory format of `parameter`, where it has its shape: fused optimizers pair them up in memory."""
    return torch.empty_like(parameter.detach()).copy_(value) if value.shape == parameter.shape else value


def array_of(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()
