"""What may be handed to `diagnose`, what is refused, and what a time limit and a step of the user's add."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import backlight as bl
from backlight.errors import BacklightError, SettingsError

from .healthy_models import Case, batch_norm_conv, healthy, mlp, plain, small_digits


def ask(**changed):
    return bl.diagnose(**{"model": mlp(), "loss_fn": nn.CrossEntropyLoss(), "batch": small_digits(), **changed})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "mlp"}, "torch.nn.Module, not str"),
        ({"model": nn.ReLU()}, "no parameters"),
        ({"model": nn.LazyLinear(10)}, "do not know their size yet"),
        ({"model": None}, "a run or its folder, or model"),
        ({"run": "runs/1"}, "one of the two"),
        ({"loss_fn": None}, "loss_fn=… and batch"),
        ({"loss_fn": nn.CrossEntropyLoss}, r"write CrossEntropyLoss\(\)"),
        ({"loss_fn": nn.CrossEntropyLoss(reduction="none")}, r"shape \(64,\)"),
        ({"loss_fn": lambda outputs, labels: 1.0}, "not float"),
        ({"batch": None}, "loss_fn=… and batch"),
        ({"batch": 3}, "not int"),
        ({"batch": []}, "NoneType"),
        ({"batch": torch.zeros(4, 49)}, r"\(inputs, labels\)"),
        ({"batch": (torch.zeros(4, 49), torch.zeros(5).long())}, "samples come first"),
        ({"batch": (torch.zeros(0, 49), torch.zeros(0).long())}, "no samples"),
        ({"batch": (torch.zeros(4, 7), torch.zeros(4).long())}, "fails on this batch"),
        ({"optimizer": 0.1}, "torch.optim.Optimizer, not float"),
        ({"step": 1}, "step must be a function"),
        ({"seconds": 0}, "seconds must be above 0"),
        ({"mute": ["BL999"]}, "BL999"),
    ],
)
def test_wrong_arguments_are_named(changed, said):
    with pytest.raises(SettingsError, match=said) as caught:
        ask(**changed)
    assert isinstance(caught.value, BacklightError)


def test_batches_may_come_as_arrays_or_out_of_a_loader():
    images, labels = small_digits()
    for batch in (
        (images.numpy(), labels.numpy()),
        [images, labels],
        [(images, labels), (images[:3], labels[:3])],
        iter([(images, labels)]),
        torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), 64),
    ):
        assert ask(batch=batch).healthy


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = mlp()

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.layers(inputs["image"] * inputs["weight"])


def test_inputs_may_be_a_mapping():
    images, labels = small_digits()
    found = ask(model=TwoInputs(), batch=({"image": images, "weight": np.ones((64, 1), np.float32)}, labels))
    assert found.healthy
    assert ("unscaled-inputs", "inputs that are one tensor of numbers") in found.skipped


def test_in_no_grad_and_compiled():
    with torch.no_grad():
        assert ask().healthy
    assert ask(model=torch.compile(mlp(), backend="eager")).healthy


def test_muted_causes_are_not_asked():
    images, labels = small_digits()
    found = ask(batch=(images * 1000, labels), mute=["BL117", "initial-scale", "wrong-gradient"])
    assert not {"unscaled-inputs", "initial-scale", "wrong-gradient"} & {*found.causes, *found.passed}


def test_what_does_not_fit_into_the_time_is_named():
    found = ask(seconds=1e-9)
    assert not found.passed
    assert ("wrong-gradient", "more time than seconds=1e-09") in found.skipped


def stepping(case: Case, clear: str, clip: bool = False) -> Callable[..., None]:
    """A step that clears gradients before, after or never."""

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
        if clear == "before":
            case.optimizer.zero_grad()
        F.cross_entropy(model(batch[0]), batch[1]).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        case.optimizer.step()
        if clear == "after":
            case.optimizer.zero_grad()

    return step


def ask_with_step(case: Case, step: Callable[..., None]):
    return bl.diagnose(
        model=case.model, loss_fn=case.loss_fn, batch=case.batch, optimizer=case.optimizer, step=step, seconds=60
    )


@pytest.mark.parametrize("name", ["plain", "dropout", "batch_norm_conv", "frozen_backbone", "slow_sgd"])
@pytest.mark.parametrize("clip", [False, True])
def test_missing_zero_grad_is_seen_in_a_step(name, clip):
    case = healthy(name)
    for clear in ("before", "after"):
        found = ask_with_step(case, stepping(case, clear, clip))
        assert found.healthy
        assert "missing-zero-grad" in found.passed
    assert ask_with_step(case, stepping(case, "never", clip)).causes[0] == "missing-zero-grad"


@pytest.mark.parametrize("name", ["plain", "dropout", "slow_sgd"])
def test_a_step_up_the_gradient_is_seen(name):
    case = healthy(name)
    layer, last = [(name, each) for name, each in case.model.named_modules() if isinstance(each, nn.Linear)][-1]

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
        case.optimizer.zero_grad()
        case.loss_fn(model(batch[0]), batch[1]).backward()
        last.weight.grad.neg_()
        case.optimizer.step()

    found = ask_with_step(case, step)
    assert [(each.name, each.layer) for each in found.findings] == [("wrong-gradient", layer)]
    assert found.findings[0].evidence[0].tensor == f"update/{layer}.weight"


def test_a_step_that_only_gathers_gradients_is_no_fault():
    case = plain()
    found = ask_with_step(case, lambda model, batch: case.loss_fn(model(batch[0]), batch[1]).backward())
    assert ("missing-zero-grad", "a step that changes parameters") in found.skipped
    assert found.healthy


def test_the_mode_is_that_of_the_step():
    """A model that comes in evaluation mode is fine if the step sets it to training, and the reverse."""
    case = batch_norm_conv()
    plain_step = stepping(case, "before")
    case.model.eval()

    def setting_mode(training: bool) -> Callable[..., None]:
        def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
            model.train(training)
            plain_step(model, batch)

        return step

    assert ask_with_step(case, setting_mode(True)).healthy
    assert "eval-mode-in-training" in ask_with_step(case, setting_mode(False)).causes


def test_large_inputs_are_fine_where_batch_norm_follows_the_first_layer():
    torch.manual_seed(0)
    x, y = 100 * torch.randn(64, 6), torch.arange(64) % 3
    for behind, named in ((nn.BatchNorm1d(16), False), (nn.Identity(), True)):
        model = nn.Sequential(nn.Linear(6, 16), behind, nn.ReLU(), nn.Linear(16, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        found = ask(model=model, batch=(x, y), optimizer=optimizer)
        assert ("unscaled-inputs" in found.causes) is named
