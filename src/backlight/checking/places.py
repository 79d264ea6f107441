"""Where a mistake probably stands, when no edit mends it: executed lines weighed by what such a mistake is made of."""

import re
from collections.abc import Callable, Sequence

from backlight.checking.edits import Site
from backlight.checking.influence import Influence
from backlight.checking.verdict import Finding

# What the line of a mistake is likely to contain, by the beginning of the mistake's name.
CLUES = {
    "penalty": r"reg|lam|lmb|l2|decay",
    "loss-penalty": r"reg|lam|lmb|l2|decay|\*\*\s*2|square|norm",
    "loss": r"log|\*\*\s*2|square|power",
    "labels": r"-=\s*1|-\s*(y|t|Y|T)\b|one_?hot|\[.*y\]",
    "one-from-all": r"-\s*=?\s*1",
    "output": r"-\s*(y|t|Y|T|labels?|targets?)\w*\b|delta|-=\s*1",
    "softmax": r"softmax|-\s*(y|t|Y|T|labels?|targets?)\w*\b|delta|-=\s*1|diag|[Jj]ac",
    "softmax-axis": r"softmax|exp|sum\(.*axis|axis=",
    "slope": r"prime|deriv|diff|\bd_?f|1(\.0?)?\s*-|>\s*0|\*\s*\(|grad",
    "activation": r"prime|deriv|diff|\bd_?f|1(\.0?)?\s*-|>\s*0|grad",
    "relu": r"[<>]=?\s*0|relu|where|maximum|clip",
    "summed": r"/=?|mean|sum|-=\s*1",
    "averaged": r"/=?|mean",
    "bias": r"db|nabla_b|bias|delta_b|grad_b|d_b|b\d?\W*=",
    "init": r"rand|zeros|ones|seed|normal|uniform|full",
    "weights": r"\.T|dot|@",
}

# Mistakes in what a function is given, and not in the function.
OF_ARGUMENTS = ("slope-at", "slope-of-neighbour", "penalty", "loss")
LOSS = r"return|(\w+\.)?\w*(loss|cost|J|err|nll|data)\w*\b\s*[-+*/]?="


def likelihood(finding: Finding) -> Callable[[Site], float]:
    """How much a statement looks like the place of such a mistake; 0 for not at all."""
    fitting = [start for start in CLUES if finding.name.startswith(start)]
    clue = re.compile(CLUES[max(fitting, key=len)]) if fitting else None
    argument = finding.name.startswith(OF_ARGUMENTS)
    in_tensor = bool(finding.evidence) and re.match(r"d[Wb]\d", finding.evidence[0]) is not None

    def score(site: Site) -> float:
        line = site.text(site.statement).split("\n")[0]
        gradient = (4.0 if in_tensor else 1.0) * assigns_gradient(line, finding.tensor)
        initial = 2.0 * (finding.kind == "initialisation" and assigns(line, finding.tensor))
        loss = 1.0 * (finding.kind == "loss" and re.match(LOSS, line) is not None)
        inside = 2.5 * bool(clue and not argument and clue.search(site.function.name))
        return gradient + initial + loss + inside + 2.0 * bool(clue and clue.search(line))

    return score


def likely_line(finding: Finding, found: Sequence[Site], bears: Influence) -> tuple[str, int] | None:
    """The statement with the most signs of such a mistake; None where none has any.

    One that only wrong gradients depend on is a sign by itself: that computes what is wrong. Of equals the one that
    ran last is nearest to them: not the loop that calls the layers, but the layer.
    """
    score = likelihood(finding)
    able = [site for site in found if bears.covers(site) and (bears.wrong or score(site) > 0)]
    able = able or [site for site in found if score(site) > 0]  # nothing computes a gradient that is missing
    if not able:
        return None
    best = min(reversed(able), key=lambda site: (bears.excess(site), -score(site)))
    return best.file, best.statement.lineno


def assigns(line: str, tensor: str | None) -> bool:
    """Whether a line sets the parameter itself: self.W1 = …, params['W' + str(l)] = …, self.weights = […]"""
    words = re.findall(r"[A-Za-z_]+", tensor or "")
    return bool(words) and "=" in line and words[-1] in line.split("=")[0]


def assigns_gradient(line: str, tensor: str | None) -> bool:
    """Whether a line sets the gradient of a parameter: dW1 = …, grads['W1'] = …, self.dW = …"""
    if tensor is None or "=" not in line:
        return False
    words = re.findall(r"[A-Za-z_]+\d*", tensor)
    last = words[-1] if words else tensor
    left = re.split(r"[-+*/]?=(?!=)", line)[0]
    pattern = rf"(d|grad\w*|nabla|delta)\W*_?\w*{re.escape(last)}\b|\b{re.escape(last)}_?grad"
    return re.search(pattern, left, re.IGNORECASE) is not None
