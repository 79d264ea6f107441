"""Train a small network on make_moons by hand-written backpropagation and draw its boundary."""

from pathlib import Path

import numpy as np

import backlight as bl
from backlight.figures.boundary import Panel, boundary_figure
from backlight.figures.style import save_figure

data = bl.load_points("moons", 200, noise=0.2, seed=0)
classifier = bl.NetworkClassifier(hidden=(4, 3), activation="tanh", random_state=0)
classifier.fit(data.train.X, data.train.y)
accuracy = np.mean(classifier.predict(data.test.X) == data.test.y)
panel = Panel(classifier.predict_proba, data.train.X, data.train.y, f"held-out accuracy {accuracy:.3f}")
print(save_figure(boundary_figure([panel], columns=1), Path("boundary.png")), f"held-out accuracy {accuracy:.3f}")
