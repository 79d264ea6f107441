"""Backlight trains neural networks and shows what happens inside them.

Public names load when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from backlight.errors import missing_extra

if TYPE_CHECKING:
    from backlight.checking.assertion import assert_gradients_correct as assert_gradients_correct
    from backlight.data.digits import load_digits as load_digits
    from backlight.data.digits import load_mnist as load_mnist
    from backlight.data.points import load_csv as load_csv
    from backlight.data.points import load_points as load_points
    from backlight.diagnosis.ask import diagnose as diagnose
    from backlight.diagnosis.live import LiveRules as LiveRules
    from backlight.diagnosis.treatment import treat as treat
    from backlight.engine.outcome import Outcome as Outcome
    from backlight.engine.population import Population as Population
    from backlight.engine.train import train_population as train_population
    from backlight.networks.conv_network import ConvNetwork as ConvNetwork
    from backlight.networks.deep_network import DeepNeuralNetwork as DeepNeuralNetwork
    from backlight.recording.run import Run as Run
    from backlight.recording.series import SummarySeries as SummarySeries
    from backlight.recording.summarise import summarise as summarise
    from backlight.recording.tensor_summary import TensorSummary as TensorSummary
    from backlight.recording.tensor_summary import merge as merge
    from backlight.reports.check_result import check as check
    from backlight.reports.html.report import report as report
    from backlight.training.classifier import NetworkClassifier as NetworkClassifier
    from backlight.training.run_study import study as study
    from backlight.training.settings import CNNSettings as CNNSettings
    from backlight.training.settings import MLPSettings as MLPSettings
    from backlight.training.settings import StudySettings as StudySettings
    from backlight.training.study import Study as Study
    from backlight.training.train_cnn import train_cnn as train_cnn
    from backlight.training.train_mlp import train_mlp as train_mlp
    from backlight.watching.watch import Watch as Watch
    from backlight.watching.watch import watch as watch

__version__ = version("backlight")

_HOMES = {
    "load_digits": "backlight.data.digits",
    "load_mnist": "backlight.data.digits",
    "load_csv": "backlight.data.points",
    "load_points": "backlight.data.points",
    "ConvNetwork": "backlight.networks.conv_network",
    "DeepNeuralNetwork": "backlight.networks.deep_network",
    "Run": "backlight.recording.run",
    "TensorSummary": "backlight.recording.tensor_summary",
    "SummarySeries": "backlight.recording.series",
    "merge": "backlight.recording.tensor_summary",
    "summarise": "backlight.recording.summarise",
    "NetworkClassifier": "backlight.training.classifier",
    "CNNSettings": "backlight.training.settings",
    "MLPSettings": "backlight.training.settings",
    "Population": "backlight.engine.population",
    "Outcome": "backlight.engine.outcome",
    "train_population": "backlight.engine.train",
    "Study": "backlight.training.study",
    "study": "backlight.training.run_study",
    "StudySettings": "backlight.training.settings",
    "train_cnn": "backlight.training.train_cnn",
    "train_mlp": "backlight.training.train_mlp",
    "Watch": "backlight.watching.watch",
    "watch": "backlight.watching.watch",
    "check": "backlight.reports.check_result",
    "report": "backlight.reports.html.report",
    "treat": "backlight.diagnosis.treatment",
    "LiveRules": "backlight.diagnosis.live",
    "assert_gradients_correct": "backlight.checking.assertion",
    "diagnose": "backlight.diagnosis.ask",
}
__all__ = ["__version__", *_HOMES]


if not TYPE_CHECKING:  # a type checker sees the imports above, and no name beside them

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'backlight' has no attribute {name!r}")
        try:
            home = import_module(_HOMES[name])
        except ModuleNotFoundError as error:
            raise missing_extra(f"backlight.{name}", error) from None
        return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
