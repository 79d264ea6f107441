"""Layer objects with forward and backward that keep their own gradients, in a list."""

from ..blueprint import Blueprint
from ..forms import Gradients, Init, Loss, Output, Penalty, Place, Slope
from ..options import Chooser, derivative
from .common import DATA, docstring, imports, softmax, tail

LAYERS = """
«imports»import numpy as np


class «Dense»:
    «doc»
    def __init__(self, n_in, n_out«reg_arg»):
        «init.1»
        self.«b» = np.zeros(«zeros»)
        self.«dW» = np.zeros_like(self.«W»)
        self.«db» = np.zeros_like(self.«b»)
        «keep_reg»

    def «forward»(self, «x»):
        self.«x» = «x»
        self.out = «product» + self.«b»
        return self.out

    def «backward»(self, «grad»):
        «dW.1»
        «pen.1»
        «db.1»
        return «prop»


class «Act»:
    def «forward»(self, «x»):
        self.«x» = «x»
        self.out = «applied»
        return self.out

    def «backward»(self, «grad»):
        return «slope»


class «Criterion»:
    def «forward»(self, scores, y):
        self.y = y
        n = len(y)
        «outputs»
        «loss»
        return loss

    def «backward»(self):
        n = len(self.y)
        «out»
        return «grad»

«network»
«tail»
"""
NETWORK = """
class «Net»:
    def __init__(self, «ctor»«reg_arg»):
        «build»
        self.criterion = «Criterion»()
        «keep_reg»

    def «forward»(self, X):
        for layer in self.«layers»:
            X = layer.«forward»(X)
        return X

    def loss(self, X, y):
        loss = self.criterion.«forward»(self.«forward»(X), y)
        «loss.pen»
        return loss

    def «backward»(self):
        «grad» = self.criterion.«backward»()
        for layer in reversed(self.«layers»):
            «grad» = layer.«backward»(«grad»)
        return «grad»

    def step(self, lr):
        for layer in self.«layers»:
            if isinstance(layer, «Dense»):
                layer.«W» -= lr * layer.«dW»
                layer.«b» -= lr * layer.«db»
"""
SEQUENTIAL = """
class «Net»:
    def __init__(self, «layers»):
        self.«layers» = «layers»

    def «forward»(self, X):
        for layer in self.«layers»:
            X = layer.«forward»(X)
        return X

    def «backward»(self, «grad»):
        for layer in reversed(self.«layers»):
            «grad» = layer.«backward»(«grad»)
        return «grad»

    def step(self, lr):
        for layer in self.«layers»:
            if hasattr(layer, '«W»'):
                layer.«W» -= lr * layer.«dW»
                layer.«b» -= lr * layer.«db»


np.random.seed(0)
model = «Net»([«Dense»(3, 5), «Act»(), «Dense»(5, 4)])
criterion = «Criterion»()
"""
DRIVER = """
«driver_build»


def probe_layers():
    return [{f'«layers»[{i}].«W»': layer.«W», f'«layers»[{i}].«b»': layer.«b»}
            for i, layer in enumerate(net.«layers») if isinstance(layer, «Dense»)]


def probe_loss():
    return «driver_loss»


def probe_gradients():
    probe_loss()
    «driver_backward»
    return [{'W': layer.«dW», 'b': layer.«db»} for layer in net.«layers» if isinstance(layer, «Dense»)]
"""
NAMES = {
    "dev": (
        {"Dense": "Dense", "Net": "Network", "layers": "layers", "forward": "forward", "backward": "backward", "x": "x",
         "grad": "grad", "W": "W", "b": "b", "dW": "dW", "db": "db"},
        {"Dense": "Linear", "Net": "MLP", "layers": "layers", "forward": "forward", "backward": "backward",
         "x": "inputs", "grad": "grad_output", "W": "weights", "b": "bias", "dW": "grad_weights", "db": "grad_bias"},
    ),
    "test": (
        {"Dense": "FullyConnected", "Net": "NeuralNetwork", "layers": "layers", "forward": "forward",
         "backward": "backward", "x": "x_in", "grad": "dout", "W": "w", "b": "b", "dW": "dw", "db": "db"},
        {"Dense": "Affine", "Net": "Sequential", "layers": "modules", "forward": "forward", "backward": "backward",
         "x": "x", "grad": "d_out", "W": "W", "b": "b", "dW": "W_grad", "db": "b_grad"},
        {"Dense": "DenseLayer", "Net": "Model", "layers": "stack", "forward": "forward_pass",
         "backward": "backward_pass", "x": "data", "grad": "upstream", "W": "kernel", "b": "bias", "dW": "d_kernel",
         "db": "d_bias"},
    ),
}  # fmt: skip
FUNCTIONS = {"tanh": "np.tanh({})", "relu": "np.maximum(0, {})", "sigmoid": "1 / (1 + np.exp(-{}))"}


def layers(choose: Chooser) -> Blueprint:
    names = dict(choose.any(NAMES[choose.part]))
    dialect = choose.dialect(rows=True, in_out=choose.part == "dev" or choose.chance(0.7), flat=choose.chance(0.5))
    kind = choose.by_part(("relu", "relu", "tanh"), ("relu", "tanh", "sigmoid"))
    squared = choose.chance(0.25)
    one_hot = squared or choose.chance(0.4)
    sequential = choose.chance(0.3)
    entropy = choose.by_part(("SoftmaxCrossEntropy",), ("CrossEntropyLoss", "SoftmaxLoss"))
    names |= {"Act": {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}[kind],
              "Criterion": "MSELoss" if squared else entropy}  # fmt: skip
    x, grad, W = f"self.{names['x']}", names["grad"], f"self.{names['W']}"
    slope = Slope(kind, "inline" if kind == "sigmoid" else choose.any(("inline", "inline z")), FUNCTIONS[kind], "")
    place = Place("1", W, f"self.{names['b']}", grad, f"self.{names['dW']}", f"self.{names['db']}", x, "self.out", "",
                  above=grad, W_above=W, gate=grad)  # fmt: skip
    activation_place = Place("a", "", "", "", "", "", "", x, "self.out", above=grad, W_above=W, gate=grad)
    over = f"for layer in self.{names['layers']} if isinstance(layer, {names['Dense']})"
    squares = f"sum(np.sum(layer.{names['W']} ** 2) {over})"
    # λ's part stands in each layer, so that its place cannot be the network's
    penalty = Penalty("none" if sequential else choose.any(("none", "half", "full")), "self.reg", "n", squares,
                      choose.any(("inline", "statement")))  # fmt: skip
    of, p = ("squared", "self.scores") if squared else ("one-hot" if one_hot else "index", "self.probs")
    output = Output(of, dialect, grad, p, "self.y", "n", True, "", form=choose.by_part(("copy",), ("new", "copy")))
    loss = Loss(of, "loss", p, "self.y", "n", True, penalty, choose.any(("", "two")))
    init = Init("1", W, "n_in, n_out" if dialect.in_out else "n_out, n_in", "n_in", choose.any(("fan", "he", "small")))
    slots = names | pieces(choose, names, sequential, penalty.kind != "none", one_hot) | {
        "zeros": "n_out" if dialect.flat else "(1, n_out)", "product": dialect.forward(names["x"], W),
        "applied": applied(choose, slope, names["x"]),
        "outputs": "self.scores = scores" if squared else softmax(choose, "self.probs", "scores", 1),
    }  # fmt: skip
    blueprint = Blueprint(
        "layer objects", "sequential" if sequential else "network", LAYERS, DRIVER, slots,
        f"rows {'one-hot' if one_hot else 'index'}", 2, dialect, (activation_place, place), output,
        Gradients(dialect, "n", False, penalty), penalty, slope, loss, (init,), (kind,), True,
        weights=(f"layer.{names['W']}",),
    )  # fmt: skip
    # both places share the two slots: f′ comes from the one, what is handed down from the other
    shared = {"slope": f"{grad} * {wrapped_slope(choose, slope, x)}", "prop": blueprint.prop(place)}
    return Blueprint(**{**vars(blueprint), "slots": {**slots, **shared}}).filled()


def applied(choose: Chooser, slope: Slope, x: str) -> str:
    if slope.kind == "sigmoid" and choose.chance(0.5):
        positive = f"1 / (1 + np.exp(-np.abs({x})))"
        return f"np.where({x} > 0, {positive}, 1 - {positive})"
    return slope.f.format(x)


def wrapped_slope(choose: Chooser, slope: Slope, x: str) -> str:
    if slope.kind == "relu" and choose.part == "test":
        return choose.any((slope.of(x, "self.out"), f"({derivative(x, 'relu', 'z', 1)})"))
    return slope.of(x, "self.out")


LISTED = """self.«layers» = []
for i in range(len(sizes) - 1):
    self.«layers».append(«Dense»(sizes[i], sizes[i + 1]«reg_value»))
    if i < len(sizes) - 2:
        self.«layers».append(«Act»())"""
PLAIN = "self.«layers» = [«Dense»(n_in, n_hidden«reg_value»), «Act»(), «Dense»(n_hidden, n_out«reg_value»)]"
BY_HAND = """for epoch in range(20):
    loss = criterion.«forward»(model.«forward»(X), y)
    model.«backward»(criterion.«backward»())
    model.step(0.1)"""
BY_NETWORK = """net = «Net»(«sizes_given»)
for epoch in range(20):
    loss = net.loss(X, y)
    net.«backward»()
    net.step(0.1)"""
BUILT = """net = «Net»([«Dense»(SIZES[0], SIZES[1]), «Act»(), «Dense»(SIZES[1], SIZES[2])])
CRITERION = «Criterion»()"""


def pieces(choose: Chooser, names: dict[str, str], sequential: bool, penalised: bool, one_hot: bool) -> dict[str, str]:
    listed = choose.chance(0.5)
    data = DATA["rows one-hot" if one_hot else "rows index"]
    made = f"net = «Net»({'list(SIZES)' if listed else '*SIZES'}{', reg=0.1' if penalised else ''})"
    return {
        "network": SEQUENTIAL if sequential else NETWORK,
        "build": LISTED if listed else PLAIN,
        "ctor": "sizes" if listed else "n_in, n_hidden, n_out",
        "sizes_given": "[3, 5, 4]" if listed else "3, 5, 4",
        "reg_arg": ", reg=0.01" if penalised else "",
        "reg_value": ", reg" if penalised else "",
        "keep_reg": "self.reg = reg" if penalised else "",
        "imports": imports(choose),
        "doc": docstring(choose, "A fully connected layer"),
        "tail": tail(choose, f"{data}\n{BY_HAND if sequential else BY_NETWORK}"),
        "driver_build": BUILT if sequential else made,
        "driver_loss": "CRITERION.«forward»(net.«forward»(X), Y)" if sequential else "net.loss(X, Y)",
        "driver_backward": "net.«backward»(CRITERION.«backward»())" if sequential else "net.«backward»()",
    }
