"""A loss that is not the one that was meant."""

from dataclasses import replace

from ..program import Program
from .operator import Operator
from .start import scaled_weights


def softmax_first(program: Program, rung: float) -> Program:
    return replace(program, loss="softmax-first", loss_setting=rung)


def probabilities(program: Program, rung: float) -> Program:
    """−p_y in place of −log p_y; the learning rate as often lowered as the rung says, as who searches does."""
    return replace(program, loss="probabilities", learning_rate=program.learning_rate / rung)


def epsilon(program: Program, rung: float) -> Program:
    return replace(program, loss="log-epsilon", loss_setting=rung)


def summed(program: Program, rung: float) -> Program:
    """The sum over a batch of so many samples."""
    return replace(program, loss="sum", batch_size=int(rung))


def overflowing(program: Program, rung: float) -> Program:
    """exp of logits that nothing is taken from, where the first weights make them large."""
    return replace(scaled_weights(program, rung), loss="naive-exponential")


OPERATORS = (
    Operator("softmax-before-loss", softmax_first, (1, 2, 3), ("softmax-before-loss",)),
    Operator("probabilities-into-nll", probabilities, (1, 3, 10), ("probabilities-into-nll",)),
    Operator("epsilon-in-log", epsilon, (1e-3, 0.03, 0.3, 1.0), ("epsilon-in-log",)),
    Operator("summed-loss", summed, (20, 60, 200), ("sum-instead-of-mean", "learning-rate-too-high"),
             fits=lambda program: program.optimizer != "adam"),
    Operator("overflowing-exponential", overflowing, (10, 100, 1000), ("nonfinite-values", "initial-scale")),
)  # fmt: skip
