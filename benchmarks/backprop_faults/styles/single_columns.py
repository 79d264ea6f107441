"""Column vectors, one sample at a time: lists of weights (out, in), backprop(x, y) gives nabla_b and nabla_w."""

from ..blueprint import Blueprint
from ..forms import Gradients, Init, Loss, Output, Penalty, Place, Slope
from ..options import Chooser
from .common import docstring, ordered, single, tail

TEMPLATE = """
«imports»import numpy as np

«costs»
class «Net»(object):
    «doc»
    def __init__(self, «sizes»):
        self.num_layers = len(«sizes»)
        self.sizes = «sizes»
        self.«b» = [np.random.randn(y, 1) for y in «sizes»[1:]]
        «init.1»

    def «forward»(self, a):
        for b, w in zip(self.«b», self.«W»):
            a = «f»(«product_a» + b)
        return a

    def «sgd»(self, training_data, epochs, mini_batch_size, eta):
        for j in range(epochs):
            random.shuffle(training_data)
            for k in range(0, len(training_data), mini_batch_size):
                self.update_mini_batch(training_data[k:k + mini_batch_size], eta)

    def update_mini_batch(self, mini_batch, eta):
        for x, y in mini_batch:
            «returned» = self.«backprop»(x, y)
            self.«W» = [w - (eta / len(mini_batch)) * nw for w, nw in zip(self.«W», «nw»)]
            self.«b» = [b - (eta / len(mini_batch)) * nb for b, nb in zip(self.«b», «nb»)]

    def «backprop»(self, x, y):
        «nb» = [np.zeros(b.shape) for b in self.«b»]
        «nw» = [np.zeros(w.shape) for w in self.«W»]
        «activation» = x
        «as» = [x]
        «zs» = []
        for b, w in zip(self.«b», self.«W»):
            z = «product» + b
            «zs».append(z)
            «activation» = «f»(z)
            «as».append(«activation»)
        «delta»
        «db.L»
        «dW.L»
        «loop»
            «D.h»
            «db.h»
            «dW.h»
        return «returned»

    «cost»

«definitions»
«tail»
"""
ERROR_METHOD = "def cost_derivative(self, output_activations, y):\n    return output_activations - y\n"
COST_METHOD = "def «lossfn»(self, x, y):\n    a = self.«forward»(x)\n    «loss»\n    return cost\n"
COST_CLASS = """
class «Cost»(object):
    @staticmethod
    def fn(a, y):
        «loss»
        return cost

    @staticmethod
    def delta(z, a, y):
        «out»
        return «d»

"""
DRIVER = """
net = «Net»(list(SIZES))


def probe_layers():
    return [{f'«W»[{i}]': net.«W»[i], f'«b»[{i}]': net.«b»[i]} for i in range(len(net.«W»))]


def probe_loss():
    «driver_loss»


def probe_gradients():
    «returned» = net.«backprop»(X, Y)
    return [{'W': «nw»[i], 'b': «nb»[i]} for i in range(len(net.«W»))]
"""
NAMES = {
    "dev": (
        {"Net": "Network", "sizes": "sizes", "W": "weights", "b": "biases", "forward": "feedforward", "sgd": "SGD",
         "backprop": "backprop", "nb": "nabla_b", "nw": "nabla_w", "activation": "activation", "as": "activations",
         "zs": "zs", "d": "delta", "f": "sigmoid", "df": "sigmoid_prime", "lossfn": "cost", "Cost": "QuadraticCost"},
    ),
    "test": (
        {"Net": "Network", "sizes": "sizes", "W": "weights", "b": "biases", "forward": "feedforward", "sgd": "SGD",
         "backprop": "backprop", "nb": "nabla_b", "nw": "nabla_w", "activation": "activation", "as": "activations",
         "zs": "zs", "d": "delta", "f": "sigmoid", "df": "sigmoid_prime", "lossfn": "cost", "Cost": "CrossEntropyCost"},
        {"Net": "NeuralNet", "sizes": "layer_sizes", "W": "W", "b": "B", "forward": "predict", "sgd": "train",
         "backprop": "back_propagation", "nb": "dB", "nw": "dW", "activation": "a", "as": "a_list",
         "zs": "z_list", "d": "err", "f": "f", "df": "df", "lossfn": "sample_loss", "Cost": "Cost"},
    ),
}  # fmt: skip


def one_sample(choose: Chooser) -> Blueprint:
    names = dict(choose.any(NAMES[choose.part]))
    dialect = choose.dialect(rows=False, in_out=False, flat=False)
    if choose.chance(0.5):
        dialect = type(dialect)(False, False, "np.dot", ".transpose()", False, "np.sum")
    place_of_cost = choose.by_part(("method", "none"), ("method", "class", "class", "none"))
    squared = place_of_cost == "none" or choose.chance(0.5)
    argument = "a" if choose.part == "test" and choose.chance(0.3) else "z"
    kind = "sigmoid"
    definitions, slots = single(choose, names["f"], names["df"], kind, argument)
    slope = Slope(kind, "call" if argument == "z" else "call a", names["f"] + "({})", names["df"] + "({})")
    low, high, loop = places(choose, names)
    z_out, a_out = ("z", "a") if place_of_cost == "class" else (f"{names['zs']}[-1]", f"{names['as']}[-1]")
    output = Output(
        "squared" if squared else "one-hot", dialect, names["d"], a_out, "y", "", False, z_out,
        slope=slope.of(z_out, a_out) if squared else "", hidden_slope=slope.of(z_out, a_out), binary=True,
        error=f"self.cost_derivative({a_out}, y)" if place_of_cost == "none" else "",
    )  # fmt: skip
    penalty = Penalty("none", "", "", "")
    of = "squared" if squared else "binary"
    loss = None if place_of_cost == "none" else Loss(of, "cost", "a", "y", "", False, penalty)
    sizes = names["sizes"]
    init = Init("1", f"self.{names['W']}", "y, x", "x", choose.any(("fan", "plain")), "x", "[",
                f" for x, y in zip({sizes}[:-1], {sizes}[1:])]")  # fmt: skip
    slots |= names | pieces(choose, names, place_of_cost, squared) | {
        "definitions": definitions, "loop": loop, "product": dialect.forward(names["activation"], "w"),
        "product_a": dialect.forward("a", "w"),
    }  # fmt: skip
    return Blueprint(
        "one sample", place_of_cost, TEMPLATE, DRIVER, slots, "single one-hot", 3, dialect, (high, low), output,
        Gradients(dialect, "", False, penalty, single=True), penalty, slope, loss, (init,), (kind,),
        definitions={kind: f"df.{kind}"}, argument=argument,
    ).filled()  # fmt: skip


def places(choose: Chooser, names: dict[str, str]) -> tuple[Place, Place, str]:
    W, b, d, nw, nb, a, z = (names[key] for key in ("W", "b", "d", "nw", "nb", "as", "zs"))
    high = Place("L", f"self.{W}[-1]", f"self.{b}[-1]", d, f"{nw}[-1]", f"{nb}[-1]", f"{a}[-2]", f"{z}[-1]",
                 f"{a}[-1]", f"{z}[-2]", x="x")  # fmt: skip
    if choose.by_part((True,), (True, False, False)):
        low = Place("h", f"self.{W}[-l]", f"self.{b}[-l]", d, f"{nw}[-l]", f"{nb}[-l]", f"{a}[-l - 1]", f"{z}[-l]",
                    f"{a}[-l]", f"{z}[-l - 1]", above=d, W_above=f"self.{W}[-l + 1]", x="x", z_other=f"{z}[-l + 1]",
                    form=choose.delta_form())  # fmt: skip
        return low, high, "for l in range(2, self.num_layers):"
    low = Place("h", f"self.{W}[l]", f"self.{b}[l]", d, f"{nw}[l]", f"{nb}[l]", f"{a}[l]", f"{z}[l]", f"{a}[l + 1]",
                f"{z}[l - 1]", above=d, W_above=f"self.{W}[l + 1]", x="x", z_other=f"{z}[l + 1]",
                form=choose.delta_form())  # fmt: skip
    return (
        low,
        high,
        choose.any(("for l in range(self.num_layers - 3, -1, -1):", "for l in reversed(range(self.num_layers - 2)):")),
    )


def pieces(choose: Chooser, names: dict[str, str], place_of_cost: str, squared: bool) -> dict[str, str]:
    own = {
        "method": "return net.«lossfn»(X, Y)",
        "class": "return «Cost».fn(net.«forward»(X), Y)",
        "none": "return 0.5 * np.sum((net.«forward»(X) - Y) ** 2)",
    }
    names["Cost"] = "QuadraticCost" if squared else "CrossEntropyCost"
    training = (
        "np.random.seed(1)\ndata = [(np.random.randn(3, 1), np.eye(4)[:, [k % 4]]) for k in range(20)]\n"
        "net = «Net»([3, 5, 4])\nnet.«sgd»(data, 3, 5, 0.5)"
    )
    order = ordered(choose, ("«nw»",), ("«nb»",))
    if choose.chance(0.6):
        order = ["«nb»", "«nw»"]
    return {
        "imports": "import random\n" if choose.chance(0.8) else "import random\n\n",
        "doc": docstring(choose, "A network with sigmoid units, trained by stochastic gradient descent"),
        "costs": COST_CLASS if place_of_cost == "class" else "",
        "cost": {"method": COST_METHOD, "class": "", "none": ERROR_METHOD}[place_of_cost],
        "delta": "«d» = «Cost».delta(«zs»[-1], «as»[-1], y)" if place_of_cost == "class" else "«out»",
        "returned": choose.any(("{}, {}", "({}, {})")).format(*order),
        "driver_loss": own[place_of_cost], "tail": tail(choose, training), "Cost": names["Cost"],
    }  # fmt: skip
