"""One function that returns the loss and a dict of gradients, over a dict of parameters."""

from ..blueprint import Blueprint
from ..dialect import Dialect
from ..forms import Gradients, Init, Loss, Output, Penalty, Place, Slope
from ..options import Chooser, activation
from .common import DATA, docstring, imports, single, softmax, tail

TWO = """
«imports»import numpy as np

«definitions»

class «Net»(object):
    def __init__(self, input_size, hidden_size, output_size, std=1e-1):
        «doc»
        self.params = {}
        «init.1»
        self.params['b1'] = np.zeros(«zeros1»)
        «init.2»
        self.params['b2'] = np.zeros(«zeros2»)

    def «lossfn»(self, X, y=None, «lam»=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        «n» = X.shape[0]
        «body»

    def «train»(self, X, y, learning_rate=1e-2, «lam»=1e-3, num_iters=50, verbose=False):
        for it in range(num_iters):
            «returned» = self.«lossfn»(X, y, «lam»)
            for key in self.params:
                self.params[key] -= learning_rate * grads[key]
            if verbose and it % 10 == 0:
                print('iteration %d / %d: loss %f' % (it, num_iters, loss))
«tail»
"""
BODY = """«z1» = «product1» + b1
«a1» = «applied»
«scores» = «product2» + b2
«early»
«softmax»
«loss»
«loss.pen»
grads = {}
«out»
«dW.2»
«pen.2»
«db.2»
«D.1»
«dW.1»
«pen.1»
«db.1»
return «returned»"""
FREE = """
«imports»import numpy as np

«definitions»

def «make»(input_size, hidden_size, output_size, seed=0):
    «doc»
    np.random.seed(seed)
    params = {}
    «init.1»
    params['b1'] = np.zeros(«zeros1»)
    «init.2»
    params['b2'] = np.zeros(«zeros2»)
    return params


def «lossfn»(params, X, y, «lam»=0.0):
    W1, b1 = params['W1'], params['b1']
    W2, b2 = params['W2'], params['b2']
    «n» = X.shape[0]
    «body»


def «train»(params, X, y, learning_rate=1e-2, «lam»=1e-3, num_iters=50):
    for it in range(num_iters):
        «returned» = «lossfn»(params, X, y, «lam»)
        for key in params:
            params[key] -= learning_rate * grads[key]
    return params
«tail»
"""
DEEP = """
«imports»import numpy as np

«definitions»

class «Net»(object):
    def __init__(self, hidden_dims, input_dim=3, num_classes=4, «lam»=0.0, weight_scale=0.1, seed=None):
        «doc»
        self.«lam» = «lam»
        self.num_layers = 1 + len(hidden_dims)
        self.params = {}
        dims = [input_dim] + list(hidden_dims) + [num_classes]
        for i in range(1, self.num_layers + 1):
            «init.1»
            self.params[f'b{i}'] = np.zeros(«zeros»)

    def «lossfn»(self, X, y=None):
        «n» = X.shape[0]
        a, z = {0: X}, {}
        for i in range(1, self.num_layers):
            z[i] = «product» + self.params[f'b{i}']
            a[i] = «applied»
        «scores» = «product_last» + self.params[f'b{self.num_layers}']
        «early»
        «softmax»
        «loss»
        «loss.pen»
        grads = {}
        «out»
        for i in range(self.num_layers, 0, -1):
            «dW.all»
            «pen.all»
            «db.all»
            if i > 1:
                «D.h»
        return «returned»
«tail»
"""
TWO_DRIVER = """
«built»
P = «params»


def probe_layers():
    return [{'W1': P['W1'], 'b1': P['b1']}, {'W2': P['W2'], 'b2': P['b2']}]


def probe_loss():
    return «called»[«loss_at»]


def probe_gradients():
    g = «called»[1 - «loss_at»]
    return [{'W1': g['W1'], 'b1': g['b1']}, {'W2': g['W2'], 'b2': g['b2']}]
"""
DEEP_DRIVER = """
net = «Net»(list(SIZES[1:-1]), SIZES[0], SIZES[-1], «lam»=0.1)
P = net.params


def probe_layers():
    return [{f'{k}{i}': P[f'{k}{i}'] for k in 'Wb'} for i in range(1, len(SIZES))]


def probe_loss():
    return net.«lossfn»(X, Y)[«loss_at»]


def probe_gradients():
    g = net.«lossfn»(X, Y)[1 - «loss_at»]
    return [{f'{k}{i}': g[f'{k}{i}'] for k in 'Wb'} for i in range(1, len(SIZES))]
"""
NAMES = {
    "dev": (
        {"Net": "TwoLayerNet", "lossfn": "loss", "train": "train", "make": "init_params", "lam": "reg", "n": "N",
         "z1": "z1", "a1": "a1", "scores": "scores", "probs": "probs", "d2": "dscores", "d1": "dhidden"},
        {"Net": "TwoLayerNet", "lossfn": "loss", "train": "train", "make": "initialize", "lam": "reg", "n": "num_train",
         "z1": "hidden_in", "a1": "hidden", "scores": "scores", "probs": "p", "d2": "dz2", "d1": "dz1"},
    ),
    "test": (
        {"Net": "FullyConnectedNet", "lossfn": "loss", "train": "fit", "make": "init_weights", "lam": "reg", "n": "m",
         "z1": "pre", "a1": "h", "scores": "logits", "probs": "q", "d2": "dlogits", "d1": "dpre"},
        {"Net": "Network", "lossfn": "loss_and_grad", "train": "train", "make": "initialize_weights", "lam": "lam",
         "n": "num", "z1": "fc1", "a1": "act1", "scores": "fc2", "probs": "softmax_out", "d2": "dfc2", "d1": "dfc1"},
    ),
}  # fmt: skip


def slope_of(choose: Chooser, kind: str) -> tuple[Slope, str, dict[str, str]]:
    """Inline, or functions of its own."""
    if choose.chance(0.5):
        of = "a" if choose.chance(0.4) else "z"
        f, df = (kind, f"{kind}_grad") if choose.part == "dev" else (f"my_{kind}", f"d_{kind}")
        definitions, slots = single(choose, f, df, kind, of)
        return Slope(kind, "call" if of == "z" else "call a", f + "({})", df + "({})"), definitions + "\n", slots
    if kind == "sigmoid":
        return Slope(kind, "inline", "1 / (1 + np.exp(-{}))", ""), "", {}
    f = "np.tanh({})" if kind == "tanh" else "np.maximum(0, {})"
    return Slope(kind, choose.any(("inline", "inline z")), f, ""), "", {}


def base(choose: Chooser) -> tuple[dict[str, str], Dialect, bool, str]:
    names = dict(choose.any(NAMES[choose.part]))
    dialect = choose.dialect(rows=True, in_out=True, flat=choose.chance(0.7))
    one_hot = choose.part == "test" and choose.chance(0.3)
    return names, dialect, one_hot, choose.by_part(("relu", "relu", "tanh"), ("relu", "tanh", "sigmoid"))


def two_layers(choose: Chooser) -> Blueprint:
    names, dialect, one_hot, kind = base(choose)
    free = choose.chance(0.4)
    if free:
        names["lossfn"] = choose.by_part(("loss_fn", "net_loss"), ("loss_and_gradients", "compute_loss_and_grads"))
    slope, definitions, slots = slope_of(choose, kind)
    params = "params" if free else "self.params"
    high = Place("2", "W2", "b2", names["d2"], "grads['W2']", "grads['b2']", names["a1"], names["scores"],
                 names["probs"], names["z1"], x="X")  # fmt: skip
    low = Place("1", "W1", "b1", names["d1"], "grads['W1']", "grads['b1']", "X", names["z1"], names["a1"],
                above=names["d2"], W_above="W2", z_other=names["scores"], form=choose.delta_form())  # fmt: skip
    norms = "np.linalg.norm(W1) ** 2 + np.linalg.norm(W2) ** 2"
    squares = choose.by_part(("np.sum(W1 * W1) + np.sum(W2 * W2)",), ("np.sum(W1 ** 2) + np.sum(W2 ** 2)", norms))
    scale = choose.any(("small", "fan", "he"))
    inits = (Init("1", f"{params}['W1']", "input_size, hidden_size", "input_size", scale),
             Init("2", f"{params}['W2']", "hidden_size, output_size", "hidden_size", scale))  # fmt: skip
    shape = "{}" if dialect.flat else "(1, {})"
    returned = choose.by_part(("loss, grads",), ("loss, grads", "grads, loss"))
    make = "«make»(*SIZES)" if free else "«Net»(*SIZES)"
    slots |= {
        "body": BODY, "product1": dialect.forward("X", "W1"), "product2": dialect.forward(names["a1"], "W2"),
        "zeros1": shape.format("hidden_size"), "zeros2": shape.format("output_size"),
        "built": f"net = {make}", "params": "net" if free else "net.params",
        "called": "«lossfn»(P, X, Y, 0.1)" if free else "net.«lossfn»(X, Y, 0.1)", "returned": returned,
        "early": "" if free else f"if y is None:\n    return {names['scores']}",
        "applied": slope.f.format(names["z1"]) if slope.f else activation(names["z1"], kind),
    }  # fmt: skip
    training = "net = «make»(3, 5, 4)\n«train»(net, X, y)" if free else "net = «Net»(3, 5, 4)\nnet.«train»(X, y)"
    penalty = Penalty(choose.any(("half", "mean", "full", "none")), names["lam"], names["n"], squares,
                      choose.any(("inline", "statement")))  # fmt: skip
    template, variant = (FREE, "free") if free else (TWO, "two layers")
    return finished(choose, names, dialect, one_hot, kind, slope, definitions, slots, (high, low), penalty, inits,
                    template, TWO_DRIVER, variant, training, ("W1", "W2"), 2)  # fmt: skip


def deep(choose: Chooser) -> Blueprint:
    names, dialect, one_hot, kind = base(choose)
    names["Net"] = "FullyConnectedNet" if choose.part == "dev" else "MultiLayerNet"
    slope, definitions, slots = slope_of(choose, kind)
    d, W = choose.any(("dout", "delta")), "self.params[f'W{i}']"
    high = Place("all", W, "self.params[f'b{i}']", d, "grads[f'W{i}']", "grads[f'b{i}']", "a[i - 1]", "z[i]", "a[i]",
                 "z[i - 1]", x="X")  # fmt: skip
    low = Place("h", "", "", d, "", "", "", "z[i - 1]", "a[i - 1]", above=d, W_above=W, z_other="z[i]",
                form=choose.delta_form())  # fmt: skip
    names["d2"] = d
    squares = "sum(np.sum(self.params[f'W{i}'] ** 2) for i in range(1, self.num_layers + 1))"
    penalty = Penalty(choose.any(("half", "mean", "full", "none")), f"self.{names['lam']}", names["n"], squares,
                      choose.any(("inline", "statement")))  # fmt: skip
    init = Init("1", W, "dims[i - 1], dims[i]", "dims[i - 1]", choose.any(("small", "fan", "he")), layer="i")
    slots |= {
        "product": dialect.forward("a[i - 1]", W),
        "product_last": dialect.forward("a[self.num_layers - 1]", "self.params[f'W{self.num_layers}']"),
        "zeros": "dims[i]" if dialect.flat else "(1, dims[i])", "returned": "loss, grads",
        "early": f"if y is None:\n    return {names['scores']}",
        "applied": slope.f.format("z[i]"),
    }  # fmt: skip
    training = "net = «Net»([5, 6], 3, 4)\nfor _ in range(5):\n    loss, grads = net.«lossfn»(X, y)\n" \
        "    for k in net.params:\n        net.params[k] -= 0.1 * grads[k]"  # fmt: skip
    return finished(choose, names, dialect, one_hot, kind, slope, definitions, slots, (high, low), penalty, (init,),
                    DEEP, DEEP_DRIVER, "deep", training, ("self.params[f'W{i}']",), 3)  # fmt: skip


def finished(
    choose: Chooser, names: dict[str, str], dialect: Dialect, one_hot: bool, kind: str, slope: Slope, definitions: str,
    slots: dict[str, str], places: tuple[Place, ...], penalty: Penalty, inits: tuple[Init, ...], template: str,
    driver: str, variant: str, training: str, weights: tuple[str, ...], depth: int,
) -> Blueprint:  # fmt: skip
    mean_in_gradients, n, p = choose.chance(0.3), names["n"], names["probs"]
    output = Output("one-hot" if one_hot else "index", dialect, names["d2"], p, "y", n, not mean_in_gradients,
                    names["scores"], hidden_slope=slope.of(names["scores"], p) if slope.form != "inline" else
                    slope.inline(names["scores"] if kind == "relu" else p),
                    form=choose.by_part(("copy", "alias"), ("new", "times", "copy")))  # fmt: skip
    loss = Loss(output.kind, "loss", p, "y", n, True, penalty, choose.any(("", "two")))
    feed = f"rows {'one-hot' if one_hot else 'index'}"
    slots |= names | {
        "definitions": definitions, "imports": imports(choose),
        "doc": docstring(choose, "Weights are small and random, biases zero"),
        "tail": tail(choose, f"{DATA[feed]}\n{training}"), "softmax": softmax(choose, p, names["scores"], 1),
        "loss_at": "1" if slots["returned"].startswith("grads") else "0",
    }  # fmt: skip
    return Blueprint(
        "loss and grads", variant, template, driver, slots, feed, depth, dialect, places, output,
        Gradients(dialect, n, mean_in_gradients, penalty, choose.any(("suffix", "prefix"))), penalty, slope, loss,
        inits, (kind,), definitions={kind: f"df.{kind}"} if "call" in slope.form else {},
        argument="a" if slope.form == "call a" else "z", weights=weights,
    ).filled()  # fmt: skip
