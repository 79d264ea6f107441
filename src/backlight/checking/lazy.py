"""Libraries that draw, load data or train by themselves: imported when the user's code first uses them, if ever."""

import ast
import importlib
from typing import Any

# Their import takes longer than most checks, and no hand-written backward pass needs them.
HEAVY = {"sklearn", "matplotlib", "pandas", "seaborn", "plotly", "torch", "torchvision", "tensorflow", "keras", "tqdm",
         "requests", "PIL", "cv2", "IPython", "h5py", "mlxtend", "imageio", "skimage", "datasets", "wandb"}  # fmt: skip


class Later:
    """Stands for a module, or for what would be imported from it."""

    def __init__(self, module: str, name: str | None = None) -> None:
        self._module, self._name = module, name

    def _found(self) -> Any:
        module = importlib.import_module(self._module)
        return module if self._name is None else getattr(module, self._name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._found(), name)

    def __call__(self, *positional: Any, **named: Any) -> Any:
        return self._found()(*positional, **named)


def postponed(statement: ast.stmt) -> dict[str, Later] | None:
    """What an import of a heavy library binds; None for any other statement."""
    if isinstance(statement, ast.Import):
        names = [(alias.name, alias.asname) for alias in statement.names]
        if all(name.split(".")[0] in HEAVY for name, _ in names):
            return {
                asname or name.split(".")[0]: Later(name if asname else name.split(".")[0]) for name, asname in names
            }
    if isinstance(statement, ast.ImportFrom) and statement.module and statement.module.split(".")[0] in HEAVY:
        module = statement.module
        if statement.level == 0 and all(alias.name != "*" for alias in statement.names):
            return {alias.asname or alias.name: Later(module, alias.name) for alias in statement.names}
    return None
