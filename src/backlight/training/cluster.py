"""The same blocks of networks on other machines, through joblib's backends for Dask and Ray."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.parallel import get_active_backend

from backlight.engine.outcome import Outcome
from backlight.errors import MissingExtraError, SettingsError, missing_extra
from backlight.training.blocks import Block
from backlight.training.progress import NetworkProgress


def train_on_cluster(blocks: Sequence[Block], done: int, progress: NetworkProgress) -> None:
    """Trains the blocks on the workers of the `cluster_backend` around; each is written here when it comes back.

    A block lost with its worker is trained again by another one. A network's numbers do not depend on where it was
    trained, as long as the machines compute alike (same kind of processor, same versions).
    """
    for number, outcome in results(blocks):
        blocks[number].save(outcome)
        done += blocks[number].count
        progress.update(done)


def results(blocks: Sequence[Block]) -> Iterator[tuple[int, Outcome]]:
    """(number, outcome) of each block: as they come in where the backend can tell, else a wave of them at a time."""
    tasks = [delayed(train_block)(number, block) for number, block in enumerate(blocks)]
    if get_active_backend()[0].supports_return_generator:
        yield from Parallel(n_jobs=-1, return_as="generator_unordered", pre_dispatch="all", batch_size=1)(tasks)
    else:
        size = effective_n_jobs(-1)
        for start in range(0, len(tasks), size):
            yield from Parallel(n_jobs=-1, batch_size=1)(tasks[start : start + size])


def train_block(number: int, block: Block) -> tuple[int, Outcome]:
    """One thread: a worker runs as many blocks at a time as it has threads."""
    return number, block.condition.train(block.seeds, threads=1)


def check_address(address: str) -> tuple[str, str]:
    """("dask" or "ray", host:port).

    Raises:
        SettingsError: if the address is of neither form.
    """
    kind, _, place = address.partition("://")
    if kind not in ("dask", "ray") or not place:
        raise SettingsError(f"a cluster's address looks like dask://host:8786 or ray://host:10001, not {address!r}")
    return kind, place


@contextmanager
def cluster_backend(address: str) -> Iterator[Any]:
    """Connected to the cluster at dask://host:port or ray://host:port.

    Raises:
        SettingsError: for an address that is none, or where no scheduler answers.
        MissingExtraError: if the client's package is not installed.
    """
    kind, place = check_address(address)
    if kind == "dask":
        with dask_client(f"tcp://{place}"), parallel_config(backend="dask"):
            yield
    else:
        start_ray(f"ray://{place}")
        with parallel_config(backend="ray"):
            yield


@contextmanager
def dask_client(place: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise missing_extra("a Dask cluster", error) from None
    try:
        client = Client(place, timeout="10s")
    except (OSError, ValueError) as error:
        raise SettingsError(f"no Dask scheduler answers at {place}: {error}") from None
    with client:
        yield client


def start_ray(place: str) -> None:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ModuleNotFoundError:
        raise MissingExtraError("a Ray cluster needs ray: pip install ray") from None
    if not ray.is_initialized():
        try:
            ray.init(place)
        except ConnectionError as error:
            raise SettingsError(f"no Ray cluster answers at {place}: {error}") from None
    register_ray()
