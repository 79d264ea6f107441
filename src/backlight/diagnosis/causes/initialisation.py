"""What was wrong before the first update."""

from backlight.diagnosis.cause import Cause
from backlight.diagnosis.finding import Level

INITIALISATION = {
    "constant-initialisation": Cause("BL123", Level.INITIALISATION, "all weights of a layer begin the same",
        "Units that begin the same get the same gradient and stay the same: the layer is as good as a single unit, "
        "and with zeros no gradient passes it at all.",
        ("weights of zeros or ones",),
        ("draw them at random, such as N(0, 2/fan_in) for relu and N(0, 1/fan_in) for tanh",),
        "initial weights that differ within the layer. (An output layer of zeros alone is harmless.)",
        "deviation of the initial weights, exactly 0"),
    "same-seed-in-layers": Cause("BL124", Level.INITIALISATION, "layers were drawn with the same seed",
        "Their weights are the same numbers but for a factor, so the layers begin as copies of each other instead of "
        "independent ones.",
        ("the seed is set again before each layer", "each layer makes a generator of its own from one number"),
        ("one generator for the whole network",),
        "first weights that differ by more than a factor", "docs/riddle.md: costs up to 0.08 of the success rate"),
    "initial-scale": Cause("BL125", Level.INITIALISATION, "initial weights are too small or too large",
        "From layer to layer signals shrink until the outputs hardly depend on the samples, or grow until units "
        "saturate and the loss begins far above chance. Gradients do the same on the way back. Biases far from 0 do it "
        "in a single layer.",
        ("a deviation that does not depend on the number of inputs", "Glorot's gain with relu, or none at all",
         "biases that were not set to 0"),
        ("variance 2/fan_in for relu, 1/fan_in for tanh and sigmoid", "biases of 0", "a normalising layer"),
        "a network that learns quickly all the same", "Glorot & Bengio 2010; He et al. 2015, eq. 10"),
    "born-dead": Cause("BL126", Level.INITIALISATION, "a layer was dead before training began",
        "A layer of ReLU units of which none, or hardly any, fires for any sample passes no gradient to what is before "
        "it, and cannot come back to life.",
        ("few units and many layers", "negative initial biases", "inputs that are all on one side"),
        ("another seed", "wider layers", "leaky_relu", "biases of 0"),
        "a unit of that layer that fires in a later step", "Lu et al. 2019, Dying ReLU and Initialization, theorem 1"),
}  # fmt: skip
