"""Networks of any depth in one class: lists of weights, or a list of layer objects that hold theirs."""

from ..blueprint import Blueprint
from ..dialect import Dialect
from ..forms import Gradients, Init, Loss, Output, Penalty, Place, Slope
from ..options import Chooser
from .common import DATA, KINDS, dispatch, docstring, imports, softmax, tail

LISTS = """
«imports»import numpy as np


class «Net»:
    «doc»
    def __init__(self, «sizes», «kind»='tanh', «lam»=0.01, seed=0):
        self.«sizes» = «sizes»
        self.«kind» = «kind»
        self.«lam» = «lam»
        «seed»
        self.«W» = []
        self.«b» = []
        for i in range(len(«sizes») - 1):
            «init.1»
            self.«W».append(w)
            self.«b».append(np.zeros(«zeros»))

    «definitions»

    def «forward»(self, X):
        self.«z» = []
        self.«a» = [X]
        for i in range(len(self.«W»)):
            z = «product» + self.«b»[i]
            self.«z».append(z)
            if i < len(self.«W») - 1:
                self.«a».append(self.«act»(z, self.«kind»))
        «softmax»
        self.«a».append(self.probs)
        return self.probs

    def «lossfn»(self, X, y):
        «count»
        self.«forward»(X)
        «loss»
        «loss.pen»
        return data_loss

    def «backprop»(self, X, y):
        «count»
        «dW» = [np.zeros_like(w) for w in self.«W»]
        «db» = [np.zeros_like(b) for b in self.«b»]
        «backward»
        return «returned»

    def «fit»(self, X, y, epsilon=0.01, num_passes=200):
        for _ in range(num_passes):
            self.«forward»(X)
            «returned» = self.«backprop»(X, y)
            for i in range(len(self.«W»)):
                self.«W»[i] -= epsilon * «dW»[i]
                self.«b»[i] -= epsilon * «db»[i]
«tail»
"""
EVERY = """«out»
for i in «range»:
    «dW.all»
    «pen.all»
    «db.all»
    if i > 0:
        «D.h»"""
LAST_FIRST = """last = len(self.«W») - 1
«out»
«dW.L»
«pen.L»
«db.L»
for l in «range»:
    «D.h»
    «dW.h»
    «pen.h»
    «db.h»"""
LISTS_DRIVER = """
net = «Net»(list(SIZES), ACT, 0.1, 0)


def probe_layers():
    return [{f'«W»[{i}]': net.«W»[i], f'«b»[{i}]': net.«b»[i]} for i in range(len(net.«W»))]


def probe_loss():
    return net.«lossfn»(X, Y)


def probe_gradients():
    net.«forward»(X)
    «returned» = net.«backprop»(X, Y)
    return [{'W': «dW»[i], 'b': «db»[i]} for i in range(len(net.«W»))]
"""
OBJECTS = """
«imports»import numpy as np


class «Layer»:
    def __init__(self, n_in, n_out, «kind», output=False):
        self.«kind» = «kind»
        self.output = output
        «init.1»
        self.«b» = np.zeros(«zeros»)
        self.«dW» = np.zeros_like(self.«W»)
        self.«db» = np.zeros_like(self.«b»)

    «definitions»

    def «forward»(self, x):
        self.«x» = x
        self.«z» = «product» + self.«b»
        self.«a» = self.«z» if self.output else self.«act»(self.«z», self.«kind»)
        return self.«a»

    def «backprop»(self, grad):
        delta = grad if self.output else «slope»
        «dW.1»
        «db.1»
        return «prop»


class «Net»:
    «doc»
    def __init__(self, «sizes», «kind»='tanh', «lam»=0.01, seed=0):
        np.random.seed(seed)
        self.«lam» = «lam»
        last = len(«sizes») - 2
        self.«layers» = [«Layer»(«sizes»[i], «sizes»[i + 1], «kind», i == last) for i in range(last + 1)]

    def «forward»(self, X):
        out = X
        for layer in self.«layers»:
            out = layer.«forward»(out)
        «softmax»
        return self.probs

    def «lossfn»(self, X, y):
        «count»
        self.«forward»(X)
        «loss»
        «loss.pen»
        return data_loss

    def «backprop»(self, X, y):
        «count»
        «out»
        for layer in reversed(self.«layers»):
            delta = layer.«backprop»(delta)
        «penloop»

    def «fit»(self, X, y, epsilon=0.01, num_passes=200):
        for _ in range(num_passes):
            self.«forward»(X)
            self.«backprop»(X, y)
            for layer in self.«layers»:
                layer.«W» -= epsilon * layer.«dW»
                layer.«b» -= epsilon * layer.«db»
«tail»
"""
OBJECTS_DRIVER = """
net = «Net»(list(SIZES), ACT, 0.1, 0)


def probe_layers():
    return [{f'«layers»[{i}].«W»': layer.«W», f'«layers»[{i}].«b»': layer.«b»} for i, layer in enumerate(net.«layers»)]


def probe_loss():
    return net.«lossfn»(X, Y)


def probe_gradients():
    net.«forward»(X)
    net.«backprop»(X, Y)
    return [{'W': layer.«dW», 'b': layer.«db»} for layer in net.«layers»]
"""

NAMES = {
    "dev": (
        {"Net": "DeepNeuralNetwork", "Layer": "Layer", "layers": "layers", "forward": "feedforward",
         "lossfn": "calculate_loss", "backprop": "backprop", "fit": "fit_model", "act": "actFun",
         "dact": "diff_actFun", "kind": "actFun_type", "lam": "reg_lambda", "sizes": "layer_sizes", "W": "W", "b": "b",
         "z": "z", "a": "a", "x": "x", "dW": "dW", "db": "db", "n": "num_examples", "delta": "delta"},
    ),
    "test": (
        {"Net": "MultiLayerPerceptron", "Layer": "HiddenLayer", "layers": "stack", "forward": "forward",
         "lossfn": "loss", "backprop": "backward", "fit": "train", "act": "activate", "dact": "activate_deriv",
         "kind": "activation", "lam": "l2", "sizes": "sizes", "W": "weights", "b": "biases", "z": "zs",
         "a": "activations", "x": "inputs", "dW": "grad_w", "db": "grad_b", "n": "m", "delta": "delta"},
        {"Net": "DeepNeuralNetwork", "Layer": "Layer", "layers": "layers", "forward": "feedforward",
         "lossfn": "calculate_loss", "backprop": "backprop", "fit": "fit_model", "act": "actFun",
         "dact": "diff_actFun", "kind": "actFun_type", "lam": "reg_lambda", "sizes": "dims", "W": "Ws", "b": "bs",
         "z": "pre", "a": "acts", "x": "a_in", "dW": "dWs", "db": "dbs", "n": "N", "delta": "dz"},
    ),
}  # fmt: skip


def shared(choose: Chooser) -> tuple[dict[str, str], Dialect, bool, str]:
    names = dict(choose.any(NAMES[choose.part]))
    dialect = choose.dialect(rows=True, in_out=True, flat=choose.chance(0.3))
    return names, dialect, choose.part == "test" and choose.chance(0.4), "a" if choose.chance(0.25) else "z"


def lists(choose: Chooser) -> Blueprint:
    names, dialect, one_hot, of = shared(choose)
    if names["delta"] == "delta":
        names["delta"] = choose.any(("delta", "dz", "error"))
    W, z, a, d, n = f"self.{names['W']}", f"self.{names['z']}", f"self.{names['a']}", names["delta"], names["n"]
    every = choose.by_part((True,), (False, False, True))
    if every:
        high = Place("all", f"{W}[i]", f"self.{names['b']}[i]", d, f"{names['dW']}[i]", f"{names['db']}[i]", f"{a}[i]",
                     f"{z}[i]", f"{a}[i + 1]", f"{z}[i - 1]", x="X")  # fmt: skip
        low = Place("h", "", "", d, "", "", "", f"{z}[i - 1]", f"{a}[i]", above=d, W_above=f"{W}[i]",
                    z_other=f"{z}[i]", form=choose.delta_form())  # fmt: skip
    else:
        high = Place("L", f"{W}[last]", f"self.{names['b']}[last]", d, f"{names['dW']}[last]", f"{names['db']}[last]",
                     f"{a}[last]", f"{z}[last]", f"{a}[last + 1]", f"{z}[last - 1]", x="X")  # fmt: skip
        low = Place("h", f"{W}[l]", f"self.{names['b']}[l]", d, f"{names['dW']}[l]", f"{names['db']}[l]", f"{a}[l]",
                    f"{z}[l]", f"{a}[l + 1]", f"{z}[l - 1]", above=d, W_above=f"{W}[l + 1]", x="X",
                    z_other=f"{z}[l + 1]", form=choose.delta_form())  # fmt: skip
    init = Init("1", "w", f"{names['sizes']}[i], {names['sizes']}[i + 1]", f"{names['sizes']}[i]",
                choose.any(("fan", "small", "he")), layer="i")  # fmt: skip
    usual, listed = f"sum(np.sum(w ** 2) for w in {W})", f"sum([np.sum(np.square(w)) for w in {W}])"
    squares = choose.by_part((usual,), (listed, f"sum(np.linalg.norm(w) ** 2 for w in {W})"))
    penalty = Penalty(choose.any(("half", "mean", "mean", "full", "none")), f"self.{names['lam']}", n, squares,
                      choose.any(("inline", "statement")))  # fmt: skip
    ranges = ("reversed(range(len(self.«W»)))", "range(len(self.«W») - 1, -1, -1)") if every else (
        "range(last - 1, -1, -1)", "reversed(range(last))")  # fmt: skip
    slots = {"range": choose.any(ranges), "backward": EVERY if every else LAST_FIRST,
             "softmax": softmax(choose, "self.probs", f"{z}[-1]", 1),
             "product": dialect.forward(f"{a}[i]", f"{W}[i]")}  # fmt: skip
    slots["returned"] = choose.by_part(("«dW», «db»",), ("«dW», «db»", "«db», «dW»"))
    slots["zeros"] = "(«sizes»[i + 1],)" if dialect.flat else "(1, «sizes»[i + 1])"
    output_z, output_slope_a = f"{z}[-1]", "self.probs"
    return assembled(
        choose, names, dialect, one_hot, of, "lists", LISTS, LISTS_DRIVER, slots, (high, low), penalty, (init,),
        choose.chance(0.3), output_z, output_slope_a,
    )  # fmt: skip


def objects(choose: Chooser) -> Blueprint:
    names, dialect, one_hot, of = shared(choose)
    names |= {"W": "W", "b": "b", "z": "z", "a": "a", "dW": "dW", "db": "db", "delta": "delta"}
    place = Place("1", "self.W", "self.b", "delta", "self.dW", "self.db", f"self.{names['x']}", "self.z", "self.a",
                  above="delta", W_above="self.W")  # fmt: skip
    init = Init("1", "self.W", "n_in, n_out", "n_in", choose.any(("fan", "small", "he")), layer="")
    squares = f"sum(np.sum(layer.W ** 2) for layer in self.{names['layers']})"
    # λ's part is added by the network, after its layers have done theirs
    penalty = Penalty(
        choose.any(("half", "mean", "full", "none")), f"self.{names['lam']}", names["n"], squares, "apart"
    )
    slots = {"softmax": softmax(choose, "self.probs", "out", 1), "product": dialect.forward("x", "self.W"),
             "zeros": "(n_out,)" if dialect.flat else "(1, n_out)"}  # fmt: skip
    loop = "for layer in self.«layers»:\n    «pen.1»"
    slots["penloop"] = loop if penalty.kind != "none" else ""
    slots["pen.1"] = f"layer.dW += {penalty.of('layer.W')}" if penalty.kind != "none" else ""
    return assembled(
        choose, names, dialect, one_hot, of, "objects", OBJECTS, OBJECTS_DRIVER, slots, (place,), penalty, (init,),
        False, f"self.{names['layers']}[-1].z", "self.probs", separate=True,
    )  # fmt: skip


def assembled(
    choose: Chooser, names: dict[str, str], dialect: Dialect, one_hot: bool, of: str, variant: str, template: str,
    driver: str, slots: dict[str, str], places: tuple[Place, ...], penalty: Penalty, inits: tuple[Init, ...],
    mean_in_gradients: bool, z_out: str, p: str, separate: bool = False,
) -> Blueprint:  # fmt: skip
    definitions, more = dispatch(choose, names["act"], names["dact"], names["kind"], True, of)
    kind, n = f"self.{names['kind']}", names["n"]
    slope = Slope("any", "call" if of == "z" else "call a", f"self.{names['act']}({{}}, {kind})",
                  f"self.{names['dact']}({{}}, {kind})")  # fmt: skip
    last = f"self.{names['layers']}[-1]" if separate else "self"
    outer = Slope("any", slope.form, f"{last}.{names['act']}({{}}, {last}.{names['kind']})",
                  f"{last}.{names['dact']}({{}}, {last}.{names['kind']})")  # fmt: skip
    output = Output("one-hot" if one_hot else "index", dialect, names["delta"], p, "y", n, not mean_in_gradients, z_out,
                    hidden_slope=outer.of(z_out, p), form=choose.by_part(("copy",), ("copy", "times")))  # fmt: skip
    loss = Loss(output.kind, "data_loss", p, "y", n, True, penalty, choose.any(("", "two")))
    feed = f"rows {'one-hot' if one_hot else 'index'}"
    training = f"{DATA[feed]}\nmodel = {names['Net']}([3, 5, 6, 4])\nmodel.{names['fit']}(X, y, num_passes=20)"
    slots |= more | names | {
        "definitions": definitions, "imports": imports(choose),
        "doc": docstring(choose, "A network of any depth"), "seed": choose.any(("np.random.seed(seed)", "")),
        "count": f"{n} = {choose.any(('len(X)', 'X.shape[0]'))}", "tail": tail(choose, training),
    }  # fmt: skip
    gradients = Gradients(dialect, n, mean_in_gradients, penalty, choose.any(("suffix", "prefix")))
    weights = ("w",) if variant == "lists" else ("layer.W",)
    return Blueprint(
        "class", variant, template, driver, slots, feed, 3, dialect, places, output, gradients, penalty, slope, loss,
        inits, KINDS, separate, {kind: f"df.{kind}" for kind in KINDS}, of, weights=weights,
    ).filled()  # fmt: skip
