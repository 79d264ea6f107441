"""The benchmark's truth: fixed cases, operators that change what they say, answers counted as they should."""

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.training_faults import manifest
from benchmarks.training_faults.admission import compared, verdict
from benchmarks.training_faults.autotrainer import autotrainer, oscillates, slow
from benchmarks.training_faults.bases import BASES
from benchmarks.training_faults.cases import HEALTHY, PARTS, cases, faulty, planted, thinned
from benchmarks.training_faults.contestants import Named, Said
from benchmarks.training_faults.datasets import load
from benchmarks.training_faults.debugger import debugger
from benchmarks.training_faults.numpy_losses import loss_named
from benchmarks.training_faults.numpy_trainer import ProgramNetwork, train
from benchmarks.training_faults.operators import NAMED, OPERATORS
from benchmarks.training_faults.program import Outcome
from benchmarks.training_faults.score import Judged, by_cause, counted, questions, same_layer

from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise_arrays


@pytest.fixture(scope="module")
def parts():
    return {part: cases(part) for part in PARTS}


def base(name):
    return next(each for part in PARTS for each in BASES[part] if each.base == name)


def test_cases_are_those_that_were_fixed_before_rules_were_tuned(parts):
    assert manifest.kept() == manifest.document(parts)


def test_names_are_unique_and_healthy_runs_are_as_many_as_promised(parts):
    for found in parts.values():
        assert len({case.name for case in found}) == len(found)
        assert sum(case.sort == HEALTHY for case in found) == 300
        assert all(case.accepted for case in found if case.sort != HEALTHY)


def test_parts_share_no_base_no_seed_and_no_held_out_operator(parts):
    dev, test = parts["dev"], parts["test"]
    assert not {case.program.base for case in dev} & {case.program.base for case in test}
    assert not {case.program.seed for case in dev} & {case.program.seed for case in test}
    assert not {case.name for case in dev} & {case.name for case in test}
    held_out = {operator.name for operator in OPERATORS if operator.held_out}
    assert len(held_out) / len(OPERATORS) == pytest.approx(0.2, abs=0.02)
    assert not held_out & {case.sort for case in dev}
    assert held_out <= {case.sort for case in test}


def test_parts_share_no_digit():
    digits = [load(replace(base(name), samples=2000)) for name in ("digits-sigmoid", "digits-relu")]
    rows = [{row.tobytes() for part in data for row in part.X} for data in digits]
    assert len(rows[0]) > 2000
    assert not rows[0] & rows[1]


def test_operators_change_the_data():
    program = base("moons-tanh")
    clean, y = load(program), load(program).train.y

    def faulty_data(name, rung):
        return load(planted("dev", NAMED[name], rung, program).program)

    assert (faulty_data("shifted-labels", 1.0).train.y == 1 - y).all()
    assert 0.2 < (faulty_data("shuffled-labels", 1.0).train.y != y).mean() < 0.8
    assert (faulty_data("permuted-test-labels", 1.0).test.y == 1 - clean.test.y).all()
    assert np.allclose(faulty_data("unscaled-inputs", 30).train.X, 30 * clean.train.X + 30)
    leaking = faulty_data("leaking-feature", 20)
    assert np.corrcoef(leaking.train.X[:, 2], leaking.train.y)[0, 1] > 0.99
    assert abs(np.corrcoef(leaking.clean.X[:, 2], leaking.clean.y)[0, 1]) < 0.3
    overlapping = faulty_data("overlapping-split", 1.0)
    assert {row.tobytes() for row in overlapping.test.X} <= {row.tobytes() for row in overlapping.train.X}
    assert (np.diff(faulty_data("unshuffled-data", 20).train.y) >= 0).all()


def test_operators_change_the_gradient_and_nothing_else():
    program = base("moons-relu-deep")
    data = load(program)
    right = ProgramNetwork(program, data)
    X, y = data.train.X, data.train.y
    for name, rung, same in (("wrong-sign", 1, [0, 1, 2, 3, 5]), ("backward-cut", 1, [2, 3, 4, 5]),
                             ("no-slope", 1, [2, 3, 4, 5]), ("output-slope", 1, [])):  # fmt: skip
        wrong = ProgramNetwork(planted("dev", NAMED[name], rung, program).program, data)
        assert wrong.objective(X, y) == right.objective(X, y)
        pairs = list(zip(right.gradients(X, y), wrong.gradients(X, y), strict=True))
        assert [number for number, (a, b) in enumerate(pairs) if np.allclose(a, b)] == same, name


@pytest.mark.parametrize("name", ["softmax-first", "log-epsilon", "probabilities", "sum", "naive-exponential"])
def test_wrong_losses_have_their_own_true_gradient(name):
    loss, rng = loss_named(name, 2), np.random.default_rng(0)
    logits, y = rng.normal(size=(5, 3)), np.array([0, 1, 2, 1, 0])
    numeric = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        step = np.zeros_like(logits)
        step[place] = 1e-6
        numeric[place] = (loss.value(logits + step, y) - loss.value(logits - step, y)) / 2e-6
    assert np.allclose(loss.gradient(logits, y), numeric, atol=1e-8)


def test_operators_change_the_start_and_the_steps():
    program = base("moons-relu-deep")
    data = load(program)
    constant = ProgramNetwork(planted("dev", NAMED["constant-weights"], 2, program).program, data)
    assert all((each == 0.2).all() for each in constant.parameters[::2])
    same = ProgramNetwork(planted("dev", NAMED["same-seed"], 2, program).program, data).parameters
    count = same[0].size
    assert np.allclose(same[0].ravel() * np.sqrt(2), same[2].ravel()[:count] * np.sqrt(12))
    dead = ProgramNetwork(planted("dev", NAMED["born-dead-units"], 16, program).program, data)
    assert not (dead.forward(data.train.X)[-2].activation > 0).any()


def test_operators_change_a_pytorch_model():
    torch = pytest.importorskip("torch")
    from benchmarks.training_faults.torch_trainer import build

    program = base("cnn-relu")

    def parts_of(name, rung):
        with torch.random.fork_rng(devices=[]):
            parts = build(planted("dev", NAMED[name], rung, program).program)
            images, labels = parts.batch(8)
            loss = parts.loss_fn(parts.model(images), labels)
            if loss.requires_grad:
                loss.backward()
        return parts, dict(parts.model.named_parameters())

    parts, parameters = parts_of("head-not-in-optimizer", 1)
    given = {id(each) for group in parts.optimizer.param_groups for each in group["params"]}
    assert {name for name, each in parameters.items() if id(each) not in given} == {"fc2.weight", "fc2.bias"}
    _, parameters = parts_of("detached-layers", 2)
    assert {name for name, each in parameters.items() if each.grad is None} == {
        "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"}  # fmt: skip
    parts, _ = parts_of("softmax-before-loss", 1)
    assert torch.allclose(parts.model(parts.batch(4)[0]).sum(1), torch.ones(4))
    _, parameters = parts_of("unused-layers", 1)
    assert parameters["conv2.weight"].grad is None
    assert parameters["conv1.weight"].grad is not None


def test_the_same_program_ends_the_same_to_the_bit():
    program = replace(base("blobs-relu"), steps=40)
    assert train(program) == train(program)
    torch = pytest.importorskip("torch")
    from benchmarks.training_faults import torch_trainer

    state = torch.random.get_rng_state()
    program = replace(base("attention-relu"), steps=4, samples=100, dropout=0.5)
    assert torch_trainer.train(program) == torch_trainer.train(program)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_run_is_recorded_and_the_baselines_read_it(tmp_path):
    program = planted("dev", NAMED["born-dead-units"], 16, replace(base("moons-relu-deep"), steps=120)).program
    outcome = train(program, tmp_path / "run")
    assert outcome.accuracy < 0.6
    run = Run.open(tmp_path / "run")
    assert {"train/loss", "train/acc", "test/accuracy", "test/loss", "learning_rate"} <= set(run.scalar_names())
    assert "dead-units" in autotrainer(tmp_path / "run")
    assert "dead-units" in debugger(tmp_path / "run")


def synthetic(folder, accuracy, gradient, loss=(0.5, 0.4, 0.3), units=None):
    """A run folder of a network of two layers, with these curves and a first layer's gradient of this size."""
    with RunWriter(folder, ("program",), {"activation": "relu"}) as writer:
        for step, (share, cost) in enumerate(zip(accuracy, loss, strict=True)):
            writer.scalars(step, {"train/loss": cost, "train/acc": share})
            ones = np.ones((3, 3))
            arrays = {"param/W1": ones, "param/W2": ones, "grad/W1": gradient * ones, "grad/W2": 0.1 * ones}
            writer.tensors(step, summarise_arrays({**arrays, "update/W1": 0.01 * ones, "update/W2": 0.01 * ones}))
    return folder


def test_autotrainers_thresholds(tmp_path):
    rising = (0.5, 0.7, 0.9)
    assert autotrainer(synthetic(tmp_path / "a", rising, 0.1)) == ()
    assert autotrainer(synthetic(tmp_path / "b", rising, 1e-6)) == ("vanishing-gradients",)
    assert autotrainer(synthetic(tmp_path / "c", rising, 10.0)) == ("exploding-gradients",)
    assert autotrainer(synthetic(tmp_path / "d", rising, 0.0)) == ("vanishing-gradients", "dead-units")
    assert autotrainer(synthetic(tmp_path / "e", rising, 0.1, (0.5, np.nan, 0.3))) == ("nonfinite-values",)
    assert autotrainer(synthetic(tmp_path / "f", (0.5, 0.505, 0.5), 0.1)) == ("learning-rate-too-low",)
    assert oscillates(np.array([0.5, 0.6] * 5))
    assert not oscillates(np.array([0.5, 0.51] * 5))
    assert not slow(np.array([0.7, 0.7, 0.7]))


def test_the_debuggers_thresholds(tmp_path):
    falling = tuple(np.linspace(1, 0.1, 12))
    assert debugger(synthetic(tmp_path / "a", falling[::-1], 0.1, falling)) == ()
    assert debugger(synthetic(tmp_path / "b", falling, 1e-9, falling)) == ("vanishing-gradients",)
    assert debugger(synthetic(tmp_path / "c", falling, 0.0, falling)) == ("frozen-parameters", "vanishing-gradients")
    assert debugger(synthetic(tmp_path / "d", falling, 0.1, (0.5,) * 12)) == ("learning-rate-too-low",)


def test_a_fault_is_admitted_if_it_hurts():
    rng = np.random.default_rng(0)

    def runs(accuracy, own):
        return [Outcome(accuracy + noise, 1 - accuracy, own + noise) for noise in 0.01 * rng.standard_normal(10)]

    assert verdict(runs(0.95, 0.95), runs(0.9, 0.9))["admitted"]
    assert not verdict(runs(0.95, 0.95), runs(0.95, 0.95))["admitted"]
    assert not verdict(runs(0.9, 0.9), runs(0.95, 0.95))["admitted"]
    flattered = verdict(runs(0.9, 0.9), runs(0.9, 0.99))
    assert (flattered["admitted"], flattered["by"]) == (True, "flattery")
    assert compared([1.0, 1.0], [1.0, 1.0])["p"] == 1


def test_answers_are_judged():
    case = next(case for case in faulty("dev") if case.sort == "thrown-units" and case.program.base == "moons-tanh")
    assert case.layers == ("1",)
    right = Said((Named("learning-rate-too-high"), Named("dead-units", "a1")))
    assert questions(case, True, right) == {
        "detected": True, "cause first": False, "cause in three": True, "right layer": True}  # fmt: skip
    assert not questions(case, True, Said((Named("dead-units", "a2"),)))["right layer"]
    assert questions(case, False, right)["benign: detected"]
    assert not any(questions(case, True, Said((), "RunError: gone")).values())
    healthy = cases("dev")[0]
    assert questions(healthy, None, Said((Named("labels-noisy", note=True),))) == {"false alarms": False}
    assert questions(healthy, None, right) == {"false alarms": True}


def test_layers_are_known_under_the_names_of_their_tensors():
    for said in ("2", "a2", "act/a2", "W2", "grad/b2"):
        assert same_layer(Named("x", said), ("2",))
        assert not same_layer(Named("x", said), ("1", "12"))
    assert same_layer(Named("x", "relu(conv1)"), ("conv1",))
    assert same_layer(Named("x", "param/fc1.weight"), ("fc1",))
    assert not same_layer(Named("x", ""), ("fc1",))


def test_rates_and_causes_are_counted():
    found = cases("dev")
    healthy = [case for case in found if case.sort == HEALTHY][:4]
    slow_ones = [case for case in found if case.sort == "rate-too-low"][:4]
    wrong, right = Said((Named("overfitting"),)), Said((Named("learning-rate-too-low"),))
    rows = [Judged(case, None, {"us": wrong if number == 0 else Said()}) for number, case in enumerate(healthy)]
    rows += [Judged(case, True, {"us": wrong if number == 0 else right}) for number, case in enumerate(slow_ones)]
    measured = counted(rows)["us"]
    assert (measured["false alarms"]["yes"], measured["false alarms"]["n"]) == (1, 4)
    assert measured["cause first"]["estimate"] == 0.75
    assert json.dumps(measured)
    causes = by_cause(rows, "us")
    assert causes["learning-rate-too-low"]["precision"]["estimate"] == 1
    assert causes["learning-rate-too-low"]["recall"]["estimate"] == 0.75
    assert causes["overfitting"]["precision"]["n"] == 2


def test_a_slice_is_evenly_chosen():
    found = cases("dev")
    few = thinned(found, 50)
    assert len(few) == 50
    assert 0.3 < sum(case.sort == HEALTHY for case in few) / 50 < 0.7
