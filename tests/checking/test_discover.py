"""Networks are found in programs of many styles, and what is read from them is what they compute."""

from pathlib import Path

import numpy as np
import pytest

from backlight.checking.construct import TRIED_SIZES, Sizes, with_widths
from backlight.checking.discover import NotFoundError
from backlight.checking.program import Program
from backlight.checking.readings import best_reading, chained, training_reading
from backlight.checking.source import Sources, read
from tests.checking.strangers import PROGRAMS

CASEBOOK = Path(__file__).parents[2] / "examples" / "casebook"


def program(text: str) -> Program:
    return Program(Sources("net.py", {"net.py": text}))


@pytest.mark.parametrize("style", PROGRAMS)
def test_styles(style):
    reading = best_reading(program(PROGRAMS[style]), None)
    assert reading.right
    assert reading.network is not None
    assert reading.fit is not None
    assert not reading.sizes.equal


@pytest.mark.parametrize(
    ("style", "line", "instead"),
    [
        ("global_parameters", "(1 - a1 ** 2)", "(1 - a1)"),
        ("layers_as_tuples", "gb[l] = delta.sum(axis=0)", "gb[l] = delta.mean(axis=0)"),
        ("functions_one_by_one", "dZ2 = (probs - y_onehot) / N", "dZ2 = probs - y_onehot"),
        ("network_as_layer", "g * (1 - self.y ** 2)", "g * (1 - self.y)"),
        ("online_updates", "eh * self.h * (1 - self.h)", "eh * self.h"),
    ],
)
def test_mistakes_are_not_read_away(style, line, instead):
    text = PROGRAMS[style]
    assert line in text
    reading = best_reading(program(text.replace(line, instead)), None)
    assert not reading.right
    assert reading.network is not None


def test_a_gradient_that_is_summed_is_not_excused_by_single_samples():
    text = PROGRAMS["functions_one_by_one"].replace("(probs - y_onehot) / N", "probs - y_onehot")
    reading = best_reading(program(text), None)
    assert not reading.subject.feed.single
    assert reading.off_by_a_factor


def test_what_is_divided_in_the_update_is_right_as_a_step():
    text = PROGRAMS["functions_one_by_one"].replace("(probs - y_onehot) / N", "probs - y_onehot") + (
        "def update(W1, b1, W2, b2, dW1, db1, dW2, db2, lr, m):\n"
        "    return W1 - lr * dW1 / m, b1 - lr * db1 / m, W2 - lr * dW2 / m, b2 - lr * db2 / m\n"
    )
    assert best_reading(program(text), None).right


def test_one_step_of_the_casebook_has_the_penalty():
    found = Program(read(CASEBOOK / "three_layer_network.py"))
    plain = best_reading(found, None)
    step = training_reading(found, None, plain)
    assert step is not None
    plain.subject.assign(step.subject.values())
    extra = [a - b for a, b in zip(step.subject.gradients(), plain.subject.gradients(), strict=True)]
    for name, difference, value in zip(plain.subject.names, extra, plain.subject.values(), strict=True):
        wanted = plain.subject.strength * value if name.startswith("W") else np.zeros(value.shape)
        np.testing.assert_allclose(difference, wanted, atol=1e-10)


def test_activations_by_name():
    found = Program(read(CASEBOOK / "three_layer_network.py"))
    for name in ("tanh", "sigmoid"):
        reading = best_reading(found, None, name)
        assert reading.network is not None
        assert [function.name for function in reading.network.form.hidden] == [name]
    with pytest.raises(NotFoundError):
        best_reading(program(PROGRAMS["dataclass"]), None, "relu")


def test_the_exception_of_the_program_itself_is_kept():
    text = PROGRAMS["derivative_flag"].replace("self.z2 @ self.W2", "self.z2 @ self.W1")
    with pytest.raises(NotFoundError) as caught:
        best_reading(program(text), None)
    assert isinstance(caught.value.stage.cause, ValueError)


def test_what_hangs_is_given_up():
    text = PROGRAMS["dataclass"].replace("self.h = [x]", "self.h = [x]\n        while True: pass")
    with pytest.raises(NotFoundError):
        best_reading(program(text), None)


def test_architectures_keep_what_is_not_a_width():
    sizes = Sizes(3, (5, 6), 4)
    layers = [{"input_dim": 2, "output_dim": 9, "activation": "relu"}, {"input_dim": 9, "output_dim": 1}]
    assert with_widths(layers, sizes) == [
        {"input_dim": 3, "output_dim": 5, "activation": "relu"},
        {"input_dim": 5, "output_dim": 4},
    ]
    assert with_widths([(9, "relu"), (1, "sigmoid")], sizes) == [(5, "relu"), (4, "sigmoid")]


def test_chains_of_matrices():
    assert chained([(3, 5), (5, 6), (6, 4)], 3, 4)
    assert chained([(5, 3), (4, 5)], 3, 4)
    assert not chained([(3, 4), (4, 1)], 3, 4)


def test_generic_widths_differ():
    widths = TRIED_SIZES[0].all
    assert len(set(widths)) == len(widths)
