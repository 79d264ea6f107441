"""The command that lets a shell complete the others."""

from typing import Annotated, Literal

from cyclopts import Parameter

from backlight.cli.output import print_lines


def completion(
    shell: Literal["bash", "zsh", "fish"],
    /,
    *,
    install: Annotated[
        bool, Parameter(negative=(), help="Put it where the shell looks, with a line in its startup file.")
    ] = False,
) -> None:
    """Tab completion: prints what a shell needs to complete commands, flags and their values.

    Examples:
        backlight completion bash --install
        backlight completion fish > ~/.config/fish/completions/backlight.fish
    """
    from backlight.cli.app import app  # which holds this command too

    if install:
        print_lines(f"{app.install_completion(shell=shell)}; a new {shell} has it")
    else:
        print_lines(app.generate_completion(shell=shell))
