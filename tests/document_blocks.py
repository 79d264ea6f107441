"""Runs a page of the documentation as a reader would: from top to bottom, in one folder.

- A `python` block is run, all of a page in one namespace; one whose first line is `# name.py` is saved under that name.
- A `diff` block headed `--- name.py` changes that file.
- In a `console` block the lines `$ backlight …` are run; other commands, such as pip, are not.
- A `text` block is what the block before it prints: … stands for anything, numbers may differ a little.

Other blocks are not run. `<!-- not run: why -->` before a block keeps it from being run, too.
"""

import io
import math
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backlight.cli import main

BLOCK = re.compile(r"^(<!-- not run: .+ -->\n)?```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]\d+)?")
RELATIVE, ABSOLUTE = 0.1, 0.05  # on another processor a network in a hundred ends elsewhere


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of the blocks of a page that are run or compared."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    run = [(language, text) for kept_out, language, text in found if not kept_out and language in HOW]
    return [(language, text) for language, text in run if language != "diff" or text.startswith("--- ")]


@dataclass
class Reader:
    """Who follows a page, in the working directory."""

    page: Path
    namespace: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    printed: str = ""

    def follow(self) -> None:
        for language, text in blocks(self.page):
            HOW[language](self, text)

    def python(self, text: str) -> None:
        name = re.match(r"# (\w+\.py)\n", text)
        if name:
            Path(name[1]).write_text(text.removeprefix(name[0]), encoding="utf-8")
            sys.modules.pop(name[1].removesuffix(".py"), None)
        with redirect_stdout(io.StringIO()) as out:
            exec(compile(text, self.page.name, "exec"), self.namespace)
        self.printed = out.getvalue()

    def console(self, text: str) -> None:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as errors:
            for command in re.findall(r"^\$ backlight (.*?)(?:  #.*)?$", text, re.MULTILINE):
                with suppress(SystemExit):  # a verdict, or an error, which prints what is not expected
                    main(shlex.split(command))
        assert not re.search("^backlight: ", errors.getvalue(), re.MULTILINE), errors.getvalue()
        self.printed = out.getvalue()

    def diff(self, text: str) -> None:
        head, *lines = text.splitlines(keepends=True)
        file = Path(head.removeprefix("--- ").strip())
        before, after = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
        source = file.read_text(encoding="utf-8")
        assert source.count(before) == 1, f"{self.page.name}: {before!r} stands {source.count(before)} times in {file}"
        file.write_text(source.replace(before, after), encoding="utf-8")

    def compare(self, text: str) -> None:
        assert says(self.printed, text), f"{self.page.name} promises\n{text}\nand this is printed:\n{self.printed}"


HOW = {"python": Reader.python, "console": Reader.console, "diff": Reader.diff, "text": Reader.compare}


def says(printed: str, promised: str) -> bool:
    """Whether it is what was promised, but for what … stands for, white space, and the last digits of numbers.

    >>> says("loss 0.5012, 3 steps", "loss 0.50, … steps"), says("loss 0.7", "loss 0.5"), says("no", "loss 0.5")
    (True, False, False)
    """
    words = re.escape(" ".join(NUMBER.sub("\0", promised).split())).replace("…", ".*?")
    pattern = words.replace(re.escape("\0"), f"({NUMBER.pattern})")
    found = re.fullmatch(pattern, " ".join(printed.split()), re.DOTALL)
    pairs = zip(found.groups(), NUMBER.findall(promised), strict=True) if found else []
    close = [math.isclose(float(a), float(b), rel_tol=RELATIVE, abs_tol=ABSOLUTE) for a, b in pairs]
    return found is not None and all(close)
