"""Model, optimizer, batch and every random state are afterwards what they were, to the bit."""

import pickle
import random
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import backlight as bl
from backlight.errors import SettingsError

from .faulty_models import FAULTS, fault
from .healthy_models import HEALTHY, Case, healthy, mlp, small_digits

QUICK = [name for name in HEALTHY if name not in ("conv_network", "attention", "gru", "lstm")]


def bits(value: object) -> object:
    """Tensors by their bytes, everything else as it is."""
    if isinstance(value, Tensor):
        held = value.detach()
        return (str(held.dtype), tuple(held.shape), held.contiguous().numpy().tobytes(), value.requires_grad)
    if isinstance(value, dict):
        return {key: bits(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [bits(one) for one in value]
    return value


def random_states() -> bytes:
    return pickle.dumps((random.getstate(), np.random.get_state(), torch.get_rng_state().numpy().tobytes()))  # noqa: NPY002  # the global one is meant


def everything(case: Case) -> dict[str, object]:
    model = case.model
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "state": bits(model.state_dict()),
        "parameters": [(name, id(each), bits(each), each._version) for name, each in model.named_parameters()],
        "gradients": [(id(each.grad), bits(each.grad)) for each in model.parameters()],
        "flags": [module.training for module in model.modules()],
        "hooks": [list(getattr(module, name).items()) for module in model.modules() for name in hooks],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "optimizer": bits(case.optimizer.state_dict()),
        "held": [[id(each) for each in group["params"]] for group in case.optimizer.param_groups],
        "batch": bits(case.batch),
        "random": random_states(),
    }


def one_step(model: nn.Module, batch: tuple[Tensor, Tensor], case: Case) -> None:
    case.optimizer.zero_grad()
    case.loss_fn(model(batch[0]), batch[1]).backward()
    case.optimizer.step()


@given(
    name=st.sampled_from(QUICK),
    training=st.booleans(),
    stepped=st.booleans(),
    hooked=st.booleans(),
    with_step=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
@settings(max_examples=25, derandomize=True)
def test_nothing_is_changed(name, training, stepped, hooked, with_step, seed):
    """With batch norm, dropout, tied weights, a frozen backbone; in either mode, with an optimizer that has state and
    gradients that are not cleared, with hooks that would notice."""
    case = healthy(name)
    called: list[str] = []
    if stepped:
        one_step(case.model, case.batch, case)
    case.model.train(training)
    if hooked:
        case.model.register_forward_hook(lambda *_: called.append("forward"))
        case.model.register_full_backward_hook(lambda *_: called.append("backward"))
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # the global one is meant
    random.seed(seed)
    before = everything(case)
    step = (lambda model, batch: one_step(model, batch, case)) if with_step else None
    bl.diagnose(model=case.model, loss_fn=case.loss_fn, batch=case.batch, optimizer=case.optimizer, step=step)
    after = everything(case)
    if with_step:  # what has run and was undone has been written
        for state in (before, after):
            state["parameters"] = [entry[:3] for entry in state["parameters"]]
    else:
        assert not called
    assert after == before


@pytest.mark.parametrize(
    "name", ["detached", "all_frozen", "layers_in_a_list", "rate_too_high", "nan_in_inputs", "labels_from_one"]
)
def test_nothing_is_changed_by_what_is_wrong(name):
    assert name in FAULTS
    case = fault(name).case
    before = everything(case)
    bl.diagnose(model=case.model, loss_fn=case.loss_fn, batch=case.batch, optimizer=case.optimizer)
    assert everything(case) == before


def test_a_step_that_fails_is_undone():
    case = healthy("batch_norm_conv")
    before = everything(case)

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
        one_step(model, batch, case)
        raise RuntimeError("the user's own")

    with pytest.raises(SettingsError, match="RuntimeError: the user's own"):
        bl.diagnose(model=case.model, loss_fn=case.loss_fn, batch=case.batch, optimizer=case.optimizer, step=step)
    after = everything(case)
    for state in (before, after):
        state["parameters"] = [entry[:3] for entry in state["parameters"]]
    assert after == before


def test_a_graph_that_waits_can_still_be_gone_back_through():
    case = healthy("plain")
    loss = F.cross_entropy(case.model(case.batch[0]), case.batch[1])
    bl.diagnose(model=case.model, loss_fn=case.loss_fn, batch=case.batch, optimizer=case.optimizer)
    loss.backward()
    assert case.model[0].weight.grad.abs().sum() > 0


class Hoarder(nn.Module):
    """Holds what no copy can be made of, and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = mlp()
        self.lock = threading.Lock()
        self.kept: list[object] = [threading.Lock()]
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = self.layers(x)
        self.kept.append(self.last)
        return self.last


def test_a_model_that_cannot_be_copied_as_it_is():
    model = Hoarder()
    images, labels = small_digits()
    model(images)
    last = model.last
    found = bl.diagnose(model=model, loss_fn=nn.CrossEntropyLoss(), batch=(images, labels))
    assert found.healthy
    assert model.calls == 1
    assert model.last is last
    assert len(model.kept) == 2


def test_a_loss_that_holds_the_model():
    """A penalty in a closure brings the user's own tensors into the graph: they get no gradient."""
    case = healthy("plain")

    def loss_fn(outputs: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(outputs, labels) + 1e-4 * sum(each.square().sum() for each in case.model.parameters())

    before = everything(case)
    bl.diagnose(model=case.model, loss_fn=loss_fn, batch=case.batch, optimizer=case.optimizer)
    assert everything(case) == before


def test_a_loader_draws_the_same_afterwards():
    images, labels = small_digits()
    generator = torch.Generator().manual_seed(5)
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, 32, shuffle=True, generator=generator)
    state = generator.get_state()
    assert bl.diagnose(model=mlp(), loss_fn=nn.CrossEntropyLoss(), batch=loader).healthy
    assert torch.equal(generator.get_state(), state)
