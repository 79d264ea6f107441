"""What can still be said of a network that is no stack of the textbook's: which way its outputs add up to one."""

import numpy as np

from backlight.checking.readings import POINTS
from backlight.checking.subject import Subject, generic_values

ROUNDING = 1e-9


def over_samples(subject: Subject) -> bool:
    """Whether, at each point, every class's outputs add up to one over the samples, and no sample's over the classes.

    That is what a softmax along the wrong axis gives. Of N times K positive numbers, K sums over the batch would not
    be one by chance.
    """
    for seed in POINTS:
        subject.assign(generic_values(subject, seed))
        outputs = subject.outputs()
        if outputs is None or min(outputs.shape) < 2 or not (outputs > 0).all():
            return False
        if not np.allclose(outputs.sum(axis=0), 1.0, rtol=ROUNDING, atol=0.0):
            return False
        if np.isclose(outputs.sum(axis=1), 1.0, rtol=ROUNDING, atol=0.0).any():
            return False
    return True
