"""Free functions over dicts, samples in columns: parameters["W1"] is (out, in), gradients are grads["dW1"]."""

from ..blueprint import Blueprint
from ..dialect import Dialect
from ..forms import Gradients, Init, Loss, Output, Penalty, Place, Slope
from ..options import Chooser, activation
from .common import DATA, docstring, imports, single, softmax, tail

TWO = """
«imports»import numpy as np

«definitions»

def «make»(n_x, n_h, n_y):
    «doc»
    np.random.seed(2)
    «init.1»
    b1 = np.zeros((n_h, 1))
    «init.2»
    b2 = np.zeros((n_y, 1))
    return {'W1': W1, 'b1': b1, 'W2': W2, 'b2': b2}


def «forward»(X, «params»):
    W1, b1 = «params»['W1'], «params»['b1']
    W2, b2 = «params»['W2'], «params»['b2']
    Z1 = «product1» + b1
    A1 = «applied»
    Z2 = «product2» + b2
    «outputs»
    «cache» = {'Z1': Z1, 'A1': A1, 'Z2': Z2, 'A2': A2}
    return A2, «cache»


def «lossfn»(A2, Y«loss_args»):
    m = Y.shape[1]
    «unpack»
    «loss»
    «loss.pen»
    return cost


def «backward»(«params», «cache», X, Y«back_args»):
    m = X.shape[1]
    W1, W2 = «params»['W1'], «params»['W2']
    Z1, A1, Z2, A2 = «cache»['Z1'], «cache»['A1'], «cache»['Z2'], «cache»['A2']
    «out»
    «dW.2»
    «pen.2»
    «db.2»
    «D.1»
    «dW.1»
    «pen.1»
    «db.1»
    return {'dW1': dW1, 'db1': db1, 'dW2': dW2, 'db2': db2}


def «update»(«params», grads, learning_rate=0.5):
    for key in ('W1', 'b1', 'W2', 'b2'):
        «params»[key] = «params»[key] - learning_rate * grads['d' + key]
    return «params»


def «model»(X, Y, n_h, num_iterations=20):
    «params» = «make»(X.shape[0], n_h, Y.shape[0])
    for i in range(num_iterations):
        A2, «cache» = «forward»(X, «params»)
        cost = «lossfn»(A2, Y«loss_values»)
        grads = «backward»(«params», «cache», X, Y«back_values»)
        «params» = «update»(«params», grads)
    return «params»
«tail»
"""
DEEP = """
«imports»import numpy as np

«definitions»

def «make»(layer_dims):
    «doc»
    np.random.seed(3)
    «params» = {}
    for l in range(1, len(layer_dims)):
        «init.1»
        «params»['b' + str(l)] = np.zeros((layer_dims[l], 1))
    return «params»


def «forward»(X, «params»):
    caches = []
    A = X
    L = len(«params») // 2
    for l in range(1, L + 1):
        A_prev = A
        W, b = «params»['W' + str(l)], «params»['b' + str(l)]
        Z = «product» + b
        if l < L:
            A = «applied»
        else:
            «outputs»
        caches.append((A_prev, W, b, Z, A))
    return A, caches


def «lossfn»(AL, Y«loss_args»):
    m = Y.shape[1]
    «loss»
    «loss.pen»
    return cost


«backward_code»


def «update»(«params», grads, learning_rate=0.1):
    for l in range(1, len(«params») // 2 + 1):
        «params»['W' + str(l)] -= learning_rate * grads['dW' + str(l)]
        «params»['b' + str(l)] -= learning_rate * grads['db' + str(l)]
    return «params»


def «model»(X, Y, layers_dims, num_iterations=20):
    «params» = «make»(layers_dims)
    for i in range(num_iterations):
        AL, caches = «forward»(X, «params»)
        cost = «lossfn»(AL, Y«loss_values»)
        grads = «backward»(AL, Y, caches«back_values»)
        «params» = «update»(«params», grads)
    return «params»
«tail»
"""
BACKWARD = """def «backward»(AL, Y, caches«back_args»):
    grads = {}
    L = len(caches)
    m = AL.shape[1]
    «out»
    A_prev, W, b, Z, A = caches[L - 1]
    «dW.L»
    «pen.L»
    «db.L»
    for l in reversed(range(1, L)):
        W_next = W
        A_prev, W, b, Z, A = caches[l - 1]
        «D.h»
        «dW.h»
        «pen.h»
        «db.h»
    return grads"""
APART = """def linear_backward(dZ, cache«back_args»):
    A_prev, W, b, Z, A = cache
    m = A_prev.shape[1]
    «dW.1»
    «pen.1»
    «db.1»
    dA_prev = «prop»
    return dA_prev, dW, db


def activation_backward(dA, cache):
    A_prev, W, b, Z, A = cache
    dZ = «slope»
    return dZ


def «backward»(AL, Y, caches«back_args»):
    grads = {}
    L = len(caches)
    m = AL.shape[1]
    «out»
    dA, grads['dW' + str(L)], grads['db' + str(L)] = linear_backward(dZ, caches[L - 1]«back_pass»)
    for l in reversed(range(L - 1)):
        dZ = activation_backward(dA, caches[l])
        dA, grads['dW' + str(l + 1)], grads['db' + str(l + 1)] = linear_backward(dZ, caches[l]«back_pass»)
    return grads"""
TWO_DRIVER = """
P = «make»(*SIZES)


def probe_layers():
    return [{'W1': P['W1'], 'b1': P['b1']}, {'W2': P['W2'], 'b2': P['b2']}]


def probe_loss():
    return «lossfn»(«forward»(X, P)[0], Y«driver_loss»)


def probe_gradients():
    g = «backward»(P, «forward»(X, P)[1], X, Y«driver_back»)
    return [{'W1': g['dW1'], 'b1': g['db1']}, {'W2': g['dW2'], 'b2': g['db2']}]
"""
DEEP_DRIVER = """
P = «make»(list(SIZES))


def probe_layers():
    return [{f'{k}{i}': P[f'{k}{i}'] for k in 'Wb'} for i in range(1, len(SIZES))]


def probe_loss():
    return «lossfn»(«forward»(X, P)[0], Y«driver_loss»)


def probe_gradients():
    AL, caches = «forward»(X, P)
    g = «backward»(AL, Y, caches«driver_back»)
    return [{f'{k}{i}': g[f'd{k}{i}'] for k in 'Wb'} for i in range(1, len(SIZES))]
"""
NAMES = {
    "dev": (
        {"make": "initialize_parameters", "forward": "forward_propagation", "lossfn": "compute_cost",
         "backward": "backward_propagation", "update": "update_parameters", "model": "nn_model", "params": "parameters",
         "cache": "cache", "lam": "lambd"},
    ),
    "test": (
        {"make": "init_params", "forward": "forward_prop", "lossfn": "get_cost", "backward": "backward_prop",
         "update": "update_params", "model": "gradient_descent", "params": "params", "cache": "cache", "lam": "lam"},
        {"make": "initialize_parameters_deep", "forward": "L_model_forward", "lossfn": "compute_cost",
         "backward": "L_model_backward", "update": "update_parameters", "model": "L_layer_model",
         "params": "parameters", "cache": "memory", "lam": "lambd"},
    ),
}  # fmt: skip
FUNCTIONS = {"tanh": "np.tanh({})", "relu": "np.maximum(0, {})", "sigmoid": "sigmoid({})"}
# names, dialect, whether there is one output, activation, slope, definitions, slots
Parts = tuple[dict[str, str], Dialect, bool, str, Slope, str, dict[str, str]]


def base(choose: Chooser) -> Parts:
    names = dict(choose.any(NAMES[choose.part]))
    dialect = choose.dialect(rows=False, in_out=False, flat=False)
    binary = choose.chance(0.5)
    kind = choose.by_part(("relu", "tanh"), ("relu", "tanh", "sigmoid"))
    definitions = ""
    slots: dict[str, str] = {}
    slope = Slope(kind, choose.any(("inline", "inline z")), FUNCTIONS[kind], "")
    if choose.chance(0.5):
        of = "a" if choose.chance(0.3) else "z"
        f, df = choose.by_part(
            ((kind, f"{kind}_derivative"),), ((kind, f"{kind}_prime"), (f"act_{kind}", f"dact_{kind}"))
        )
        definitions, slots = single(choose, f, df, kind, of)
        slope = Slope(kind, "call" if of == "z" else "call a", f + "({})", df + "({})")
    if "def sigmoid(" not in definitions and (binary or kind == "sigmoid"):
        definitions = "def sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n" + (
            "\n\n" + definitions if definitions else ""
        )
    return names, dialect, binary, kind, slope, definitions.rstrip() + "\n", slots


def two_layers(choose: Chooser) -> Blueprint:
    parts = base(choose)
    names, dialect, _, kind, slope, _, slots = parts
    high = Place("2", "W2", "b2", "dZ2", "dW2", "db2", "A1", "Z2", "A2", "Z1", x="X")
    low = Place("1", "W1", "b1", "dZ1", "dW1", "db1", "X", "Z1", "A1", above="dZ2", W_above="W2", x="X", z_other="Z2",
                form=choose.delta_form())  # fmt: skip
    scale = choose.any(("small", "fan"))
    inits = (Init("1", "W1", "n_h, n_x", "n_x", scale), Init("2", "W2", "n_y, n_h", "n_h", scale))
    squares = choose.by_part(("np.sum(np.square(W1)) + np.sum(np.square(W2))",), ("np.sum(W1 ** 2) + np.sum(W2 ** 2)",))
    slots |= {"product1": dialect.forward("X", "W1"), "product2": dialect.forward("A1", "W2"),
              "applied": slope.f.format("Z1") if slope.f else activation("Z1", kind)}  # fmt: skip
    slots["unpack"] = f"W1, W2 = {names['params']}['W1'], {names['params']}['W2']"
    return finished(
        choose, parts, (high, low), inits, squares, "two layers", TWO, TWO_DRIVER, "A2", "Z2", "dZ2", ("W1", "W2")
    )


def deep(choose: Chooser) -> Blueprint:
    parts = base(choose)
    names, dialect, _, kind, slope, _, slots = parts
    apart = choose.part == "test" and choose.chance(0.5)
    if apart:
        places: tuple[Place, ...] = (
            Place("1", "W", "b", "dZ", "dW", "db", "A_prev", "Z", "A", above="dZ", W_above="W", gate="dA"),
        )
    else:
        high = Place("L", "W", "b", "dZ", "grads['dW' + str(L)]", "grads['db' + str(L)]", "A_prev", "Z", "A")
        low = Place("h", "W", "b", "dZ", "grads['dW' + str(l)]", "grads['db' + str(l)]", "A_prev", "Z", "A", above="dZ",
                    W_above="W_next", x="caches[0][0]", z_other="caches[l][3]", form=choose.delta_form())  # fmt: skip
        places = (high, low)
    init = Init("1", "«params»['W' + str(l)]", "layer_dims[l], layer_dims[l - 1]", "layer_dims[l - 1]",
                choose.any(("small", "fan", "he")), layer="l")  # fmt: skip
    squares = (
        f"sum(np.sum(np.square({names['params']}['W' + str(l)])) for l in range(1, len({names['params']}) // 2 + 1))"
    )
    slots |= {"product": dialect.forward("A_prev", "W"), "backward_code": APART if apart else BACKWARD,
              "applied": slope.f.format("Z") if slope.f else activation("Z", kind)}  # fmt: skip
    variant, weights = "functions apart" if apart else "deep", (f"{names['params']}['W' + str(l)]",)
    return finished(
        choose, parts, places, (init,), squares, variant, DEEP, DEEP_DRIVER, "AL", "caches[-1][3]", "dZ", weights
    )


def finished(
    choose: Chooser, parts: Parts, places: tuple[Place, ...], inits: tuple[Init, ...], squares: str, variant: str,
    template: str, driver: str, p: str, z: str, d: str, weights: tuple[str, ...],
) -> Blueprint:  # fmt: skip
    names, dialect, binary, kind, slope, definitions, slots = parts
    mean_in_gradients, params, lam = choose.chance(0.75), names["params"], names["lam"]
    penalty = Penalty(
        choose.any(("none", "none", "mean", "half")), lam, "m", squares, choose.any(("inline", "statement"))
    )
    used = penalty.kind != "none"
    feed = "columns binary" if binary else "columns one-hot"
    in_two = variant == "two layers"
    output = Output("one-hot", dialect, d, p, "Y", "m", not mean_in_gradients, z, hidden_slope=slope.of(z, p)
                    if slope.form != "inline" else slope.inline(z if kind == "relu" else p), binary=binary)  # fmt: skip
    loss = Loss("binary" if binary else "one-hot", "cost", p, "Y", "m", True, penalty)
    target, z_name = ("A2", "Z2") if in_two else ("A", "Z")
    both = f", {params}, {lam}=0.1" if used else ""
    training = f"{DATA[feed]}\n" + (
        "params = «model»(X, Y, 5)" if in_two else f"params = «model»(X, Y, [3, 5, 6, {1 if binary else 4}])"
    )
    slots |= names | {
        "definitions": definitions if definitions.strip() else "", "imports": imports(choose),
        "doc": docstring(choose, "Small random weights, biases 0"), "tail": tail(choose, training),
        "outputs": f"{target} = sigmoid({z_name})" if binary else softmax(choose, target, z_name, 0),
        "loss_args": both, "back_args": f", {lam}=0.1" if used else "", "loss_values": f", {params}" if used else "",
        "back_values": "", "back_pass": f", {lam}" if used else "", "driver_loss": ", P, 0.1" if used else "",
        "driver_back": ", 0.1" if used else "",
    }  # fmt: skip
    if in_two and not used:
        slots["unpack"] = ""
    return Blueprint(
        "columns", variant, template, driver, slots, feed, 2 if in_two else 3, dialect, places, output,
        Gradients(dialect, "m", mean_in_gradients, penalty, choose.any(("suffix", "prefix"))), penalty, slope, loss,
        inits, (kind,), variant == "functions apart", {kind: f"df.{kind}"} if "call" in slope.form else {},
        "a" if slope.form == "call a" else "z", weights=weights, classes=1 if binary else 4,
    ).filled()  # fmt: skip
