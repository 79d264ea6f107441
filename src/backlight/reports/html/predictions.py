"""Of digits: which class is taken for which, and the images that the network is most wrong about."""

import importlib.util
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backlight.data.dataset import Samples
from backlight.data.digits import IMAGES, find_mnist, load_images, normalised
from backlight.errors import BacklightError, RunError
from backlight.recording.run import Run
from backlight.reports.html.axes import svg
from backlight.reports.html.fragments import Table, figure_html, panels, paragraph
from backlight.reports.html.png import data_uri
from backlight.reports.html.settings import TRAINED
from backlight.training.settings import MLPSettings, settings_from_plain
from backlight.training.train_mlp import load_network

CELL, LEFT, TOP = 34, 46, 40
MOST_IMAGES, MOST_CLASSES = 24, 30


@dataclass(frozen=True)
class Answers:
    """Test images (N, 28, 28), their classes (N,), and what the network says of them: probabilities (N, K)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32] | NDArray[np.float64]

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K): images of each true class (row) by the class that they are given (column)."""
        counts = np.zeros((self.probabilities.shape[1],) * 2, np.int64)
        np.add.at(counts, (self.labels, self.probabilities.argmax(axis=1)), 1)
        return counts

    @property
    def wrong(self) -> NDArray[np.int64]:
        """Places of the images that are told wrongly, those first whose true class was given the least probability."""
        own = self.probabilities[np.arange(len(self.labels)), self.labels]
        wrong = np.flatnonzero(self.probabilities.argmax(axis=1) != self.labels)
        return wrong[np.argsort(own[wrong], kind="stable")]

    def words(self, at: int) -> str:
        """What an image is, and what it is taken for."""
        answer = int(self.probabilities[at].argmax())
        return f"a {self.labels[at]}, taken for {answer} ({self.probabilities[at, answer]:.0%} sure)"


def predictions_html(run: Run) -> str:
    """ "" for a run that is not of digits; what cannot be shown is said."""
    if run.command not in TRAINED or run.settings.get("data") not in IMAGES:
        return ""
    try:
        answers = answers_of(run)
    except (BacklightError, OSError, ValueError, KeyError) as error:
        counts = stored_confusion(run)
        shown = "" if counts is None else confusion_figure(counts)
        return shown + paragraph(f"The most wrong images cannot be shown: {error}")
    return confusion_figure(answers.confusion) + most_wrong(answers)


def answers_of(run: Run) -> Answers:
    """The saved network, asked again.

    Raises:
        RunError: if images, weights or PyTorch are missing; nothing is downloaded.
    """
    if run.settings["data"] == "mnist" and find_mnist(run.settings.get("data_dir")) is None:
        raise RunError("the images of mnist are not on this machine; put their folder into BACKLIGHT_DATA")
    if run.command == ("train", "cnn"):
        if importlib.util.find_spec("torch") is None:
            raise RunError("this needs PyTorch: pip install 'backlight[torch]'")
        from backlight.training.train_cnn import answer_test_images

        test, probabilities = answer_test_images(run)
        return Answers(test.X, test.y, probabilities)
    settings = settings_from_plain(MLPSettings, run.settings)
    samples: Samples = load_images(settings.data, settings.data_dir).test
    rows = normalised(samples.X).reshape(len(samples), -1).astype(np.float64)
    return Answers(samples.X, samples.y, load_network(run)[0].predict_proba(rows))


def stored_confusion(run: Run) -> NDArray[np.int64] | None:
    """The confusion that training itself recorded, if it can be read and drawn."""
    try:
        counts = run.snapshot("test_confusion")
    except (OSError, ValueError):
        return None
    fits = counts.ndim == 2 and 1 < len(counts) == counts.shape[1] <= MOST_CLASSES and counts.dtype.kind == "i"
    return counts if fits else None


def confusion_figure(counts: NDArray[np.int64]) -> str:
    """A row per true class, a column per answer; wrong answers are shaded by their share of the row."""
    classes = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    width, height = LEFT + CELL * classes + 10, TOP + CELL * classes + 10
    parts = [f'<text x="{LEFT}" y="12">answer of the network →</text><text x="0" y="{TOP - 6}">true</text>']
    for k in range(classes):
        middle = CELL * k + CELL / 2
        parts.append(f'<text class="head" x="{LEFT + middle:g}" y="{TOP - 6}" text-anchor="middle">{k}</text>')
        parts.append(f'<text class="head" x="{LEFT - 10}" y="{TOP + middle + 4:g}" text-anchor="end">{k}</text>')
    for row, column in np.ndindex(classes, classes):
        x, y = LEFT + CELL * column, TOP + CELL * row
        colour, share = ("f0", 0.35) if row == column else ("f1", min(1.0, 8 * shares[row, column]))
        box = f'x="{x}" y="{y}" width="{CELL - 1}" height="{CELL - 1}"'
        parts.append(f'<rect class="{colour}" {box} fill-opacity="{share:.2f}"/>')
        if counts[row, column]:
            place = f'x="{x + CELL / 2:g}" y="{y + CELL / 2 + 4:g}" text-anchor="middle"'
            parts.append(f'<text class="head" {place}>{counts[row, column]}</text>')
    words = confusion_words(counts)
    header = ("true class", *map(str, range(classes)))
    table = Table(header, [(str(k), *map(str, row)) for k, row in enumerate(counts.tolist())])
    return figure_html(svg(width, height, "Confusion matrix", words, "".join(parts)), words, table, "single")


def confusion_words(counts: NDArray[np.int64]) -> str:
    return f"{int(np.trace(counts)):,} of {counts.sum():,} test images are right; {commonest(counts)}"


def commonest(counts: NDArray[np.int64]) -> str:
    """The confusion that happens most, in words."""
    wrong = counts - np.diag(np.diag(counts))
    true, answer = np.unravel_index(wrong.argmax(), wrong.shape)
    most = int(wrong[true, answer])
    return f"the commonest mistake is {true} taken for {answer}, {most} times" if most else "none is wrong"


def most_wrong(answers: Answers) -> str:
    chosen = answers.wrong[:MOST_IMAGES].tolist()
    figures = []
    for at in chosen:
        image = f'<image class="pixels" width="28" height="28" href="{data_uri(answers.images[at])}"/>'
        words = answers.words(at)
        figures.append(figure_html(svg(28, 28, f"Test image {at}", words, image), words, None))
    said = f"The {len(chosen)} most wrong of {len(answers.wrong):,} wrong test images, the most certain first."
    return paragraph(said) + panels(figures, "images") if figures else ""
