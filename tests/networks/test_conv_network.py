import math

import pytest
import torch

from backlight.errors import SettingsError
from backlight.networks.conv_network import ConvNetwork, gain_of

IMAGES = torch.linspace(-1, 1, 2 * 28 * 28).reshape(2, 1, 28, 28)


def test_inner_values_have_the_names_and_shapes_of_the_report():
    values = ConvNetwork().eval().inner_values(IMAGES)
    shapes = {name: tuple(value.shape[1:]) for name, value in values.items()}
    conv1, pool1, conv2, pool2 = (32, 28, 28), (32, 14, 14), (64, 14, 14), (64, 7, 7)
    assert shapes == {
        "z1": conv1, "a1": conv1, "p1": pool1, "z2": conv2, "a2": conv2, "p2": pool2,
        "z3": (1024,), "a3": (1024,), "z4": (10,),
    }  # fmt: skip
    torch.testing.assert_close(ConvNetwork().eval()(IMAGES), values["z4"])


def test_logits_not_probabilities():
    logits = ConvNetwork().eval()(IMAGES)
    assert not torch.allclose(logits.sum(dim=1), torch.ones(2))


@pytest.mark.parametrize(
    ("name", "gain"), [("relu", math.sqrt(2)), ("leaky_relu", math.sqrt(2 / 1.01)), ("tanh", 5 / 3), ("sigmoid", 1.0)]
)
def test_initial_deviations_carry_the_gain(name, gain):
    assert gain_of(name) == pytest.approx(gain)
    network = ConvNetwork(name, name)
    assert network.conv2.weight.std().item() == pytest.approx(gain / math.sqrt(64 * 25), rel=0.02)
    assert network.fc1.weight.std().item() == pytest.approx(gain * math.sqrt(2 / (3136 + 1024)), rel=0.02)
    assert network.fc2.weight.std().item() == pytest.approx(math.sqrt(2 / (1024 + 10)), rel=0.02)
    assert all(not value.any() for key, value in network.named_parameters() if key.endswith("bias"))


def test_the_parts_have_their_own_activations():
    values = ConvNetwork("relu", "tanh").eval().inner_values(IMAGES)
    torch.testing.assert_close(values["a1"], values["z1"].clamp(min=0))
    torch.testing.assert_close(values["a3"], values["z3"].tanh())


def test_dropout_is_a_function_of_seed_and_step():
    network = ConvNetwork(seed=1).train()

    def logits(step):
        network.seed_dropout(step)
        return network(IMAGES).detach()

    torch.testing.assert_close(logits(3), logits(3), rtol=0, atol=0)
    assert not torch.equal(logits(3), logits(4))
    torch.testing.assert_close(network.eval()(IMAGES), network.eval()(IMAGES))


def test_dropout_keeps_the_mean():
    network = ConvNetwork().train()
    network.seed_dropout(0)
    dropped = network._dropout(torch.ones(100, 1000))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    network = ConvNetwork(seed=3).train()
    network.seed_dropout(0)
    network(IMAGES)
    assert torch.equal(torch.get_rng_state(), before)


def test_unknown_activation():
    with pytest.raises(SettingsError, match="'gelu'"):
        ConvNetwork(conv_activation="gelu")
