"""A small network whose gradients are right: what the documentation calls your own."""

import numpy as np


class Network:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(0, 1 / np.sqrt(n_in), (n_in, n_hidden)), np.zeros((1, n_hidden))
        self.W2, self.b2 = rng.normal(0, 1 / np.sqrt(n_hidden), (n_hidden, n_out)), np.zeros((1, n_out))

    def forward(self, X):
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        powers = np.exp(self.a1 @ self.W2 + self.b2)
        return powers / powers.sum(axis=1, keepdims=True)

    def loss(self, X, y):
        return -np.mean(np.log(self.forward(X)[np.arange(len(X)), y]))

    def backward(self, X, y):
        delta = self.forward(X)
        delta[np.arange(len(X)), y] -= 1
        delta /= len(X)
        dW2, db2 = self.a1.T @ delta, delta.sum(axis=0, keepdims=True)
        delta = (delta @ self.W2.T) * (1 - self.a1**2)
        return X.T @ delta, delta.sum(axis=0, keepdims=True), dW2, db2
