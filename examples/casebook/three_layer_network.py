"""A three-layer network on make_moons, written by hand; mistakes 2, 4, 5, 6 and 7 of the casebook are in it."""

import numpy as np
from sklearn.datasets import make_moons


class NeuralNetwork:
    def __init__(self, nn_input_dim, nn_hidden_dim, nn_output_dim, actFun_type="tanh", reg_lambda=0.01, seed=0):
        self.actFun_type = actFun_type
        self.reg_lambda = reg_lambda
        np.random.seed(seed)  # noqa: NPY002  # as it was written
        self.W1 = np.random.randn(nn_input_dim, nn_hidden_dim) / np.sqrt(nn_input_dim)  # noqa: NPY002  # as it was written
        self.b1 = np.zeros((1, nn_hidden_dim))
        self.W2 = np.random.randn(nn_hidden_dim, nn_output_dim) / np.sqrt(nn_hidden_dim)  # noqa: NPY002  # as it was written
        self.b2 = np.zeros((1, nn_output_dim))

    def actFun(self, z, type):
        if type == "tanh":
            return np.tanh(z)
        if type == "sigmoid":
            return 1 / (1 + np.exp(-z))
        return np.maximum(0, z)

    def diff_actFun(self, z, type):
        if type == "tanh":
            return 1 - np.tanh(z) ** 2
        if type == "sigmoid":
            s = 1 / (1 + np.exp(-z))
            return s * (1 - s)
        return (z > 0).astype(float)

    def feedforward(self, X, actFun):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = actFun(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        exp_scores = np.exp(self.z2 - self.z2.max(axis=1, keepdims=True))
        self.probs = exp_scores / exp_scores.sum(axis=1, keepdims=True)

    def calculate_loss(self, X, y):
        self.feedforward(X, lambda z: self.actFun(z, self.actFun_type))
        data_loss = -np.sum(np.log(self.probs[range(len(X)), y] + 1e-9))  # mistake 7
        data_loss += self.reg_lambda / 2 * (np.sum(self.W1**2) + np.sum(self.W2**2))
        return data_loss / len(X)

    def predict(self, X):
        self.feedforward(X, lambda z: self.actFun(z, self.actFun_type))
        return np.argmax(self.probs, axis=1)

    def backprop(self, X, y):
        delta3 = self.probs.copy()
        delta3[range(len(X)), y] -= 1  # mistake 2: no division by the number of samples
        dW2 = self.a1.T @ delta3
        db2 = np.sum(delta3, axis=0, keepdims=True)
        delta2 = (delta3 @ self.W2.T) * self.diff_actFun(self.a1, self.actFun_type)  # mistake 6: a1, not z1
        dW1 = X.T @ delta2
        db1 = np.sum(delta2, axis=0, keepdims=True)
        return dW1, dW2, db1, db2

    def fit_model(self, X, y, epsilon=0.01, num_passes=20000, print_loss=True):
        for i in range(num_passes):
            self.feedforward(X, lambda z: self.actFun(z, self.actFun_type))
            dW1, dW2, db1, db2 = self.backprop(X, y)
            dW2 += self.reg_lambda * self.W2  # mistake 4: beside a sum, in the loss beside a mean
            dW1 += self.reg_lambda * self.W1
            self.W1 -= epsilon * dW1
            self.b1 -= epsilon * db1
            self.W2 -= epsilon * dW2
            self.b2 -= epsilon * db2
            if print_loss and i % 1000 == 0:
                print(f"loss after iteration {i}: {self.calculate_loss(X, y):f}")
        print(f"final loss: {self.calculate_loss(X, -y):f}")  # mistake 5: another class, if there are three or more


def main():
    X, y = make_moons(200, noise=0.20, random_state=0)
    model = NeuralNetwork(2, 3, 2, actFun_type="tanh")
    model.fit_model(X, y)
    print(f"accuracy: {np.mean(model.predict(X) == y):.3f}")


if __name__ == "__main__":
    main()
