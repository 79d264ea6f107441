from backlight.errors import missing_extra

try:
    import torch as torch
except ModuleNotFoundError as error:
    raise missing_extra("watching a model", error) from None
