"""Does a step go down the gradient?"""

from collections.abc import Iterator

from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.clearing import run_step
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.words import SHOWN, in_order_of_use, layer_of

UPWARDS = 0.75  # of a tensor's entries that move
SURE = 4.0  # standard deviations of that share, if signs were tossed


def upward_steps(subject: Subject) -> Iterator[Finding]:
    """Tensors that the user's step moves up their gradient, though every optimizer's first step goes down; later ones
    may go on where they went. Without such a step the other probes of the gradient say what can be said."""
    if subject.step is None or (subject.optimizer is not None and subject.optimizer.state):
        return
    gradients = subject.start.gradients
    names = [name for name, _ in subject.model.named_parameters()]
    moved = dict(zip(names, run_step(subject), strict=True))
    shares = {name: up(moved[name], gradient) for name, gradient in gradients.items() if gradient is not None}
    wrong = [name for name, (share, count) in shares.items() if share > max(UPWARDS, 0.5 + SURE / 2 / count**0.5)]
    if wrong:
        wrong = in_order_of_use(wrong, [each.name for each in subject.start.seen])
        text = "share of entries that a step moves up their gradient"
        evidence = tuple(Evidence(text, shares[name][0], 0.5, "above", tensor=f"update/{name}") for name in wrong[::-1])
        yield Finding("wrong-gradient", "prevents" if len(wrong) == len(shares) else "slows", evidence[:SHOWN],
                      layer_of(wrong[-1]))  # fmt: skip


def up(step: Tensor, gradient: Tensor) -> tuple[float, int]:
    """(share of entries that go up their gradient, of how many that have a gradient and move, at least 1)."""
    products = step.sign() * gradient.sign()
    count = max(1, int((products != 0).sum()))
    return float((products > 0).sum()) / count, count
