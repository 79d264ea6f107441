"""One class with W1, b1, W2, b2, its activation named by a string, and a backward pass written out layer by layer."""

from ..blueprint import Blueprint
from ..dialect import Dialect
from ..forms import Gradients, Init, Loss, Output, Penalty, Place, Slope
from ..options import Chooser
from .common import DATA, KINDS, dispatch, docstring, imports, ordered, softmax, tail

TEMPLATE = """
«imports»import numpy as np


class «Net»:
    «doc»
    def __init__(self, nn_input_dim, nn_hidden_dim, nn_output_dim, «kind»='tanh', «lam»=0.01, seed=0):
        self.nn_input_dim = nn_input_dim
        self.nn_hidden_dim = nn_hidden_dim
        self.nn_output_dim = nn_output_dim
        self.«kind» = «kind»
        self.«lam» = «lam»
        «seed»
        «init.1»
        self.«b1» = np.zeros(«zeros1»)
        «init.2»
        self.«b2» = np.zeros(«zeros2»)

    «definitions»

    def «forward»(self, X«forward_arg»):
        self.«z1» = «product1» + self.«b1»
        self.«a1» = «apply»
        self.«z2» = «product2» + self.«b2»
        «softmax»
        «forward_end»

    def «lossfn»(self, X, y):
        «count»
        «call_forward»
        «loss»
        «loss.pen»
        «loss_end»

    def predict(self, X):
        «call_forward»
        return np.argmax(self.«probs», axis=1)

    def «backprop»(self, X, y):
        «count»
        «out»
        «dW.2»
        «bp.2»
        «db.2»
        «D.1»
        «dW.1»
        «bp.1»
        «db.1»
        return «returned»

    def «fit»(self, X, y, epsilon=0.01, num_passes=200, print_loss=False):
        for i in range(0, num_passes):
            «call_forward»
            «returned» = self.«backprop»(X, y)
            «fitpen»
            self.«W1» -= epsilon * «dW1»
            self.«b1» -= epsilon * «db1»
            self.«W2» -= epsilon * «dW2»
            self.«b2» -= epsilon * «db2»
            if print_loss and i % 100 == 0:
                print("Loss after iteration %i: %f" % (i, self.«lossfn»(X, y)))
«tail»
"""

DRIVER = """
net = «Net»(SIZES[0], SIZES[1], SIZES[2], ACT, 0.1, 0)


def probe_layers():
    return [{'«W1»': net.«W1», '«b1»': net.«b1»}, {'«W2»': net.«W2», '«b2»': net.«b2»}]


def probe_loss():
    return net.«lossfn»(X, Y)


def probe_gradients():
    «driver_gradients»
    return [{'«W1»': «dW1», '«b1»': «db1»}, {'«W2»': «dW2», '«b2»': «db2»}]
"""
RETURNED = "net.«forward»(X«forward_value»)\n«returned» = net.«backprop»(X, Y)"
FITTED = (
    "before = [array.copy() for layer in probe_layers() for array in layer.values()]\n"
    "net.«fit»(X, Y, epsilon=1.0, num_passes=1)\n"
    "after = [array for layer in probe_layers() for array in layer.values()]\n"
    "«dW1», «db1», «dW2», «db2» = [old - new for old, new in zip(before, after)]"
)

NAMES = {
    "dev": (
        {"Net": "NeuralNetwork", "forward": "feedforward", "lossfn": "calculate_loss", "backprop": "backprop",
         "fit": "fit_model", "act": "actFun", "dact": "diff_actFun", "kind": "actFun_type", "lam": "reg_lambda",
         "W1": "W1", "W2": "W2", "b1": "b1", "b2": "b2", "z1": "z1", "z2": "z2", "a1": "a1", "probs": "probs",
         "d2": "delta3", "d1": "delta2", "n": "num_examples"},
        {"Net": "ThreeLayerNetwork", "forward": "forward", "lossfn": "loss", "backprop": "backward", "fit": "train",
         "act": "activation", "dact": "activation_derivative", "kind": "activation_type", "lam": "reg",
         "W1": "W1", "W2": "W2", "b1": "b1", "b2": "b2", "z1": "z1", "z2": "z2", "a1": "a1", "probs": "y_hat",
         "d2": "dz2", "d1": "dz1", "n": "N"},
    ),
    "test": (
        {"Net": "MLP", "forward": "forward_pass", "lossfn": "compute_loss", "backprop": "backpropagate", "fit": "fit",
         "act": "act", "dact": "act_prime", "kind": "act_name", "lam": "lmbda", "W1": "W_hidden", "W2": "W_out",
         "b1": "b_hidden", "b2": "b_out", "z1": "hidden_in", "z2": "out_in", "a1": "hidden", "probs": "p",
         "d2": "err_out", "d1": "err_hidden", "n": "m"},
        {"Net": "NeuralNetwork", "forward": "feedforward", "lossfn": "calculate_loss", "backprop": "backprop",
         "fit": "fit_model", "act": "actFun", "dact": "diff_actFun", "kind": "actFun_type", "lam": "reg_lambda",
         "W1": "W1", "W2": "W2", "b1": "b1", "b2": "b2", "z1": "z1", "z2": "z2", "a1": "a1", "probs": "probs",
         "d2": "dz2", "d1": "dz1", "n": "batch"},
        {"Net": "Classifier", "forward": "propagate", "lossfn": "cost", "backprop": "gradients", "fit": "learn",
         "act": "nonlinearity", "dact": "nonlinearity_grad", "kind": "nonlin", "lam": "weight_decay", "W1": "w1",
         "W2": "w2", "b1": "c1", "b2": "c2", "z1": "s1", "z2": "s2", "a1": "h1", "probs": "probabilities",
         "d2": "grad_scores", "d1": "grad_hidden", "n": "n_samples"},
    ),
}  # fmt: skip


def three_layers(choose: Chooser) -> Blueprint:
    names = dict(choose.any(NAMES[choose.part]))
    dialect = choose.dialect(rows=True, in_out=True, flat=choose.chance(0.3))
    one_hot = choose.part == "test" and choose.chance(0.35)
    of = "a" if choose.chance(0.25) else "z"
    definitions, slots = dispatch(choose, names["act"], names["dact"], names["kind"], True, of)
    n, kind = names["n"], f"self.{names['kind']}"
    penalty = penalty_of(choose, names)
    for key in ("W1", "W2", "b1", "b2"):
        names["d" + key] = f"d_{names[key]}" if names["W1"].startswith(("W_", "w")) else f"d{key}"
    mean_in_gradients = choose.chance(0.3)
    slope = Slope("any", "call" if of == "z" else "call a", f"self.{names['act']}({{}}, {kind})",
                  f"self.{names['dact']}({{}}, {kind})")  # fmt: skip
    place2, place1 = places(choose, names)
    output = Output(
        "one-hot" if one_hot else "index", dialect, names["d2"], place2.a, "y", n, not mean_in_gradients, place2.z,
        hidden_slope=slope.of(place2.z, place2.a), form=choose.by_part(("copy", "alias"), ("new", "alias", "times")),
    )  # fmt: skip
    loss = Loss(
        "one-hot" if one_hot else "index", "data_loss", place2.a, "y", n, True, penalty, choose.any(("", "two"))
    )
    scale = choose.any(("fan", "small", "he"))
    inits = (
        Init("1", place1.W, "nn_input_dim, nn_hidden_dim", "nn_input_dim", scale),
        Init("2", place2.W, "nn_hidden_dim, nn_output_dim", "nn_hidden_dim", scale),
    )
    slots |= names | {"definitions": definitions}
    slots |= pieces(choose, names, dialect, one_hot, penalty.at == "fit" and penalty.kind != "none")
    return Blueprint(
        "class", "three layers", TEMPLATE, DRIVER, slots, f"rows {'one-hot' if one_hot else 'index'}", 2, dialect,
        (place2, place1), output, Gradients(dialect, n, mean_in_gradients, penalty, choose.any(("suffix", "prefix"))),
        penalty, slope, loss, inits, KINDS, definitions={kind: f"df.{kind}" for kind in KINDS},
        argument=of, weights=(place1.W, place2.W),
    ).filled()  # fmt: skip


def penalty_of(choose: Chooser, names: dict[str, str]) -> Penalty:
    W1, W2 = f"self.{names['W1']}", f"self.{names['W2']}"
    squares = choose.by_part(
        (f"np.sum({W1} ** 2) + np.sum({W2} ** 2)",),
        (
            f"np.sum(np.square({W1})) + np.sum(np.square({W2}))",
            f"np.linalg.norm({W1}) ** 2 + np.linalg.norm({W2}) ** 2",
        ),
    )
    at = choose.by_part(("inline", "statement", "fit"), ("inline", "statement", "statement", "fit"))
    kind = choose.any(("half", "mean", "mean", "full", "none"))
    return Penalty(kind, f"self.{names['lam']}", "len(X)" if at == "fit" else names["n"], squares, at)


def places(choose: Chooser, names: dict[str, str]) -> tuple[Place, Place]:
    W1, b1, z1, a1, W2, b2, z2, p = (
        f"self.{names[key]}" for key in ("W1", "b1", "z1", "a1", "W2", "b2", "z2", "probs")
    )
    high = Place("2", W2, b2, names["d2"], names["dW2"], names["db2"], a1, z2, p, z1, x="X")
    low = Place("1", W1, b1, names["d1"], names["dW1"], names["db1"], "X", z1, a1, above=names["d2"], W_above=W2,
                z_other=z2, form=choose.delta_form())  # fmt: skip
    return high, low


def pieces(choose: Chooser, names: dict[str, str], dialect: Dialect, one_hot: bool, fitted: bool) -> dict[str, str]:
    """What varies without any bearing on the mathematics."""
    handed = names["forward"] == "feedforward"
    function = f"lambda x: self.{names['act']}(x, self.{names['kind']})"
    outer = f"lambda z: net.{names['act']}(z, net.{names['kind']})"
    z1 = f"self.{names['z1']}"
    shape = "({},)" if dialect.flat else "(1, {})"
    data = DATA["rows one-hot" if one_hot else "rows index"]
    training = f"{data}\nmodel = {names['Net']}(3, 5, 4)\nmodel.{names['fit']}(X, y, num_passes=20)"
    order = ordered(choose, ("«dW1»", "«dW2»"), ("«db1»", "«db2»"))
    pens = "«pen.2»\n«pen.1»"
    return {
        "imports": imports(choose),
        "doc": docstring(choose, "Builds and trains a neural network"),
        "seed": choose.any(("np.random.seed(seed)", "", "np.random.seed(seed)\nself.seed = seed")),
        "zeros1": shape.format("nn_hidden_dim"), "zeros2": shape.format("nn_output_dim"),
        "forward_arg": f", {names['act']}" if handed else "", "forward_value": f", {outer}" if handed else "",
        "apply": f"{names['act']}({z1})" if handed else f"self.{names['act']}({z1}, self.{names['kind']})",
        "product1": dialect.forward("X", f"self.{names['W1']}"),
        "product2": dialect.forward(f"self.{names['a1']}", f"self.{names['W2']}"),
        "softmax": softmax(choose, f"self.{names['probs']}", f"self.{names['z2']}", 1),
        "forward_end": choose.any((f"return self.{names['probs']}", "return None", "")),
        "count": f"{names['n']} = {choose.any(('len(X)', 'X.shape[0]'))}",
        "call_forward": f"self.{names['forward']}(X{', ' + function if handed else ''})",
        "loss_end": choose.any(("return data_loss", "return float(data_loss)")),
        "returned": ", ".join(order), "fitpen": pens if fitted else "",
        "bp.1": "" if fitted else "«pen.1»", "bp.2": "" if fitted else "«pen.2»",
        "driver_gradients": FITTED if fitted else RETURNED, "tail": tail(choose, training),
    }  # fmt: skip
