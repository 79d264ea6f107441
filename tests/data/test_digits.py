import gzip
import hashlib
import http.server
import re
import threading

import numpy as np
import pytest

from backlight.data import digits
from backlight.data.digits import MNIST_FILES, load_digits, load_images, load_mnist, normalised
from backlight.errors import DataError
from tests.data.test_idx import idx_bytes

COUNTS = {"train": 5040, "t10k": 30}


def small_mnist(rng):
    """Four files of the right form with few images: names → unpacked content."""
    files = {}
    for prefix, count in COUNTS.items():
        files[f"{prefix}-images-idx3-ubyte"] = idx_bytes(rng.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        files[f"{prefix}-labels-idx1-ubyte"] = idx_bytes((np.arange(count) % 10).astype(np.uint8))
    return files


@pytest.fixture
def folder(tmp_path, rng):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in small_mnist(rng).items():
        (raw / f"{name}.gz").write_bytes(gzip.compress(content, 1))
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def no_outside(monkeypatch, tmp_path):
    """No test may find the reader's own MNIST."""
    monkeypatch.delenv("BACKLIGHT_DATA", raising=False)
    monkeypatch.setattr(digits, "cache_folder", lambda: tmp_path / "cache")


def test_the_digits_that_come_along():
    data = load_digits()
    assert [len(part) for part in (data.train, data.validation, data.test)] == [4000, 500, 500]
    for part in (data.train, data.validation, data.test):
        assert len(np.unique(np.bincount(part.y))) == 1  # as many of each class
        assert part.X.shape[1:] == (28, 28)
    everything = np.concatenate([part.X.reshape(-1, 784) for part in (data.train, data.validation, data.test)])
    assert abs(everything.mean() / 255 - 0.1307) < 0.005


def test_split_of_mnist(folder):
    data = load_mnist(folder)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [40, 5000, 30]
    assert sorted(np.bincount(data.validation.y)) == [500] * 10


@pytest.mark.parametrize("below", ["MNIST/raw", "MNIST", "."])
def test_folder_layouts(folder, below):
    assert len(load_mnist(folder / below).test) == 30


def test_unzipped_files_and_the_environment_variable(folder, monkeypatch):
    for path in (folder / "MNIST" / "raw").glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    monkeypatch.setenv("BACKLIGHT_DATA", str(folder))
    assert len(load_images("mnist").test) == 30


def replace(folder, name, content):
    (folder / "MNIST" / "raw" / f"{name}.gz").write_bytes(gzip.compress(content, 1))


def test_counts_that_differ(folder):
    replace(folder, "t10k-labels-idx1-ubyte", idx_bytes(np.zeros(29, np.uint8)))
    with pytest.raises(DataError, match=r"t10k-images.*30 images, but .*t10k-labels.* has 29 labels"):
        load_mnist(folder)


def test_label_outside(folder):
    labels = (np.arange(30) % 10).astype(np.uint8)
    labels[7] = 10
    replace(folder, "t10k-labels-idx1-ubyte", idx_bytes(labels))
    with pytest.raises(DataError, match=r"t10k-labels.*label 10 at byte 15 is outside 0..9"):
        load_mnist(folder)


def test_wrong_image_size(folder):
    replace(folder, "t10k-images-idx3-ubyte", idx_bytes(np.zeros((30, 27, 28), np.uint8)))
    with pytest.raises(DataError, match="27×28"):
        load_mnist(folder)


def test_a_named_folder_without_the_files(tmp_path):
    with pytest.raises(DataError, match=f"{re.escape(str(tmp_path))}: no MNIST there.*train-images"):
        load_mnist(tmp_path)


def test_an_environment_variable_that_leads_nowhere_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKLIGHT_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match="elsewhere: no MNIST there"):
        load_mnist()


def test_offline_and_absent_names_three_ways_out():
    with pytest.raises(DataError, match=r"--data digits .*--data-dir .*a network"):
        load_mnist(mirrors=["http://127.0.0.1:9"])  # the discard port: refused at once


@pytest.fixture
def mirror(tmp_path):
    """A loopback mirror that serves tmp_path/mirror."""
    (tmp_path / "mirror").mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path / "mirror")

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", tmp_path / "mirror"
        server.shutdown()
        thread.join()


def test_download_checks_and_fills_the_cache(mirror, rng, monkeypatch):
    url, served = mirror
    files = small_mnist(rng)
    monkeypatch.setattr(
        digits, "MNIST_FILES", {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    )
    for name, content in files.items():
        (served / f"{name}.gz").write_bytes(gzip.compress(content, 1))
    data = load_mnist(mirrors=["http://127.0.0.1:9", url])  # the first mirror is down
    assert len(data.test) == 30
    for path in served.iterdir():
        path.unlink()
    assert len(load_mnist(mirrors=[url]).test) == 30  # from the cache


def test_a_wrong_or_short_download_leaves_nothing(mirror, rng):
    url, served = mirror
    for name, content in small_mnist(rng).items():
        (served / f"{name}.gz").write_bytes(gzip.compress(content, 1))
    with pytest.raises(DataError, match="wrong MD5"):  # the right form, but not MNIST
        load_mnist(mirrors=[url])
    (served / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b short")
    with pytest.raises(DataError, match="gzip stream"):
        load_mnist(mirrors=[url])
    assert not list((digits.cache_folder() / "MNIST" / "raw").iterdir())


def test_the_real_checksums_are_kept():
    assert MNIST_FILES["t10k-labels-idx1-ubyte"] == "27ae3e4e09519cfbb04c329615203637"


def test_normalised_pixels():
    np.testing.assert_allclose(
        normalised(np.array([0, 255], np.uint8)), [-0.1307 / 0.3081, (1 - 0.1307) / 0.3081], 1e-6
    )
