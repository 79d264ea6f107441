"""Values that are no numbers, and parameters that nothing reaches."""

from backlight.diagnosis.cause import Cause
from backlight.diagnosis.finding import Level

NUMBERS = {
    "nonfinite-values": Cause("BL102", Level.NUMBERS, "values have become NaN or infinite",
        "From one value that is no number all that is computed with it become none either: in a step or two the whole "
        "network. The tensor named is the first one in the order in which a step computes things.",
        ("weights that grew until they overflowed, mostly for too large a learning_rate", "exp() of a large number: "
         "beyond 88 in float32, 709 in float64", "the logarithm of 0, a division by 0, the slope of √ at 0",
         "a sample that holds NaN"),
        ("where values grew first: a smaller learning_rate", "softmax and logarithm in one function (log_softmax), or "
         "subtract the largest logit before exp()", "look through the samples for NaN"),
        "the same step in float64: what is still NaN there is a mistake of logic, what is not is one of range",
        "largest arguments of exp: ln of the largest number of each type"),
}  # fmt: skip

CONNECTION = {
    "not-in-optimizer": Cause("BL103", Level.CONNECTION, "the optimizer does not change some parameters",
        "They get a gradient in every step, but nobody ever subtracts it: they stay the random numbers that they were. "
        "Mostly the optimizer does not hold them; or it does, and every recorded update is exactly 0.",
        ("the optimizer was made before a layer was added or exchanged", "layers in a Python list instead of a "
         "nn.ModuleList", "only one part's parameters() were handed over", "a learning rate of 0 for them, or old "
         "values that are written back after each step"),
        ("make the optimizer when the model is complete, from model.parameters()", "nn.ModuleList for lists of layers"),
        "if the layer is meant to stay as it is: say so with requires_grad_(False), and it is a note",
        "list of parameters, compared by identity with those that the optimizer holds; updates that are 0 although the "
        "rate of other parameters would make them larger than rounding"),
    "frozen-parameters": Cause("BL104", Level.CONNECTION, "some parameters are frozen",
        "Parameters that want no gradient stay what they are. That is meant where a trained part is kept; layers of "
        "random numbers are hardly meant to be kept.",
        ("requires_grad was switched off for more layers than it should have been", "a part is kept on purpose"),
        ("requires_grad_(True) for the layers that are to learn",),
        "weights that have been trained before: then it is a note", "initialisation of nn.Linear: U(−1/√n, 1/√n)"),
    "gradient-cut": Cause("BL105", Level.CONNECTION, "no gradient reaches some layers",
        "These layers take part in the forward pass, and the way back is interrupted above them: they stay the random "
        "numbers that they were, and only what lies behind the interruption learns.",
        (".detach(), .data, .item(), .numpy() or torch.no_grad() on the way", "a new tensor made from old values"),
        ("look for those words in forward(), from the first layer with a gradient backwards",),
        "a gradient other than exactly 0 in any recorded step", "gradients that are None or exactly 0 in all steps"),
    "unused-parameters": Cause("BL106", Level.CONNECTION, "some layers are never used",
        "The model holds these layers, but its forward pass never comes by them, or leaves what they give: they "
        "neither help nor learn.",
        ("a layer that forward() forgets, or whose result it forgets", "two names mixed up, so that one layer is used "
         "twice"),
        ("use the layer in forward(), or delete it",),
        "a forward pass of training that comes by it", "modules without output in all recorded forward passes, or "
        "without a gradient although one before them has it"),
    "loss-not-connected": Cause("BL107", Level.CONNECTION, "what changes the weights is not the loss",
        "The loss that is reported is not computed from what the training changes: it stays what it is. Or it is "
        "computed from detached outputs, and a penalty beside it is all that moves the weights.",
        ("the loss of another tensor, of an old batch, or of a copy of the model", ".detach() or .data in front of the "
         "loss"),
        ("follow the variable that is printed back to the model's output",),
        "a loss that falls, or a gradient of the output's biases as large as the labels of a batch make it",
        "range of the loss against the way of the weights; mean of p − t over n samples: at least √((1 − Σ π²) / n)"),
}  # fmt: skip
