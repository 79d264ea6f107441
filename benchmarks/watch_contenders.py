"""One way of watching the convolutional network, in a process of its own: `python benchmarks/watch_contenders.py NAME`.

Reads numbers of steps from standard input and answers each with the seconds that they took, after some steps in which
the processor's caches become its own again. What a way of watching still has to write at the end of its turn is a part
of that turn.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backlight.data.digits import load_digits, normalised
from backlight.networks.conv_network import ConvNetwork

BATCH = 128
WARM_UP = 4  # steps
Step = Callable[[Tensor, Tensor], None]
Finish = Callable[[], None]


def nothing() -> None:
    pass


class Loop:
    """Model, optimizer and data of one contender."""

    def __init__(self, tuned: bool = False):
        self.model: nn.Module = ConvNetwork(seed=0).train()
        if tuned:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stubs
        self.model.seed_dropout(0)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=tuned)
        data = load_digits()
        self.images, self.labels = torch.from_numpy(normalised(data.train.X))[:, None], torch.from_numpy(data.train.y)
        if tuned:
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.generator = torch.Generator().manual_seed(0)
        self.done = 0

    def batch(self) -> tuple[Tensor, Tensor]:
        index = torch.randint(0, len(self.labels), (BATCH,), generator=self.generator)
        return self.images[index], self.labels[index]

    def train(self, images: Tensor, labels: Tensor) -> None:
        loss = F.cross_entropy(self.model(images), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.done += 1


def bare(folder: Path) -> tuple[Loop, Step, Finish]:
    loop = Loop()
    return loop, loop.train, nothing


def bare_tuned(folder: Path) -> tuple[Loop, Step, Finish]:
    loop = Loop(tuned=True)
    return loop, loop.train, nothing


def watching(folder: Path, tuned: bool, **options: object) -> tuple[Loop, Step, Finish]:
    import backlight as bl
    from backlight.recording.run_writer import RunWriter

    loop = Loop(tuned)
    writer = RunWriter(folder / "run")
    if options.pop("event_files", False):
        writer.add_event_file()
    bl.watch(loop.model, loop.optimizer, writer, **options)  # type: ignore[arg-type]  # of one type each
    return loop, loop.train, writer.commit


def watch_every_step(folder: Path) -> tuple[Loop, Step, Finish]:
    return watching(folder, False, budget=None)


def watch_every_step_tuned(folder: Path) -> tuple[Loop, Step, Finish]:
    return watching(folder, True, budget=None)


def watch_every_step_and_event_files(folder: Path) -> tuple[Loop, Step, Finish]:
    return watching(folder, False, budget=None, event_files=True)


def watch_default(folder: Path) -> tuple[Loop, Step, Finish]:
    return watching(folder, False)


def watch_default_tuned(folder: Path) -> tuple[Loop, Step, Finish]:
    return watching(folder, True)


def summary_writer(folder: Path) -> tuple[Loop, Step, Finish]:
    """The report's logging, every step: histogram, min, max, mean, std of each parameter and inner value."""
    from torch.utils.tensorboard import SummaryWriter

    loop, writer = Loop(), SummaryWriter(str(folder))

    def step(images: Tensor, labels: Tensor) -> None:
        values = loop.model.inner_values(images)  # type: ignore[operator]  # a method, not a tensor
        loss = F.cross_entropy(values["z4"], labels)
        loop.optimizer.zero_grad()
        loss.backward()
        loop.optimizer.step()
        tensors = {f"act/{name}": value for name, value in values.items()}
        tensors |= {f"param/{name}": value for name, value in loop.model.named_parameters()}
        for name, tensor in tensors.items():
            writer.add_histogram(f"{name}/hist", tensor, loop.done)
            for statistic in ("min", "max", "mean", "std"):
                writer.add_scalar(f"{name}/{statistic}", getattr(tensor, statistic)(), loop.done)
        loop.done += 1

    return loop, step, writer.flush


def wandb_watch(folder: Path) -> tuple[Loop, Step, Finish]:
    """wandb.watch(log="all", log_freq=1), offline: parameters and gradients, no activations, no updates."""
    import wandb

    loop = Loop()
    run = wandb.init(mode="offline", dir=str(folder), settings=wandb.Settings(silent=True, console="off"))
    run.watch(loop.model, log="all", log_freq=1)

    def step(images: Tensor, labels: Tensor) -> None:
        loop.train(images, labels)
        run.log({"step": loop.done})

    return loop, step, nothing


def cockpit_economy(folder: Path) -> tuple[Loop, Step, Finish]:
    """Cockpit's cheapest configuration in every step; it needs per-sample losses and layers that BackPACK knows."""
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration

    loop = Loop()
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3136, 1024), nn.ReLU(), nn.Dropout(), nn.Linear(1024, 10),
    ]  # fmt: skip
    model, mean_loss = extend(nn.Sequential(*layers)), extend(nn.CrossEntropyLoss())
    each_loss = nn.CrossEntropyLoss(reduction="none")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    cockpit = Cockpit(model.parameters(), quantities=configuration("economy"))

    def step(images: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        outputs = model(images)
        loss, losses = mean_loss(outputs, labels), each_loss(outputs, labels)
        info = {"batch_size": BATCH, "individual_losses": losses, "loss": loss, "optimizer": optimizer}
        with cockpit(loop.done, info=info):
            loss.backward(create_graph=cockpit.create_graph(loop.done))
        optimizer.step()
        loop.done += 1

    return loop, step, nothing


CONTENDERS = {
    make.__name__: make
    for make in (
        bare, watch_every_step, watch_default, watch_every_step_and_event_files, summary_writer, wandb_watch,
        cockpit_economy, bare_tuned, watch_every_step_tuned, watch_default_tuned,
    )
}  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        loop, step, finish = CONTENDERS[sys.argv[1]](Path(folder))
        print("ready", flush=True)
        for line in sys.stdin:
            for _ in range(min(WARM_UP, int(line) - 1)):
                step(*loop.batch())
            finish()
            batches = [loop.batch() for _ in range(int(line))]
            began = time.perf_counter()
            for images, labels in batches:
                step(images, labels)
            finish()
            print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()
