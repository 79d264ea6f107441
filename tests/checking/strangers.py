"""Small programs in the styles in which strangers write them; all are right unless a test changes a line."""

PROGRAMS = {
    "global_parameters": """\
import numpy as np
np.random.seed(1)
W1 = np.random.randn(2, 8) * 0.5
b1 = np.zeros((1, 8))
W2 = np.random.randn(8, 3) * 0.5
b2 = np.zeros((1, 3))

def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

def forward(X):
    z1 = X @ W1 + b1
    a1 = np.tanh(z1)
    return a1, softmax(a1 @ W2 + b2)

def loss(X, y):
    a1, p = forward(X)
    return -np.log(p[np.arange(len(y)), y]).mean()

def backward(X, y):
    a1, p = forward(X)
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    dW2 = a1.T @ d
    db2 = d.sum(0, keepdims=True)
    d1 = d @ W2.T * (1 - a1 ** 2)
    return X.T @ d1, d1.sum(0, keepdims=True), dW2, db2

X = np.random.randn(100, 2)
y = (X[:, 0] > 0).astype(int)
for i in range(200):
    dW1, db1, dW2, db2 = backward(X, y)
    W1 -= 0.5 * dW1; b1 -= 0.5 * db1; W2 -= 0.5 * dW2; b2 -= 0.5 * db2
print(loss(X, y))
""",
    "layers_as_tuples": """\
import numpy as np
class Net:
    def __init__(self, arch):
        # arch: list of (units, activation)
        self.Ws, self.bs, self.acts = [], [], []
        for (n_in, n_out, act) in arch:
            self.Ws.append(np.random.normal(0, 0.3, (n_in, n_out)))
            self.bs.append(np.zeros(n_out))
            self.acts.append(act)
    def f(self, z, act):
        if act == 'relu': return np.maximum(z, 0)
        if act == 'sigmoid': return 1 / (1 + np.exp(-z))
        return z
    def df(self, z, act):
        if act == 'relu': return (z > 0) * 1.0
        if act == 'sigmoid':
            s = self.f(z, act); return s * (1 - s)
        return np.ones_like(z)
    def feed(self, x):
        self.zs, self.as_ = [], [x]
        for W, b, act in zip(self.Ws, self.bs, self.acts):
            self.zs.append(self.as_[-1].dot(W) + b)
            self.as_.append(self.f(self.zs[-1], act))
        return self.as_[-1]
    def forward(self, x):
        return self.feed(x)
    def mse(self, x, y):
        return 0.5 * np.sum((self.forward(x) - y) ** 2) / len(x)
    def backprop(self, x, y):
        out = self.forward(x)
        delta = (out - y) / len(x) * self.df(self.zs[-1], self.acts[-1])
        gW, gb = [None] * len(self.Ws), [None] * len(self.bs)
        for l in range(len(self.Ws) - 1, -1, -1):
            gW[l] = self.as_[l].T.dot(delta)
            gb[l] = delta.sum(axis=0)
            if l: delta = delta.dot(self.Ws[l].T) * self.df(self.zs[l - 1], self.acts[l - 1])
        return gW, gb
if __name__ == "__main__":
    net = Net([(4, 10, 'relu'), (10, 3, 'sigmoid')])
""",
    "loss_with_gradient": """\
import numpy as np
class Affine:
    def __init__(self, n_in, n_out):
        self.w = np.random.randn(n_in, n_out) * 0.1
        self.b = np.zeros(n_out)
    def forward(self, x):
        self.x = x
        return x.dot(self.w) + self.b
    def backward(self, dout):
        self.dw = self.x.T.dot(dout)
        self.db = dout.sum(0)
        return dout.dot(self.w.T)
class Relu:
    def forward(self, x):
        self.m = x > 0
        return x * self.m
    def backward(self, dout):
        return dout * self.m
def softmax_loss(x, y):
    s = x - x.max(1, keepdims=True)
    lp = s - np.log(np.exp(s).sum(1, keepdims=True))
    n = len(x)
    loss = -lp[np.arange(n), y].mean()
    dx = np.exp(lp)
    dx[np.arange(n), y] -= 1
    return loss, dx / n
layers = [Affine(2, 50), Relu(), Affine(50, 20), Relu(), Affine(20, 3)]
def train(X, y, steps=100, lr=0.1):
    for _ in range(steps):
        h = X
        for l in layers: h = l.forward(h)
        loss, d = softmax_loss(h, y)
        for l in reversed(layers): d = l.backward(d)
        for l in layers:
            if hasattr(l, 'w'):
                l.w -= lr * l.dw; l.b -= lr * l.db
""",
    "dataclass": """\
from dataclasses import dataclass, field
import numpy as np
@dataclass
class MLP:
    sizes: list
    lam: float = 0.01
    params: dict = field(default_factory=dict)
    def __post_init__(self):
        rng = np.random.default_rng(0)
        for i, (a, b) in enumerate(zip(self.sizes, self.sizes[1:])):
            self.params[f"W{i}"] = rng.normal(0, a ** -0.5, (a, b))
            self.params[f"b{i}"] = np.zeros(b)
    def __call__(self, x):
        self.h = [x]
        L = len(self.sizes) - 1
        for i in range(L):
            z = self.h[-1] @ self.params[f"W{i}"] + self.params[f"b{i}"]
            self.h.append(np.tanh(z) if i < L - 1 else z)
        return self.h[-1]
    def loss(self, x, t):
        out = self(x)
        reg = sum((self.params[k] ** 2).sum() for k in self.params if k[0] == "W")
        return ((out - t) ** 2).mean() + self.lam * reg
    def grads(self, x, t):
        out = self(x)
        d = 2 * (out - t) / out.size
        g = {}
        for i in reversed(range(len(self.sizes) - 1)):
            g[f"W{i}"] = self.h[i].T @ d + 2 * self.lam * self.params[f"W{i}"]
            g[f"b{i}"] = d.sum(0)
            d = d @ self.params[f"W{i}"].T * (1 - self.h[i] ** 2)
        return g
""",
    "online_updates": """\
import numpy as np
class Perceptron:
    def __init__(self, n_inputs, n_hidden, n_outputs):
        self.w_ih = np.random.uniform(-1, 1, (n_hidden, n_inputs))
        self.w_ho = np.random.uniform(-1, 1, (n_outputs, n_hidden))
        self.bias_h = np.random.uniform(-1, 1, (n_hidden, 1))
        self.bias_o = np.random.uniform(-1, 1, (n_outputs, 1))
        self.lr = 0.1
    def sigmoid(self, x): return 1 / (1 + np.exp(-x))
    def predict(self, inputs):
        x = np.array(inputs).reshape(-1, 1)
        self.h = self.sigmoid(self.w_ih @ x + self.bias_h)
        self.o = self.sigmoid(self.w_ho @ self.h + self.bias_o)
        return self.o
    def loss(self, inputs, targets):
        t = np.array(targets).reshape(-1, 1)
        return 0.5 * np.sum((t - self.predict(inputs)) ** 2)
    def train(self, inputs, targets):
        x = np.array(inputs).reshape(-1, 1)
        t = np.array(targets).reshape(-1, 1)
        o = self.predict(inputs)
        e = t - o
        g = e * o * (1 - o)
        eh = self.w_ho.T @ g
        gh = eh * self.h * (1 - self.h)
        self.w_ho += self.lr * g @ self.h.T
        self.bias_o += self.lr * g
        self.w_ih += self.lr * gh @ x.T
        self.bias_h += self.lr * gh
nn = Perceptron(2, 4, 1)
for i in range(1000):
    for x, t in zip([[0,0],[0,1],[1,0],[1,1]], [[0],[1],[1],[0]]):
        nn.train(x, t)
""",
    "output_attributes": """\
import numpy as np
class Dense:
    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.1 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))
    def forward(self, inputs, training):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases
    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights.T
class ReLU:
    def forward(self, inputs, training):
        self.inputs = inputs
        self.output = np.maximum(0, inputs)
    def backward(self, dvalues):
        self.dinputs = dvalues * (self.inputs > 0)
class Sigmoid:
    def forward(self, inputs, training):
        self.output = 1 / (1 + np.exp(-inputs))
    def backward(self, dvalues):
        self.dinputs = dvalues * (1 - self.output) * self.output
class BinaryLoss:
    def forward(self, y_pred, y_true):
        return np.mean(-(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred)), axis=-1)
    def calculate(self, y_pred, y_true):
        return np.mean(self.forward(y_pred, y_true))
    def backward(self, dvalues, y_true):
        n, k = dvalues.shape
        self.dinputs = -(y_true / dvalues - (1 - y_true) / (1 - dvalues)) / k / n
class Model:
    def __init__(self): self.layers = []
    def add(self, layer): self.layers.append(layer)
    def set(self, *, loss): self.loss = loss
    def forward(self, X, training):
        out = X
        for l in self.layers:
            l.forward(out, training); out = l.output
        return out
    def backward(self, output, y):
        self.loss.backward(output, y)
        d = self.loss.dinputs
        for l in reversed(self.layers):
            l.backward(d); d = l.dinputs
model = Model()
model.add(Dense(2, 64)); model.add(ReLU()); model.add(Dense(64, 1)); model.add(Sigmoid())
model.set(loss=BinaryLoss())
""",
    "functions_one_by_one": """\
import numpy as np
def relu(z): return np.maximum(0, z)
def init_network(input_size, hidden_size, output_size):
    W1 = np.random.randn(input_size, hidden_size) * 0.01
    b1 = np.zeros(hidden_size)
    W2 = np.random.randn(hidden_size, output_size) * 0.01
    b2 = np.zeros(output_size)
    return W1, b1, W2, b2
def forward_pass(X, W1, b1, W2, b2):
    Z1 = X.dot(W1) + b1
    A1 = relu(Z1)
    Z2 = A1.dot(W2) + b2
    E = np.exp(Z2 - Z2.max(1)[:, None])
    return Z1, A1, Z2, E / E.sum(1)[:, None]
def cross_entropy_loss(probs, y_onehot):
    return -np.mean(np.sum(y_onehot * np.log(probs + 1e-9), axis=1))
def backward_pass(X, y_onehot, Z1, A1, probs, W2):
    N = X.shape[0]
    dZ2 = (probs - y_onehot) / N
    dW2 = A1.T.dot(dZ2); db2 = dZ2.sum(0)
    dZ1 = dZ2.dot(W2.T); dZ1[Z1 <= 0] = 0
    dW1 = X.T.dot(dZ1); db1 = dZ1.sum(0)
    return dW1, db1, dW2, db2
def train(X, Y, hidden=32, lr=0.1, epochs=500):
    W1, b1, W2, b2 = init_network(X.shape[1], hidden, Y.shape[1])
    for e in range(epochs):
        Z1, A1, Z2, P = forward_pass(X, W1, b1, W2, b2)
        dW1, db1, dW2, db2 = backward_pass(X, Y, Z1, A1, P, W2)
        W1 -= lr * dW1; b1 -= lr * db1; W2 -= lr * dW2; b2 -= lr * db2
    return W1, b1, W2, b2
""",
    "network_as_layer": """\
import numpy as np
class Linear:
    def __init__(self, d_in, d_out):
        self.W = np.random.randn(d_in, d_out) / np.sqrt(d_in); self.b = np.zeros(d_out)
    def forward(self, x):
        self.x = x; return x @ self.W + self.b
    def backward(self, g):
        self.gW = self.x.T @ g; self.gb = g.sum(0); return g @ self.W.T
class Tanh:
    def forward(self, x):
        self.y = np.tanh(x); return self.y
    def backward(self, g): return g * (1 - self.y ** 2)
class TwoLayer:
    def __init__(self, d_in, d_h, d_out):
        self.fc1 = Linear(d_in, d_h); self.act = Tanh(); self.fc2 = Linear(d_h, d_out)
    def forward(self, x):
        return self.fc2.forward(self.act.forward(self.fc1.forward(x)))
    def backward(self, grad):
        return self.fc1.backward(self.act.backward(self.fc2.backward(grad)))
class MSE:
    def forward(self, pred, target):
        self.d = pred - target; return np.mean(self.d ** 2)
    def backward(self): return 2 * self.d / self.d.size
""",
    "derivative_flag": """\
import numpy as np
class NN(object):
    def __init__(self, inputSize=2, hiddenSize=3, outputSize=1, act='sigmoid'):
        self.act = act
        self.W1 = np.random.randn(inputSize, hiddenSize)
        self.W2 = np.random.randn(hiddenSize, outputSize)
    def sigma(self, s, deriv=False):
        if self.act == 'tanh':
            t = np.tanh(s)
            return 1 - t * t if deriv else t
        g = 1 / (1 + np.exp(-s))
        return g * (1 - g) if deriv else g
    def forward(self, X):
        self.z = X @ self.W1; self.z2 = self.sigma(self.z)
        self.z3 = self.z2 @ self.W2
        return self.sigma(self.z3)
    def cost(self, X, y):
        return 0.5 * np.mean((y - self.forward(X)) ** 2)
    def backward(self, X, y, o):
        self.o_error = y - o
        self.o_delta = self.o_error * self.sigma(self.z3, deriv=True)
        self.z2_error = self.o_delta.dot(self.W2.T)
        self.z2_delta = self.z2_error * self.sigma(self.z, deriv=True)
        n = len(X)
        self.W1 += X.T.dot(self.z2_delta) / n
        self.W2 += self.z2.T.dot(self.o_delta) / n
    def train(self, X, y):
        o = self.forward(X); self.backward(X, y, o)
X = np.array(([2, 9], [1, 5], [3, 6]), dtype=float)
y = np.array(([92], [86], [89]), dtype=float)
""",
    "per_layer_names": """\
import numpy as np
class NeuralNetMLP:
    def __init__(self, num_features, num_hidden, num_classes, random_seed=123):
        self.num_classes = num_classes
        rng = np.random.RandomState(random_seed)
        self.weight_h = rng.normal(loc=0.0, scale=0.1, size=(num_hidden, num_features))
        self.bias_h = np.zeros(num_hidden)
        self.weight_out = rng.normal(loc=0.0, scale=0.1, size=(num_classes, num_hidden))
        self.bias_out = np.zeros(num_classes)
    def forward(self, x):
        z_h = np.dot(x, self.weight_h.T) + self.bias_h
        a_h = 1. / (1. + np.exp(-z_h))
        z_out = np.dot(a_h, self.weight_out.T) + self.bias_out
        a_out = 1. / (1. + np.exp(-z_out))
        return a_h, a_out
    def backward(self, x, a_h, a_out, y):
        y_onehot = np.zeros((y.shape[0], self.num_classes))
        for i, val in enumerate(y): y_onehot[i, val] = 1
        d_loss__d_a_out = 2. * (a_out - y_onehot) / y.shape[0] / self.num_classes
        delta_out = d_loss__d_a_out * a_out * (1. - a_out)
        d_loss__dw_out = np.dot(delta_out.T, a_h)
        d_loss__db_out = np.sum(delta_out, axis=0)
        d_loss__a_h = np.dot(delta_out, self.weight_out)
        d_a_h = a_h * (1. - a_h)
        d_loss__d_w_h = np.dot((d_loss__a_h * d_a_h).T, x)
        d_loss__d_b_h = np.sum(d_loss__a_h * d_a_h, axis=0)
        return d_loss__dw_out, d_loss__db_out, d_loss__d_w_h, d_loss__d_b_h
def mse_loss(targets, probas, num_labels=4):
    onehot = np.zeros((targets.shape[0], num_labels))
    onehot[np.arange(len(targets)), targets] = 1
    return np.mean((onehot - probas) ** 2)
""",
    "list_of_dicts": """\
import numpy as np
class Neural:
    def __init__(self, input_nodes, hidden_layers, output_nodes):
        dims = [input_nodes] + list(hidden_layers) + [output_nodes]
        self.layers = [{'w': np.random.randn(b, a), 'b': np.zeros((b, 1))} for a, b in zip(dims, dims[1:])]
    def forwardpropagation(self, X):
        A = X; self.A = [X]
        for i, L in enumerate(self.layers):
            Z = L['w'] @ A + L['b']
            A = np.tanh(Z) if i < len(self.layers) - 1 else Z
            self.A.append(A)
        return A
    def computeLoss(self, Y, Y_hat):
        return np.sum((Y_hat - Y) ** 2) / (2 * Y.shape[1])
    def backpropagation(self, Y):
        m = Y.shape[1]
        dZ = (self.A[-1] - Y) / m
        for i in range(len(self.layers) - 1, -1, -1):
            L = self.layers[i]
            L['dw'] = dZ @ self.A[i].T
            L['db'] = dZ.sum(axis=1, keepdims=True)
            dZ = (L['w'].T @ dZ) * (1 - self.A[i] ** 2)
    def fit(self, X, Y, epochs=1000, learning_rate=0.01):
        for e in range(epochs):
            out = self.forwardpropagation(X); self.backpropagation(Y)
            for L in self.layers:
                L['w'] -= learning_rate * L['dw']; L['b'] -= learning_rate * L['db']
""",
    "lists_of_arrays": """\
import numpy as np
def sigmoid(x): return 1/(1+np.exp(-x))
def sigmoid_derivative(x): return sigmoid(x)*(1-sigmoid(x))
def forward(x, weights, biases):
    activations, zs = [x], []
    for w, b in zip(weights, biases):
        zs.append(np.dot(activations[-1], w) + b)
        activations.append(sigmoid(zs[-1]))
    return activations, zs
def compute_loss(y_true, y_pred):
    return np.mean(np.sum((y_true - y_pred) ** 2, axis=1)) / 2
def backward(activations, zs, y, weights):
    n = y.shape[0]
    delta = (activations[-1] - y) * sigmoid_derivative(zs[-1]) / n
    grads_w, grads_b = [], []
    for l in reversed(range(len(weights))):
        grads_w.insert(0, activations[l].T @ delta)
        grads_b.insert(0, delta.sum(axis=0))
        if l > 0: delta = delta @ weights[l].T * sigmoid_derivative(zs[l-1])
    return grads_w, grads_b
def initialize(layers):
    weights = [np.random.randn(a, b) for a, b in zip(layers[:-1], layers[1:])]
    biases = [np.zeros(b) for b in layers[1:]]
    return weights, biases
layers = [2, 5, 3]
weights, biases = initialize(layers)
""",
}
