"""Steps and gradients during training."""

from backlight.diagnosis.cause import Cause
from backlight.diagnosis.finding import Level

OPTIMISATION = {
    "dead-units": Cause("BL101", Level.OPTIMISATION, "units have died during training",
        "A ReLU unit whose z is negative for every sample gives 0 and passes no gradient: it can never come back. What "
        "it had learnt is lost, and a layer in which all units are dead stops everything before it.",
        ("a step so large that it threw the unit's bias or weights far to the negative side",),
        ("a smaller learning_rate", "leaky_relu, whose slope is nowhere 0"),
        "a sample for which the unit fires: the record looks at those of the training data only",
        "Lu et al. 2019, Dying ReLU and Initialization, section 3"),
    "learning-rate-too-high": Cause("BL127", Level.OPTIMISATION, "the learning rate is too high",
        "Each step goes so far that it lands on the other side of the valley, or out of it: the loss swings, rises, or "
        "overflows, and units are thrown to where they are dead or saturated.",
        ("a learning_rate for another optimizer, batch size or scale of inputs", "a loss summed over samples"),
        ("learning_rate / 3, or / 10", "a warm-up", "clip the gradient"),
        "a loss that falls steadily with steps of this size",
        "update by weight: 1e-3 is usual (CS231n), 1e-2 in small networks; loss at twice its lowest (TheDeepChecker)"),
    "learning-rate-too-low": Cause("BL128", Level.OPTIMISATION, "the learning rate is too low",
        "In the whole training the weights went a small part of their own length, and the loss was still falling as at "
        "the start: the way is right, the steps are too short.",
        ("a learning_rate for another optimizer or scale", "too few steps"),
        ("learning_rate × 10", "more steps"),
        "a loss that had come to rest, or gradients that had shrunk", "way of the weights over the whole training"),
    "vanishing-gradients": Cause("BL129", Level.OPTIMISATION, "gradients vanish on their way to the first layers",
        "On the way back the gradient is multiplied by each layer's slope and weights. Where these are below 1, the "
        "first layers get next to nothing and stay random.",
        ("many layers of sigmoid, whose slope is at most ¼", "initial weights that are too small"),
        ("relu with variance 2/fan_in", "fewer layers", "normalising layers, or connections that skip layers"),
        "a first layer that changes by as large a share of itself as the last one",
        "AUTOTRAINER (Zhang et al. 2021): first by last below 1e-3; here relative to the weights, and below 1e-2 where "
        "the loss was that of chance for a third of the training"),
    "exploding-gradients": Cause("BL130", Level.OPTIMISATION, "gradients explode",
        "Gradients grow from layer to layer, or suddenly from step to step; single steps destroy what was learnt.",
        ("initial weights that are too large", "a recurrent network", "a rare sample that is far from all others"),
        ("clip the gradient's norm", "smaller initial weights", "a smaller learning_rate"),
        "gradients that are of one size over layers and steps", "AUTOTRAINER (Zhang et al. 2021): ratio above 70"),
    "saturated-units": Cause("BL131", Level.OPTIMISATION, "units are saturated",
        "Far from 0, tanh and sigmoid are flat: such units give the same for all samples and hardly pass a gradient.",
        ("inputs or initial weights that are too large", "a learning_rate that is too high"),
        ("standardise the inputs", "smaller initial weights", "a smaller learning_rate", "relu"),
        "a training that goes well: saturation at its end is none", "slope below 4 % of its largest: |tanh| > 0.98"),
    "batch-too-small": Cause("BL132", Level.OPTIMISATION, "batches are too small",
        "The gradient of a few samples is more noise than direction, and the steps cancel each other.",
        ("batch_size of 1 to 4 with a learning_rate meant for more",),
        ("a larger batch_size", "a smaller learning_rate"),
        "a loss that falls steadily", "McCandlish et al. 2018, An Empirical Model of Large-Batch Training"),
    "eval-mode-in-training": Cause("BL135", Level.OPTIMISATION, "the model was in evaluation mode while training",
        "In this mode dropout does nothing and batch norm uses running averages that nobody updates.",
        ("model.eval() for an evaluation, and no model.train() after it",),
        ("model.train() at the start of each epoch",),
        "layers that are frozen on purpose", "the training flag of modules in a recorded step"),
}  # fmt: skip
