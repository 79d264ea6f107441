"""What a name in somebody's code stands for: input, labels, a layer's size, the penalty's strength, …"""

import re
import unicodedata
from typing import Any

# Order matters where a name could be two things: the first role that fits is taken.
ROLES: dict[str, str] = {
    "activation": r"act(iv(ation)?)?[_a-z]*(fun|fn|type|kind|name|ation|s)|act|.*activation(?!s?_?(cache|out)).*|"
    r"non_?lin\w*|actfun\w*|hidden_act\w*|g|kind|transfer\w*",
    "derivative": r"(act_?)?(diff|deriv|prime|grad)_?(fun|fn|act\w*)?",
    "weights_init": r".*init\w*|scheme|method",
    "seed": r".*seed.*|seme|semilla|semente|graine|random_state|rng|rs|generator|key|zufall\w*|"
    r"caso|azar|hasard|rastgele|aleatori[oa]",
    "rate": r"lr|l_?rate|learn\w*|eta|alpha|epsilon|step_?size|rate|lrate|lern_?rate|taux\w*|taxa\w*|tasa\w*|tasso\w*",
    "penalty": r"reg\w*|lamb?|lamb?da?_?\w*|lmb\w*|l2\w*|.*decay.*|wd|weight_?penalty|beta|lambda\w*|.*_lambda|"
    r".*_reg|c_?l2",
    "size_list": r"(layers?|layer|net(work)?|hidden|units|n)_?(dims?|sizes?|units|nodes|structure|widths?|"
    r"shapes?)(_list)?|"
    r"sizes|layers|dims|architecture|arch|structure|topolog\w+|dimension\w*|nn_?(arch\w*|structure)|shape|widths|"
    r"units|hidden_layers?|"
    r"hiddens|neurons|num_nodes|layout|hidden_layer_sizes|n_units|config|"
    r"strati|capas|couches|schichten|camadas|katman\w*|sloi|tailles|tamanhos|groessen|boyut\w*|neuron(as|i|en|es)",
    "many": r"(n_?|num_?)?(iterations?|iters?|epochs?|epoc\w*|epoques?|epochen|passes|steps)|"
    r"num_(it\w*|passes)|max_iter|n_iter",
    "batch": r"batch_?size|bs|minibatch_?size|mini_batch_size",
    "samples": r"m|n_?samples|num_?(samples|examples|points)|examples|n_train|N",
    "quiet": r"(is_)?train(ing)?(_?mode)?|verbose|print\w*|debug|plot\w*|show\w*|display|log\w*",
    "input": r"x\w?|xs|x_.*|.*_x|inputs?\w*|.*input|data\w*|features?|a_?0|a_?prev\w*|samples?|images?|signal|"
    r".*batch_?x|in_|obs\w*|eingabe\w*|entradas?|entrees?|ingress[oi]|giris\w*|girdi\w*|datos|dados|donnees",
    "labels": r"y|ys|y_?s?|yy|t|ts|d|y_?(true|train|batch|real|one_?hot|oh|hot|enc\w*|mb|label\w*|target\w*|i|"
    r"b|t|gt|actual|orig|act)|"
    r"labels?|targets?|truth|ground_?truth|gt|expected\w*|desired\w*|one_?hot\w*|true\w*|actual\w*|"
    r".*labels?|.*targets?|.*_y|"
    r"answers?|.*_true|.*truth|tags|klassen?|clases|classi|siniflar|t_.*|des|ziele?|soll\w*|etiqu\w*|etichett\w*|etiket\w*|objetivos?|cibles?|alvos?|"
    r"esperad\w*|desead\w*|desejad\w*|attes\w*|attend\w*|hedef\w*|rotulos?|bersagli\w*|wahrheit",
    "outputs": r"y_?(hat|h|p|pred\w*|prob\w*|out\w*)|a_?l|al|pred\w*|p|ps|prob\w*|outputs?\w*|out|o|score\w*|"
    r"logits?|hypothesis|h|"
    r"a\d|a_?out\w*|final\w*|.*_pred|.*_probs|.*_hat|.*output|yp|hat|result|activations?|s|a|q|"
    r"ausgaben?|saidas?|salidas?|sorties?|uscit[ae]|cikti\w*|cikis\w*|predic\w*|previs\w*|vorhersagen?",
    "cache": r"caches?|memory|stored?|forward_?\w*|cache\w*|intermediate\w*|values|state|ctx|context|tape|"
    r".*_cache|outs|acts",
    "parameters": r"param\w*|weights|theta\w*|model|net|network|nn|wb|layers|pesi|pesos|poids|gewichte|"
    r"netz\w*|rete|rede|red|reseau|ag",
    "gradients": r"_?grads?\w*|gradients?|d_?params?",
    "pairs": r"training_data|train_data|mini_?batch|batch|pairs|data_?set",
    "mean": r"size_average|average|reduction|normali[sz]e",
}
COMPILED = {role: re.compile(pattern, re.IGNORECASE) for role, pattern in ROLES.items()}

INPUT_TOKENS = {
    "in",
    "idim",
    *("entrada", "entradas", "entree", "eingabe", "ein", "ingresso", "giris", "wejscie", "vhod"),
    "input",
    "inputs",
    "inp",
    "feature",
    "features",
    "x",
    "din",
    "nx",
    "visible",
    "i",
    "ni",
    "d",
    "from",
    "prev",
    "fan",
}
HIDDEN_TOKENS = {
    "hidden",
    "hdim",
    *("oculta", "ocultas", "oculto", "escondida", "cachee", "verdeckt", "versteckt", "nascosto", "gizli", "ukryta"),
    "hid",
    "h",
    "nh",
    "middle",
    "units",
    "neurons",
    "hiddens",
    "width",
    "mid",
    "dh",
    "inner",
}
OUTPUT_TOKENS = {
    "out",
    "odim",
    *("salida", "salidas", "saida", "sortie", "ausgabe", "aus", "uscita", "cikis", "wyjscie", "vyhod"),
    "output",
    "outputs",
    "class",
    "classes",
    "k",
    "c",
    "o",
    "no",
    "ny",
    "y",
    *("lab", "lbl", "cls"),
    "labels",
    "targets",
    "dout",
    "to",
    "n",
}
DEPTH_TOKENS = {"num", "depth", "count", "l"}


def roles_of(name: str) -> tuple[str, ...]:
    """Every role that a name may have, most likely first.

    >>> roles_of("y_hat")[0], roles_of("X_train")[0], roles_of("reg_lambda")[0]
    ('outputs', 'input', 'penalty')
    """
    return tuple(role for role, pattern in COMPILED.items() if pattern.fullmatch(unaccented(name).strip("_")))


def is_activation(value: Any) -> bool:
    """Whether this is an activation function's name, which is what gives a parameter of any name away."""
    known = r"tanh|(hard_?)?sigmoide?|logistic|(leaky_?|p|l)?relu|selu|elu|gelu|silu|swish|softplus|softsign"
    return isinstance(value, str) and re.fullmatch(known, value, re.IGNORECASE) is not None


def unaccented(name: str) -> str:
    """`coût` as `cout`: letters without their marks."""
    if name.isascii():
        return name
    return "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))


def tokens(name: str) -> list[str]:
    """Words of a name: underscores, capitals and digits part them.

    >>> tokens("nn_hiddenDim2")
    ['nn', 'hidden', 'dim', '2']
    """
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", unaccented(name))]


def size_role(name: str) -> str | None:
    """ "input", "hidden", "output" or "depth" for a single size such as `n_h`, `inputSize`, `hidden_dim2`."""
    words = [next((w for w in ("input", "hidden", "output") if word.startswith(w)), word) for word in tokens(name)]
    counts = set(words) & (DEPTH_TOKENS | {"n"}) and not set(words) & (HIDDEN_TOKENS - {"h"})
    if counts and {"layer", "layers"} & set(words):
        return "depth"
    for role, vocabulary in (("hidden", HIDDEN_TOKENS), ("input", INPUT_TOKENS), ("output", OUTPUT_TOKENS)):
        specific = [word for word in words if len(word) > 1 and word in vocabulary]
        if specific and not (role == "output" and specific == ["n"]):
            return role
    for role, vocabulary in (("hidden", HIDDEN_TOKENS), ("input", INPUT_TOKENS), ("output", OUTPUT_TOKENS - {"n"})):
        if any(word in vocabulary for word in words):
            return role
    return None


# What methods and functions are called.
FORWARD = (
    r"_*(feed_?forward|forward\w*|fwd|ff|l_?model_forward|model_forward|.*_forward|propagate\w*|"
    r"fprop|for_?prop|front_?prop|predict_proba\w*|compute_output\w*|infer\w*|run|__call__|call|"
    r"activate|predict\w*|think|output|evaluate_network|net_output|logits|query|.*forward.*|scores?|"
    r"vor(wae?rts\w*|hersage\w*)|propag\w*|.*_?(adelante|avanti|avant|frente|ileri\w*)|ausgabe|salida|saida|sortie)"
)
LOSS = (
    r"_*(((calc(ulate)?|compute|get|eval(uate)?|total|batch|mean)_?)*(\w*_)?(loss|cost|error|"
    r"objective|nll|mse|xent|bce|cross_?entropy|crossentropy|criterion|sse|rss|mae|"
    r"rmse|verlust|kosten|perdida|perdita|perda|perte|cout|coste|costo|custo|err(eur|ore?)|kayip|maliyet)(_?(func(tion)?|fn|value|total|cost|batch|it|all|full|softmax|\w+))?|j|risk|energy)"
)
BACKWARD = (
    r"_*(back_?prop\w*|backward\w*|l_?model_backward|.*_backward|bprop|bwd|grad(s|ients?)?|(compute|"
    r"calc(ulate)?|get|eval|cost|loss|value_?and)_?(the_)?grad\w*|.*gradients?|back|back_?pass|backpass|"
    r".*backprop.*|.*backward.*|derivatives?|rue?ckwae?rts\w*|retro\w*|.*_?(atras|indietro|arriere|geri\w*)|"
    r"gradient[ei]?\w*)"
)
INIT = (
    r"_*(crea(te|r)?_?\w*|crie?r?_?\w*|cree?r?_?\w*|erzeuge\w*|olustur\w*|init\w*|inici\w*|inizi\w*|.*_init|.*initiali[sz]e\w*|(create|make|build|new|get|random|setup|"
    r"generate)_?\w*(param|weight|net|model|layer)\w*|.*parameters)"
)
NEVER_A_ROLE = (  # whatever it does
    r".*(plot|print|save|load|accuracy|_check|check_|numeric|one_?hot|decision|dataset|history|"
    r"derivative_of|update|sgd|optimi[sz]e|train|fit|minibatch).*"
)
NOT_A_ROLE = rf"{NEVER_A_ROLE}|.*test.*"  # by its name


def is_called(pattern: str, name: str) -> bool:
    return re.fullmatch(pattern, unaccented(name), re.IGNORECASE) is not None
