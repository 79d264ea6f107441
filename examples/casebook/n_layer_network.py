"""An n-layer network on make_moons, written by hand; mistakes 1, 2, 3, 4 and 7 of the casebook are in it."""

import numpy as np
from sklearn.datasets import make_moons


def act(z, kind):
    if kind == "tanh":
        return np.tanh(z)
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-z))
    return np.maximum(0, z)


def diff_act(z, kind):
    if kind == "tanh":
        return 1 - np.tanh(z) ** 2
    if kind == "sigmoid":
        s = 1 / (1 + np.exp(-z))
        return s * (1 - s)
    return (z > 0).astype(float)


class Layer:
    def __init__(self, input_dim, output_dim, kind, is_output, seed=0):
        rng = np.random.RandomState(seed)
        self.W = rng.randn(input_dim, output_dim) / np.sqrt(input_dim)
        self.b = np.zeros((1, output_dim))
        self.kind = kind
        self.is_output = is_output

    def feedforward(self, x):
        self.x = x
        self.z = x @ self.W + self.b
        self.a = self.z if self.is_output else act(self.z, self.kind)
        return self.a

    def backprop(self, da):
        dz = da * diff_act(self.z, self.kind)  # mistake 1: for the output layer too, whose a is z
        self.dW = self.x.T @ dz
        self.db = np.sum(dz, axis=0, keepdims=True)
        return dz @ self.W.T


class DeepNeuralNetwork:
    def __init__(self, layer_sizes, kind="tanh", reg_lambda=0.01, seed=0):
        self.reg_lambda = reg_lambda
        last = len(layer_sizes) - 2
        self.layers = [
            Layer(layer_sizes[i], layer_sizes[i + 1], kind, is_output=i == last, seed=seed) for i in range(last + 1)
        ]

    def feedforward(self, X):
        for layer in self.layers:
            X = layer.feedforward(X)
        exp_scores = np.exp(X - X.max(axis=1, keepdims=True))
        self.probs = exp_scores / exp_scores.sum(axis=1, keepdims=True)
        return self.probs

    def calculate_loss(self, X, y):
        self.feedforward(X)
        data_loss = -np.sum(np.log(self.probs[range(len(X)), y] + 1e-9))  # mistake 7
        data_loss += self.reg_lambda / 2 * sum(np.sum(layer.W**2) for layer in self.layers)
        return data_loss / len(X)

    def predict(self, X):
        return np.argmax(self.feedforward(X), axis=1)

    def backprop(self, X, y):
        delta = self.probs.copy()
        delta[range(len(X)), y] -= 1  # mistake 2: no division by the number of samples
        for layer in reversed(self.layers):
            delta = layer.backprop(delta)
            layer.dW += self.reg_lambda * layer.W  # mistake 4: beside a sum, in the loss beside a mean

    def fit_model(self, X, y, epsilon=0.01, num_passes=20000, print_loss=True):
        for i in range(num_passes):
            self.feedforward(X)
            self.backprop(X, y)
            for layer in self.layers:
                layer.W -= epsilon * layer.dW
                layer.b -= epsilon * layer.db
            if print_loss and i % 1000 == 0:
                print(f"loss after iteration {i}: {self.calculate_loss(X, y):f}")


def main():
    X, y = make_moons(200, noise=0.20, random_state=0)
    for layer_sizes in ([2, 3, 2], [2, 6, 2], [2, 4, 3, 2], [2, 4, 3, 2, 2]):
        model = DeepNeuralNetwork(layer_sizes, kind="relu")
        model.fit_model(X, y, num_passes=3000, print_loss=False)
        print(f"{layer_sizes}: loss {model.calculate_loss(X, y):.4f}, accuracy {np.mean(model.predict(X) == y):.3f}")


if __name__ == "__main__":
    main()
