"""What is recorded is what was there, and the training does not notice."""

import copy
import gc
import io
import json
import os
import pickle
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import backlight as bl
from backlight.errors import RunError, SettingsError
from backlight.recording import run_writer
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise
from tests.watching.models import Block, ByHand, Functional, Residual, batches, made, same_weights, train, weights

KINDS = [Functional, Residual, ByHand]


def assert_records(run, name, step, values):
    """The summary of tensor `name` at `step` is that of these values."""
    steps, summaries = run.tensor(name)
    found = summaries[steps.tolist().index(step)]
    expected = summarise(values.detach().float().numpy())
    for field in ("count", "nan", "zeros", "minimum", "maximum"):
        assert getattr(found, field) == getattr(expected, field), (name, field)
    np.testing.assert_array_equal(found.cells, expected.cells)
    np.testing.assert_array_equal(found.cell_counts, expected.cell_counts)
    assert found.mean == pytest.approx(expected.mean, rel=1e-9, abs=1e-12)
    assert found.variance == pytest.approx(expected.variance, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (torch.optim.Adam, {}),
        (torch.optim.Adam, {"fused": True}),
        (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    ],
)
def test_weights_are_equal_to_the_bit(tmp_path, kind, optimizer, options):
    bare, watched = made(kind, optimizer=optimizer, **options), made(kind, optimizer=optimizer, **options)
    loss = train(*bare, steps=5)
    with bl.watch(*watched, run=tmp_path / "run", budget=None):
        assert train(*watched, steps=5) == loss
    assert same_weights(weights(bare[0]), weights(watched[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_hooks_leave_the_model_as_it_was(tmp_path, kind):
    model, optimizer = made(kind)
    before = {name: sorted(vars(module)) for name, module in model.named_modules()}
    with bl.watch(model, optimizer, run=tmp_path / "run"):
        train(model, optimizer)
    assert {name: sorted(vars(module)) for name, module in model.named_modules()} == before
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._forward_hooks_always_called
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert torch.overrides._get_current_function_mode() is None


def test_parameters_gradients_and_updates(tmp_path):
    model, optimizer = made(Functional)
    seen = []
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        for x, y in batches(3):
            before = weights(model)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            gradients = {name: each.grad.clone() for name, each in model.named_parameters()}
            optimizer.step()
            seen.append((before, gradients, weights(model)))
    run = Run.open(tmp_path / "run")
    for step, (before, gradients, after) in enumerate(seen):
        for name, gradient in gradients.items():
            assert_records(run, f"param/{name}", step, before[name])
            assert_records(run, f"grad/{name}", step, gradient)
            assert_records(run, f"update/{name}", step, after[name] - before[name])
            assert run.norms(f"grad/{name}")[1][step] == pytest.approx(gradient.norm().item(), rel=1e-5)


def test_activations_by_the_names_a_user_knows(tmp_path):
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        for x, y in batches(3):
            z1 = model.conv1(x)
            a1 = F.relu(z1)
            p1 = F.max_pool2d(a1, 2)
            z2 = model.fc1(p1.flatten(1))
            kept = {"conv1": z1, "relu(conv1)": a1, "max_pool2d(relu(conv1))": p1, "fc1": z2, "tanh(fc1)": z2.tanh()}
            kept = {name: value.detach().clone() for name, value in kept.items()}
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    run = Run.open(tmp_path / "run")
    assert [name for name in run.tensor_order() if name.startswith("act/")] == [
        *(f"act/{name}" for name in kept), "act/fc2"
    ]  # fmt: skip
    for name, value in kept.items():
        assert_records(run, f"act/{name}", 2, value)
    _, summaries = run.tensor("act/relu(conv1)")
    fired = (kept["relu(conv1)"] > 0).transpose(0, 1).flatten(1).any(1)
    np.testing.assert_array_equal(summaries[2].live, fired.numpy())
    assert summaries[2].passing == int((kept["relu(conv1)"] > 0).sum())
    assert run.tensor("act/tanh(fc1)")[1][2].saturated_share == float((kept["tanh(fc1)"].abs() >= 0.98).float().mean())


def test_residual_blocks_with_one_relu_for_all_places(tmp_path):
    """The sum and the ReLU work in place on what batch normalisation gave: it was read before."""
    model, optimizer = made(Residual)
    x, y = next(batches(1))
    reference = copy.deepcopy(model.layer1[0])
    with torch.no_grad():
        block = reference
        entry = model.stem(x)
        normalised = block.bn1(block.conv1(entry))
        second = block.bn2(block.conv2(normalised.relu()))
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        train(model, optimizer, steps=2)
    run = Run.open(tmp_path / "run")
    assert_records(run, "act/layer1.0.bn1", 0, normalised)
    assert_records(run, "act/layer1.0.relu(layer1.0.bn1)", 0, normalised.relu())
    assert_records(run, "act/layer1.0.bn2", 0, second)
    names = [name for name in run.tensor_names() if "relu" in name]
    assert len(names) == 4  # two places in each of two blocks
    assert_records(run, next(name for name in names if "add" in name and "1.0" in name), 0, (second + entry).relu())
    assert [len(run.tensor(name)[0]) for name in names] == [3] * 4


def test_formulas_without_layers(tmp_path):
    model, optimizer = made(ByHand)
    x, y = next(batches(1))
    z = (x.flatten(1) @ model.W1 + model.b1).detach()
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    run = Run.open(tmp_path / "run")
    assert_records(run, "act/add", 0, z)
    assert_records(run, "act/relu(add)", 0, z.relu())


def test_names_and_patterns(tmp_path):
    model, optimizer = made(Functional)
    options = {"names": {"conv1": "z1", "relu(conv1)": "a1"}, "include": ["act/?1", "grad/*"], "exclude": "*.bias"}
    with bl.watch(model, optimizer, run=tmp_path / "run", **options):
        train(model, optimizer)
    run = Run.open(tmp_path / "run")
    assert run.tensor_names() == ["act/a1", "act/z1", "grad/conv1.weight", "grad/fc1.weight", "grad/fc2.weight"]


def test_taps(tmp_path):
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None) as watch:
        for x, y in batches(2):
            probabilities = watch.tap("probabilities", model(x).softmax(1))
            hidden = watch.tap("hidden", torch.relu(probabilities - 0.3), activation="relu")
            optimizer.zero_grad()
            F.nll_loss(probabilities.log(), y).backward()
            optimizer.step()
        with pytest.raises(SettingsError, match="unknown activation 'relo'"):
            watch.tap("x", hidden, activation="relo")
    run = Run.open(tmp_path / "run")
    assert_records(run, "act/probabilities", 1, probabilities)
    np.testing.assert_array_equal(run.tensor("act/hidden")[1][1].live, (hidden > 0).any(0).numpy())


def test_scalars_of_the_user(tmp_path):
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run") as watch:
        for x, y in batches(2):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            watch.scalars(loss=loss, rate=0.5)
            optimizer.step()
            watch.scalars(watch.step - 1, after=0.25)
    run = Run.open(tmp_path / "run")
    assert run.scalar("train/loss")[1][-1] == loss.item()
    assert run.scalar("train/rate")[0].tolist() == run.scalar("train/after")[0].tolist() == [0, 1]


def test_accumulated_and_clipped_gradients_are_what_the_optimizer_sees(tmp_path):
    """Two forward passes a step: their activations are one tensor of twice the size."""
    model, optimizer = made(Functional)
    model.eval()  # no dropout, so that the passes can be repeated
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        for step in range(2):
            optimizer.zero_grad()
            inputs = []
            for x, y in batches(2):
                inputs.append(x + step)
                (F.cross_entropy(model(inputs[-1]), y) / 2).backward()
            values = model.conv1(torch.cat(inputs)).detach()
            nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            gradient = model.fc1.weight.grad.clone()
            optimizer.step()
    run = Run.open(tmp_path / "run")
    assert_records(run, "grad/fc1.weight", 1, gradient)
    assert_records(run, "act/conv1", 1, values)


@pytest.mark.parametrize("fused", [False, True])
def test_mixed_precision(tmp_path, fused):
    """float16 activations are read as they are, gradients after unscaling, whoever does it."""

    def run_once(watched):
        model, optimizer = made(Functional, optimizer=torch.optim.SGD, fused=fused)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        torch.manual_seed(2)
        with bl.watch(model, optimizer, run=tmp_path / "run", budget=None) if watched else torch.enable_grad():
            for x, y in batches(3):
                optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16):
                    logits = model(x)
                    loss = F.cross_entropy(logits, y)
                scaler.scale(loss).backward()
                scaled = model.fc2.weight.grad.clone()
                scaler.step(optimizer)
                scaler.update()
        return model, logits, scaled / 1024

    bare, _, _ = run_once(False)
    model, logits, gradient = run_once(True)
    assert same_weights(weights(bare), weights(model))
    run = Run.open(tmp_path / "run")
    assert logits.dtype == torch.bfloat16
    assert_records(run, "act/fc2", 2, logits)
    assert_records(run, "grad/fc2.weight", 2, gradient)


@pytest.mark.parametrize("order", ["compiled first", "watched first", "in place"])
def test_compiled_models(tmp_path, order):
    """What is inside compiled code is left alone, and said to be; the rest is recorded; nothing is compiled twice."""

    def compiled(model):
        torch._dynamo.reset()
        return torch.compile(model, backend="aot_eager")

    bare, bare_optimizer = made(Functional)
    train(bare, bare_optimizer, steps=4, forward=compiled(bare))
    model, optimizer = made(Functional)
    forward = compiled(model) if order == "compiled first" else None
    if order == "in place":
        torch._dynamo.reset()
        model.compile(backend="aot_eager")
    torch._dynamo.utils.counters.clear()
    with bl.watch(model if forward is None else forward, optimizer, run=tmp_path / "run", every=2):
        train(model, optimizer, steps=4, forward=compiled(model) if order == "watched first" else forward)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
    assert not torch._dynamo.utils.counters["graph_break"]
    assert same_weights(weights(bare), weights(model))
    run = Run.open(tmp_path / "run")
    assert run.tensor("grad/conv1.weight")[0].tolist() == [0, 2]
    activations = [name for name in run.tensor_names() if name.startswith("act/")]
    assert activations == (["act/output"] if order == "compiled first" else [])
    said = json.loads(next(event.detail for event in run.events() if event.kind == "watch"))
    assert bool(said) is (order != "watched first")
    assert any(event.kind == "unseen" for event in run.events()) is (order != "compiled first")


def test_evaluations_are_not_taken_for_training(tmp_path):
    """Neither without gradients nor, where somebody forgot that, with them."""
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        for x, y in batches(2):
            with torch.no_grad():
                model(x * 100)
            model(x * 100)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            model(x * 100)
    assert [each.count for each in Run.open(tmp_path / "run").tensor("act/fc2")[1]] == [18, 18]


def test_the_first_test_in_each_mode_is_noted(tmp_path):
    """In steps that are not recorded, too, at the cost of one hook; copies of the model are strangers."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(0.0), nn.Linear(8, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with bl.watch(model, optimizer, tmp_path / "run", every=100) as watching:
        for step, (x, y) in enumerate(batches(5)):
            optimizer.zero_grad()
            F.cross_entropy(model.train()(x), y).backward()
            optimizer.step()
            with torch.no_grad():
                copy.deepcopy(model).eval()(x)
                if step in (1, 2):
                    model(x)
                if step == 4:
                    model.eval()(x)
    events = [(event.step, event.kind, json.loads(event.detail)) for event in Run.open(watching.folder).events()]
    tests = [each for each in events if each[1].endswith("in a test")]
    detail = {"modules": ["2"], "of": 1}
    assert tests == [(2, "training mode in a test", detail), (5, "evaluation mode in a test", detail)]
    assert (events[-1][2]["tests in training mode"], events[-1][2]["tests in evaluation mode"]) == (2, 1)


def test_a_saved_model_needs_no_backlight(tmp_path):
    """Outside of recorded steps, where the hook for tests alone is there."""
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, tmp_path / "run", every=100):
        for x, y in batches(2):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        saved = pickle.dumps(model)
    assert b"backlight" not in saved
    x, _ = next(iter(batches(1)))
    with torch.no_grad():
        assert torch.equal(pickle.loads(saved).eval()(x), model.eval()(x))


def test_shared_frozen_and_forgotten_parameters(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.encode, self.decode = nn.Linear(64, 5), nn.Linear(5, 64)
            self.decode.weight = nn.Parameter(torch.randn(64, 5))
            self.again = nn.Linear(5, 64)
            self.again.weight = self.decode.weight
            self.frozen = nn.Linear(64, 3).requires_grad_(False)
            self.forgotten = nn.Linear(64, 3)

        def forward(self, x):
            hidden = torch.relu(self.encode(x.flatten(1)))
            both = self.decode(hidden) + self.again(hidden)
            return self.frozen(both) + self.forgotten(both)

    torch.manual_seed(0)
    model = Tied()
    used = [each for name, each in model.named_parameters() if each.requires_grad and "forgotten" not in name]
    optimizer = torch.optim.SGD(used, lr=0.1)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        train(model, optimizer)
    run = Run.open(tmp_path / "run")
    names = set(run.tensor_names())
    assert {"param/decode.weight", "param/frozen.weight", "grad/forgotten.weight"} <= names
    assert not {"param/again.weight", "grad/frozen.weight", "update/forgotten.weight", "update/frozen.weight"} & names
    said = json.loads(next(event.detail for event in run.events() if event.kind == "watch"))
    assert said["frozen"] == ["frozen.weight", "frozen.bias"]
    assert said["not in the optimizer"] == ["forgotten.weight", "forgotten.bias"]


def test_modules_called_several_times(tmp_path):
    """One with parameters is recorded as one tensor of all its calls."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.head = nn.Linear(64, 64), nn.Linear(64, 3)

        def forward(self, x):
            once = self.inner(x.flatten(1)).tanh()
            return self.head(self.inner(once).tanh())

    model, optimizer = made(Twice)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        train(model, optimizer)
    run = Run.open(tmp_path / "run")
    assert [each.count for each in run.tensor("act/inner")[1]] == [2 * 6 * 64] * 3
    assert [each.count for each in run.tensor("act/tanh(inner)")[1]] == [2 * 6 * 64] * 3


def test_recomputed_parts_are_seen_once(tmp_path):
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.block, self.head = Block(1), nn.Linear(64, 3)

        def forward(self, x):
            return self.head(checkpoint(self.block, x, use_reentrant=False).flatten(1))

    model, optimizer = made(Checkpointed)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        train(model, optimizer)
    run = Run.open(tmp_path / "run")
    assert [each.count for each in run.tensor("act/block.conv1")[1]] == [6 * 64] * 3


def test_odd_tensors(tmp_path):
    """A sparse gradient, a transposed parameter, a channels-last activation, a tuple as output, an integer input."""

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(10, 4, sparse=True)
            self.turned = nn.Parameter(torch.randn(4, 6).t())
            self.cell = nn.LSTM(6, 3, batch_first=True)
            self.conv = nn.Conv2d(1, 3, 3)

        def forward(self, tokens):
            out, _ = self.cell(self.embed(tokens) @ self.turned.t())
            image = self.conv(out[:, None].contiguous(memory_format=torch.channels_last))
            return torch.relu(image)

    torch.manual_seed(0)
    model = Odd()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        tokens = torch.randint(0, 10, (2, 5))
        out = model(tokens)
        out.sum().backward()
        gradient = model.embed.weight.grad.to_dense()
        turned = model.turned.detach().clone()
        optimizer.step()
    run = Run.open(tmp_path / "run")
    assert_records(run, "grad/embed.weight", 0, gradient)
    assert_records(run, "param/turned", 0, turned)
    assert_records(run, "act/relu(conv)", 0, out)
    np.testing.assert_array_equal(run.tensor("act/relu(conv)")[1][0].live, (out > 0).any(3).any(2).any(0).numpy())
    assert {"act/cell[0]", "act/cell[1][0]", "act/cell[1][1]"} <= set(run.tensor_names())


def test_an_exception_in_a_forward_pass_leaves_no_trace(tmp_path):
    """The broken pass is forgotten, whoever goes on; nothing keeps listening."""

    class Fragile(Functional):
        broken = False

        def forward(self, x):
            z = self.conv1(x)
            if self.broken:
                raise ArithmeticError("out of memory, say")
            return self.fc2(torch.tanh(self.fc1(F.max_pool2d(F.relu(z), 2).flatten(1))))

    model, optimizer = made(Fragile)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        for x, y in batches(3):
            model.broken = True
            with pytest.raises(ArithmeticError):
                model(x)
            assert torch.overrides._get_current_function_mode() is None
            model.broken = False
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert [each.count for each in Run.open(tmp_path / "run").tensor("act/conv1")[1]] == [6 * 4 * 64] * 3


def test_an_exception_in_the_loop_completes_the_record(tmp_path):
    model, optimizer = made(Functional)

    def fail():
        with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
            train(model, optimizer, steps=2)
            F.cross_entropy(model(torch.full((2, 1, 8, 8), torch.nan)), torch.zeros(2, dtype=torch.int64)).backward()
            raise ZeroDivisionError("between backward and step")

    with pytest.raises(ZeroDivisionError):
        fail()
    run = Run.open(tmp_path / "run")
    assert "ZeroDivisionError" in next(event.detail for event in run.events() if event.kind == "exception")
    first = run.first_nonfinite()[0]  # what was seen of the step that broke off is kept
    assert (first.step, first.name, first.nan) == (2, "act/conv1", 2 * 4 * 64)


def test_the_first_nan_is_named_wherever_it_comes_about(tmp_path):
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run", every=1000):  # only norms at that time
        for step, (x, y) in enumerate(batches(6)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            if step == 4:
                model.fc1.weight.grad[0, 0] = torch.nan
            optimizer.step()
    run = Run.open(tmp_path / "run")
    first = run.first_nonfinite()[0]
    assert (first.step, first.name, first.nan) == (4, "grad/fc1.weight", 1)
    noted = [json.loads(event.detail) for event in run.events() if event.kind == "nonfinite"]
    assert noted[0] == {"tensor": "grad/fc1.weight", "nan": 1, "infinite": 0, "count": 512}
    assert not [event for event in run.events() if event.kind == "unseen"]
    steps, norms = run.norms("grad/fc1.weight")
    assert steps.tolist() == list(range(6))
    assert np.isnan(norms[4])
    assert np.isfinite(norms[:4]).all()


def test_a_model_that_is_deleted_is_released_and_its_record_completed(tmp_path, capsys):
    model, optimizer = made(Functional)
    watch = bl.watch(model, optimizer, run=tmp_path / "run")
    train(model, optimizer)
    reference = weakref.ref(model)
    del model, optimizer
    gc.collect()
    assert reference() is None
    del watch
    gc.collect()
    assert "3 of 3 steps recorded" in capsys.readouterr().err
    assert Run.open(tmp_path / "run").events()[-1].kind == "watched"


def test_nobody_has_to_keep_what_watch_gives_back(tmp_path):
    model, optimizer = made(Functional)
    bl.watch(model, optimizer, run=tmp_path / "run")
    gc.collect()
    train(model, optimizer)
    del model, optimizer
    gc.collect()
    assert Run.open(tmp_path / "run").tensor("grad/fc1.weight")[0].tolist() == [0, 1, 2]


def test_copied_and_saved_models_are_not_watched(tmp_path):
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run", budget=None):
        train(model, optimizer, steps=1)
        twin = copy.deepcopy(model)
        buffer = io.BytesIO()
        torch.save(model, buffer)
        buffer.seek(0)
        loaded = torch.load(buffer, weights_only=False)
        for x, _ in batches(2):
            twin(x).sum().backward()
            loaded(x).sum().backward()
        train(model, optimizer, steps=1)
    assert [each.count for each in Run.open(tmp_path / "run").tensor("act/fc2")[1]] == [18, 18]


def test_a_script_of_two_lines_more(tmp_path):
    """Nothing is closed by hand, and the program ends with an error."""
    script = (
        "import torch\nfrom torch import nn\nimport backlight as bl\n"
        "model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))\n"
        "optimizer = torch.optim.Adam(model.parameters())\n"
        "bl.watch(model, optimizer, run='run')\n"
        "for step in range(12):\n"
        "    optimizer.zero_grad()\n"
        "    model(torch.randn(5, 4)).square().mean().backward()\n"
        "    optimizer.step()\n"
        "raise SystemExit(3)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "recorded in run; watching took" in done.stderr
    run = Run.open(tmp_path / "run")
    assert {"act/0", "act/1", "act/2", "param/0.weight", "update/2.bias"} <= set(run.tensor_names())
    assert len(run.norms("grad/0.weight")[0]) == 12


@pytest.mark.parametrize("noticed", ["in a step", "at the end"])
def test_a_disk_that_refuses_ends_the_watching_and_not_the_training(tmp_path, monkeypatch, capsys, noticed):
    if noticed == "at the end":  # nothing is written before
        monkeypatch.setattr(run_writer, "GATHER_SECONDS", 600)
    bare, watched = made(Functional), made(Functional)
    train(*bare, steps=6)
    train(*bare, steps=6)
    watch = bl.watch(*watched, run=tmp_path / "run", budget=None)

    def refuse(step, summaries):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watch._writer._database, "tensors", refuse)
    train(*watched, steps=6)
    if noticed == "in a step":
        with pytest.raises(RunError):
            watch._writer.commit()
    train(*watched, steps=6)
    watch.scalars(loss=1.0)
    watch.close()
    watch.close()
    said = capsys.readouterr().err
    assert said.count("No space left on device") == (2 if noticed == "in a step" else 1)
    assert ("no longer watched" in said) is (noticed == "in a step")
    assert same_weights(weights(bare[0]), weights(watched[0]))
    assert not watched[1]._optimizer_step_pre_hooks
    with RunWriter(tmp_path / "run", resume=True):  # the lock is free
        pass


def test_a_writer_that_is_handed_in_stays_open(tmp_path):
    model, optimizer = made(Functional)
    with RunWriter(tmp_path / "run") as writer:
        with bl.watch(model, optimizer, run=writer, every=2, first_step=3):
            train(model, optimizer, steps=4)
        writer.event(7, "finished")
    run = Run.open(tmp_path / "run")
    assert run.tensor("param/fc1.weight")[0].tolist() == [4, 6]
    assert run.ending().kind == "finished"
    assert next(event.step for event in run.events() if event.kind == "watched") == 7


def test_the_record_says_what_watching_has_cost(tmp_path):
    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run", every=2) as watch:
        train(model, optimizer, steps=6)
    run = Run.open(tmp_path / "run")
    steps, watching, training = run.costs()
    assert steps.tolist() == [0, 2, 4]
    assert (watching > 0).all()
    assert np.isnan(training[0])
    assert (training[1:] > 0).all()
    said = json.loads(run.events()[-1].detail)
    assert (said["steps"], said["recorded"]) == (6, 3)
    assert said["share"] == pytest.approx(watch.cost.share, abs=1e-4)


def test_event_files_beside_the_record(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model, optimizer = made(Functional)
    with bl.watch(model, optimizer, run=tmp_path / "run", tensorboard=True, every=2):
        train(model, optimizer, steps=5)
    accumulator = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"histograms": 0})
    accumulator.Reload()
    assert [event.step for event in accumulator.Histograms("act/relu(conv1)/hist")] == [0, 2, 4]


def test_what_makes_no_sense_is_refused_before_anything_is_written(tmp_path):
    model, optimizer = made(Functional)
    for options, words in (({"every": 0}, "every must"), ({"budget": 0.0}, "budget is"), ({"budget": -1}, "budget is")):
        with pytest.raises(SettingsError, match=words):
            bl.watch(model, optimizer, run=tmp_path / "run", **options)
    with pytest.raises(SettingsError, match="not Functional and list"):
        bl.watch(model, list(model.parameters()), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with bl.watch(model, optimizer, run=tmp_path / "run"):
        pass
    with pytest.raises(RunError, match="a run is already there"):
        bl.watch(model, optimizer, run=tmp_path / "run")
    assert not optimizer._optimizer_step_pre_hooks


@pytest.mark.parametrize("by_keyword", [False, True])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.LBFGS])
def test_gradients_that_a_closure_computes_inside_of_the_step(tmp_path, kind, by_keyword):
    def once(watched):
        model, optimizer = made(Functional, optimizer=kind)
        model.eval()
        firsts = []

        def closure_of(x, y):
            gradients = []

            def closure():
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                gradients.append(model.fc1.weight.grad.clone())
                return loss

            return closure, gradients

        with bl.watch(model, optimizer, run=tmp_path / "run", budget=None) if watched else torch.enable_grad():
            for x, y in batches(2):
                closure, gradients = closure_of(x, y)
                optimizer.step(closure=closure) if by_keyword else optimizer.step(closure)
                firsts.append(gradients[0])
        return model, firsts

    bare, _ = once(False)
    model, firsts = once(True)
    assert same_weights(weights(bare), weights(model))
    for step, gradient in enumerate(firsts):
        assert_records(Run.open(tmp_path / "run"), "grad/fc1.weight", step, gradient)


def test_after_closing_nothing_is_kept_and_nothing_recorded(tmp_path):
    model, optimizer = made(Functional)
    watch = bl.watch(model, optimizer, run=tmp_path / "run", budget=None)
    train(model, optimizer)
    watch.close()
    watch.scalars(loss=1.0)
    watch.tap("late", torch.ones(3))
    watch.close()
    train(model, optimizer)
    run = Run.open(tmp_path / "run")
    assert run.tensor("param/fc1.weight")[0].tolist() == [0, 1, 2]
    assert not run.scalar_names()
    assert not watch._parameters._before
