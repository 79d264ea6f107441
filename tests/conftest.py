import numpy as np
import pytest
from hypothesis import settings

# The first call of a kernel loads or compiles it: no example has a deadline, the whole test has pytest's.
settings.register_profile("backlight", deadline=None)
settings.load_profile("backlight")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
