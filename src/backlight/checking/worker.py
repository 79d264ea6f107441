"""Inside the subprocess: reads a request, judges, writes the verdict. Nothing the user's code prints gets out."""

import os
import sys
from pathlib import Path

import msgspec

from backlight.checking.source import CannotCheckError, read
from backlight.checking.verdict import Verdict

REQUEST, ANSWER = "request.json", "verdict.json"


class Request(msgspec.Struct):
    """What the parent asks for.

    Attributes:
        path: the checked file, in the copy of its folder.
        target: a class or function of it; None to look for one.
        adapter: a file that hands over the network; None to look for it.
        memory: bytes of address space that may be used.
    """

    path: str
    target: str | None
    adapter: str | None
    memory: int


def main(folder: Path) -> None:
    request = msgspec.json.decode((folder / REQUEST).read_bytes(), type=Request)
    limit(request.memory)
    path = Path(request.path)
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    try:
        verdict = answer(request, path)
    except CannotCheckError as error:
        verdict = Verdict(path.name, "unchecked", error.reason, error.line)
    except MemoryError:
        verdict = Verdict(path.name, "unchecked", f"{path.name} needs more memory than {request.memory >> 20} MiB")
    (folder / ANSWER).write_bytes(msgspec.json.encode(verdict))


def answer(request: Request, path: Path) -> Verdict:
    from backlight.checking.adapter import judge_adapter
    from backlight.checking.judge import judge

    if request.adapter is not None:
        return judge_adapter(read(path), Path(request.adapter))
    return judge(read(path), request.target)


def limit(memory: int) -> None:
    """No more address space than this; without effect where the system has no such limit."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
