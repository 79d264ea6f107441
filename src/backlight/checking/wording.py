"""What each mistake is, in words that need no more than a first course in neural networks.

    python -m backlight.checking.wording

prints the table that ends docs/checking.md. A code keeps its meaning for ever: new mistakes get new codes.
"""

import sys
from dataclasses import dataclass

from backlight.checking.verdict import Kind, Severity


@dataclass(frozen=True)
class Wording:
    """A mistake in words.

    Attributes:
        code: stable and unique.
        kind: what it is a mistake of.
        severity: the usual one; a measurement may show another.
        title: the mistake in a line, without a full stop.
        explanation: why it is one, and what it does to training.
        formula: as it should be. p: outputs; t: one-hot labels; N: samples; δ_l: ∂L/∂z_l; D: loss of one sample.
    """

    code: str
    kind: Kind
    severity: Severity
    title: str
    explanation: str
    formula: str


WORDINGS: dict[str, Wording] = {
    # BL2: the loss
    "loss-sign": Wording("BL201", "loss", "prevents", "the loss has the wrong sign",
        "The loss falls when the outputs get worse. Whoever minimises it trains the network to be wrong.",
        "L = −(1/N) Σ_n log p[n, y_n]"),
    "loss-half": Wording("BL202", "loss", "prevents", "half of the binary cross-entropy is missing or reversed",
        "One part of it speaks for samples with label 1, the other for those with label 0. Without both, giving every "
        "sample the same answer costs nothing or less, and that is what the network learns.",
        "L = −(1/N) Σ_n (t log p + (1 − t) log(1 − p))"),
    "loss-wrong-class": Wording("BL203", "loss", "prevents", "the loss looks at another class than the right one",
        "The cross-entropy is the logarithm of the probability that the network gives to a sample's own class. With "
        "another class in its place, a network is rewarded for wrong answers.",
        "L = −(1/N) Σ_n log p[n, y_n]"),
    "loss-integer-labels": Wording("BL204", "loss", "prevents", "the labels' numbers are used as factors in the loss",
        "A label is the name of a class, not an amount. As a factor, class 0 counts for nothing and class 2 twice as "
        "much as class 1. Use one-hot rows, or the label as an index.",
        "L = −(1/N) Σ_n Σ_k t[n, k] log p[n, k], t one-hot"),
    "loss-every-class": Wording("BL205", "loss", "prevents", "the loss adds up −log p over all classes",
        "Only the probability of the right class tells how good an answer is. Summed over all classes, the loss is "
        "smallest when all probabilities are equal, whatever the label is.",
        "L = −(1/N) Σ_n log p[n, y_n]"),
    "loss-no-logarithm": Wording("BL206", "loss", "slows", "the loss takes p[y] itself instead of its logarithm",
        "−p[y] hardly changes where the network is confident and wrong, so its derivative is close to 0 where the most "
        "is to be learnt. And (p − t)/N is the derivative of −log p[y], not of −p[y].",
        "L = −(1/N) Σ_n log p[n, y_n]"),
    "loss-log-base": Wording("BL207", "loss", "rescales", "the loss takes another logarithm than the natural one",
        "The usual derivative 1/p belongs to the natural logarithm, np.log. log10 and log2 give the same loss times a "
        "constant, 0.43 or 1.44; log1p(p) is log(1 + p), another function. Loss and gradient no longer fit.",
        "L = −(1/N) Σ_n ln p[n, y_n]"),
    "loss-no-square": Wording("BL208", "loss", "slows", "the error p − t is not squared in the loss",
        "Without the square, errors of opposite signs cancel; with |p − t|, small errors pull as hard as large ones. "
        "The gradient 2(p − t) belongs to the square.",
        "L = (1/N) Σ_n Σ_k (p − t)²"),
    "loss-averaged-twice": Wording("BL209", "loss", "rescales", "the loss is divided by N twice",
        "A mean over samples divides by N once. Divided twice, the loss looks N times as good as it is, and its "
        "gradient, if it follows, makes steps N times too short.",
        "L = (1/N) Σ_n D_n"),
    "loss-penalty-sign": Wording("BL210", "loss", "slows", "the loss subtracts the penalty",
        "The penalty should make large weights expensive. Subtracted, it rewards them: the loss can fall without end "
        "while the weights grow.",
        "L = (1/N) Σ_n D_n + (λ/2) Σ_l ‖W_l‖²"),
    "loss-penalty-form": Wording("BL211", "loss", "slows", "the penalty in the loss is not the sum of squared weights",
        "λW is the derivative of (λ/2) ΣW². In (ΣW)² or ΣW, positive and negative weights cancel, so that large "
        "weights may cost nothing; a norm that is not squared has another derivative.",
        "L = (1/N) Σ_n D_n + (λ/2) Σ_l ‖W_l‖², ‖W‖² = ΣW²"),
    "loss-penalty-layers": Wording("BL212", "loss", "slows", "the loss penalises some layers only",
        "The gradient and the loss should penalise the same weights. A layer that the loss leaves out can grow "
        "without cost, or is shrunk for something that is not in the loss. A loop over the wrong keys does this.",
        "L = (1/N) Σ_n D_n + (λ/2) (‖W_1‖² + … + ‖W_L‖²)"),
    "loss-penalty-missing": Wording("BL213", "loss", "slows", "the gradient has a penalty that the loss leaves out",
        "Every step shrinks the weights, but the loss does not say so. What is printed as the loss is not what is "
        "minimised: it may rise although training goes as it should.",
        "L = (1/N) Σ_n D_n + (λ/2) Σ_l ‖W_l‖²"),
    "loss-penalty-scale": Wording("BL214", "loss", "slows", "loss and gradient have the penalty with different factors",
        "If the gradient has λW, the loss must have (λ/2)‖W‖²: the 2 comes from the derivative of the square. A "
        "missing ½ or 1/N makes another λ of the one that was meant.",
        "L = (1/N) Σ_n D_n + (λ/2) Σ_l ‖W_l‖², with dW_l = a_{l−1}ᵀ δ_l + λ W_l"),
    "loss-penalty-biases": Wording("BL215", "loss", "note", "the loss penalises the biases too",
        "It is usual to penalise weights alone: a bias only shifts a unit, and a small one does not make a network "
        "simpler. As long as the gradient has the term too, nothing is wrong.",
        "L = (1/N) Σ_n D_n + (λ/2) Σ_l ‖W_l‖²"),
    "loss-summed": Wording("BL216", "loss", "note", "the loss is a sum over the samples, not a mean",
        "A sum grows with the number of samples, and so do its gradients: a step size that suits 10 samples is too "
        "large for 1,000. The gradient has to be a sum too.",
        "L = (1/N) Σ_n D_n"),
    "loss-constant": Wording("BL217", "loss", "note", "a constant is added to the loss",
        "It has no derivative, so training is the same with and without it. But the loss cannot reach 0, and numbers "
        "from different programs cannot be compared.",
        "L = (1/N) Σ_n D_n + (λ/2) Σ_l ‖W_l‖²"),
    "loss-scale": Wording("BL218", "loss", "note", "the loss has an unusual factor",
        "It is neither a mean nor a sum over the samples. The best network is the same, but step size and λ mean "
        "something else than usual.",
        "L = (1/N) Σ_n D_n"),
    "loss-epsilon": Wording("BL219", "numerics", "note", "a small number is added inside the logarithm",
        "It keeps log 0 away, at the price that the loss is not exactly the cross-entropy: confident wrong answers "
        "cost less than they should. The logarithm of softmax can be had without it.",
        "log p = z − max z − log Σ_k e^(z_k − max z)"),
    "loss-no-shift": Wording("BL220", "numerics", "note", "softmax does not subtract the largest z",
        "e^z overflows above z = 709, and the outputs become nan. Subtracting the row's maximum first changes nothing "
        "else, because it cancels in the fraction.",
        "p = e^(z − max z) / Σ_k e^(z_k − max z)"),
    "loss-unknown": Wording("BL221", "loss", "note", "the loss is none that is known here",
        "Its values are not a multiple of a cross-entropy or a squared error plus a penalty. The gradients can still "
        "be compared with differences of this loss, but a mistake in them is not given a name.",
        "L = (1/N) Σ_n D_n + (λ/2) Σ_l ‖W_l‖²"),
    # BL30: factors
    "summed-gradients": Wording("BL301", "gradient", "rescales", "a gradient is summed over the samples, not averaged",
        "The loss is a mean, so its gradient has a factor 1/N too. Without it each step is N times as long: a step "
        "size of 0.01 with 200 samples is really 2. Beside it, a penalty λW weighs N times less.",
        "δ_L = (p − t)/N"),
    "averaged-twice": Wording("BL302", "gradient", "rescales", "a gradient is divided by N twice",
        "δ_L has the 1/N of the mean already, and everything behind it inherits it. Dividing dW or db by N again "
        "makes the steps N times too short; training seems to stand still.",
        "δ_L = (p − t)/N, dW_l = a_{l−1}ᵀ δ_l, db_l = Σ_n δ_l"),
    "mean-only-in-weights": Wording("BL303", "gradient", "slows", "only dW is divided by the number of samples",
        "Both gradients come from the same δ, so the factor 1/N belongs to both or to neither. As it is, biases move "
        "N times as fast as weights: they swing, or the step size has to be too small for the weights.",
        "dW_l = a_{l−1}ᵀ δ_l, db_l = Σ_n δ_l, with the 1/N in δ_L"),
    "mean-only-in-biases": Wording("BL304", "gradient", "slows", "only db is divided by the number of samples",
        "Both gradients come from the same δ, so the factor 1/N belongs to both or to neither. As it is, weights move "
        "N times as fast as biases.",
        "dW_l = a_{l−1}ᵀ δ_l, db_l = Σ_n δ_l, with the 1/N in δ_L"),
    "constant-factor": Wording("BL305", "gradient", "rescales", "a gradient has a constant factor too many",
        "Often it is the 2 of a squared error, a missing ½, or a division by the number of classes. If every gradient "
        "has it, it only changes the step size; in one layer alone, that layer learns at another speed.",
        "δ_L = (p − t)/N for the mean cross-entropy, 2(p − t) ⊙ f′(z_L)/N for Σ(p − t)²"),
    "wrong-sign": Wording("BL306", "gradient", "prevents", "a gradient has the wrong sign",
        "The gradient points uphill, and training steps against it. With the sign reversed these parameters go uphill, "
        "and the loss rises, or the other layers have to work against them.",
        "W ← W − η ∂L/∂W"),
    # BL32: the penalty's gradient
    "penalty-missing": Wording("BL321", "gradient", "slows", "the gradient leaves the penalty out",
        "The loss charges for large weights, but the gradient does not know: nothing shrinks them. λ has no effect, "
        "and the network may fit noise.",
        "dW_l = a_{l−1}ᵀ δ_l + λ W_l"),
    "penalty-sign": Wording("BL322", "gradient", "slows", "the penalty's gradient is subtracted",
        "Each step should shrink the weights a little. With the sign reversed it makes them larger, the more the "
        "larger they are; with a large λ they grow without end.",
        "dW_l = a_{l−1}ᵀ δ_l + λ W_l"),
    "penalty-scale": Wording("BL323", "gradient", "slows", "the penalty's gradient has the wrong factor",
        "The derivative of (λ/2)‖W‖² is λW, that of λ‖W‖² is 2λW. With another factor, a missing λ or an extra 1/N, "
        "weights are shrunk more or less than the loss says.",
        "dW_l = a_{l−1}ᵀ δ_l + λ W_l, for (λ/2)‖W‖² in the loss"),
    "penalty-of-gradient": Wording("BL324", "gradient", "slows", "the penalty is taken of dW instead of W",
        "dW += λ dW makes the step longer by λ and shrinks nothing. The penalty pulls the weights towards 0, so its "
        "gradient is made of the weights.",
        "dW_l = a_{l−1}ᵀ δ_l + λ W_l"),
    "penalty-form": Wording("BL325", "gradient", "slows", "the penalty's gradient is that of another function",
        "The derivative of a square W² is proportional to W: large weights are pulled harder, and each towards 0. "
        "λ alone, W², |W| or a sum over W pull some the wrong way; the sign of W pulls small ones too hard.",
        "dW_l = a_{l−1}ᵀ δ_l + λ W_l"),
    "penalty-on-biases": Wording("BL326", "gradient", "slows", "the gradient penalises biases, the loss does not",
        "The loss has weights alone in its penalty, so db has no λb. With it, biases are pulled towards 0 although "
        "nothing in the loss asks for it.",
        "db_l = Σ_n δ_l"),
    # BL33: the output's δ
    "output-slope": Wording("BL331", "gradient", "prevents",
        "the output's δ is multiplied by f′(z), although p − t is the derivative by z already",
        "With softmax and cross-entropy, or a sigmoid and binary cross-entropy, the derivative by z is p − t and "
        "nothing else: softmax takes z directly, and a sigmoid's slope has cancelled. The extra factor weakens the "
        "error of some outputs; with ReLU it deletes it wherever z is negative, and nothing is learnt there.",
        "δ_L = (p − t)/N"),
    "output-squared-error-slope": Wording("BL332", "gradient", "slows",
        "the output's δ is multiplied by p(1 − p), which belongs to a squared error",
        "p(1 − p) is the slope of a sigmoid, and the cross-entropy cancels it. With it, the error is at most a quarter "
        "and nearly 0 where the network is sure and wrong, so the worst answers are hardly corrected.",
        "δ_L = (p − t)/N"),
    "output-slope-missing": Wording("BL333", "gradient", "slows", "the output's δ lacks the slope of its activation",
        "With a squared error the chain goes from the loss to p and from p to z; the second step has the factor f′(z). "
        "p − t alone belongs to the cross-entropy. It may train well, but it is not the derivative of this loss.",
        "δ_L = 2(p − t) ⊙ f′(z_L)/N"),
    "softmax-diagonal": Wording("BL334", "gradient", "slows", "softmax is differentiated as if each p had its own z",
        "Every p of a row depends on every z of it, because they share the denominator. With the diagonal p(1 − p) "
        "alone, wrong classes get no error: the right one is pushed up, and no other is pushed down.",
        "∂p_j/∂z_k = p_j ([j = k] − p_k), so δ_L = (p − t)/N"),
    "softmax-jacobian-missing": Wording("BL335", "gradient", "slows", "the step from p back through softmax is missing",
        "This is the derivative of the loss by p, but δ is the one by z. Softmax lies between them, and each p hangs "
        "on every z of its row. Rows of the right δ add up to 0; here they need not.",
        "δ_L = p ⊙ (v − Σ_k v_k p_k) with v = ∂L/∂p; for the cross-entropy (p − t)/N"),
    "labels-not-subtracted": Wording("BL336", "gradient", "prevents", "the labels are not subtracted from the outputs",
        "δ is p instead of p − t, so the labels play no part. All outputs are pushed down alike, and nothing about the "
        "classes is learnt.",
        "δ_L = (p − t)/N"),
    "one-from-all": Wording("BL337", "gradient", "prevents", "1 is subtracted for every class, not only the right one",
        "δ is p − 1: each class is treated as if it were the right one. The labels play no part, and nothing about "
        "the classes is learnt.",
        "δ_L = (p − t)/N, t[n, k] = 1 only for k = y_n"),
    "output-sign": Wording("BL338", "gradient", "prevents", "the output's δ has the wrong sign",
        "t − p points downhill, and subtracting it goes uphill: the loss rises with every step. (t − p goes with "
        "W + η dW, p − t with W − η dW.)",
        "δ_L = (p − t)/N, W ← W − η dW"),
    "labels-index-rows": Wording("BL339", "gradient", "prevents", "the labels pick rows, not one column in each row",
        "p[y] is row number y of the array, all classes of one sample. To take 1 from the right class of each sample, "
        "rows need an index too. As it is, the first few samples get a wrong error and all others no label at all.",
        "δ = p; δ[arange(N), y] −= 1; δ_L = δ/N"),
    "labels-shifted": Wording("BL340", "gradient", "prevents", "the gradient uses the label of another class or sample",
        "Class numbers start at 0, and samples and labels must be in the same order. Otherwise the network learns an "
        "answer that is not the right one, and its accuracy stays at chance or below.",
        "δ_L = (p − t)/N, t[n, k] = 1 only for k = y_n"),
    # BL34: the hidden slope
    "slope-missing": Wording("BL341", "gradient", "slows", "a hidden layer's δ lacks the factor f′(z)",
        "Going back through a layer means going back through its activation, and the chain rule multiplies by its "
        "slope. Without it, units that are saturated or switched off get an error as if they were not.",
        "δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ f′(z_l)"),
    "slope-at-activation": Wording("BL342", "gradient", "slows", "the slope is taken at a instead of z",
        "a is f(z) already, so f′(a) applies the function twice. tanh and sigmoid then look steep where they are flat. "
        "With ReLU both are the same.",
        "f′(z_l): for tanh 1 − tanh²(z) = 1 − a²"),
    "activation-formula-at-z": Wording("BL343", "gradient", "prevents", "a slope formula in terms of a is given z",
        "1 − a² and a(1 − a) hold for a = f(z). With z in place of a the result can be large and negative, for tanh "
        "wherever |z| > 1: there the error turns round, and weights run away.",
        "f′(z_l) = 1 − a_l² for tanh, a_l (1 − a_l) for sigmoid"),
    "activation-as-slope": Wording("BL344", "gradient", "prevents", "the activation is used in place of its slope",
        "The chain rule needs how fast f changes, not how large it is. For tanh the value is negative half of the "
        "time, which turns the error round, and it is largest where the slope is smallest.",
        "δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ f′(z_l)"),
    "relu-slope": Wording("BL345", "gradient", "slows", "the slope of ReLU is wrong",
        "It is 1 where z > 0 and 0 elsewhere (for a leaky ReLU its small factor instead of 0), and nothing between. "
        "Otherwise units that are switched off get an error, or units that are on lose theirs.",
        "f′(z) = 1 for z > 0, 0 for z ≤ 0; leaky ReLU: its factor for z ≤ 0"),
    "slope-formula": Wording("BL346", "gradient", "slows", "the formula of the slope has a slip in it",
        "A sign, a power or a factor is wrong. The error that goes back is too large, too small or turned round in "
        "some units, so all layers before them learn something else than they should.",
        "tanh′ z = 1 − a², σ′(z) = a (1 − a), with a = f(z)"),
    "slope-twice": Wording("BL347", "gradient", "slows", "the slope is multiplied in twice",
        "Each activation lies on the way once, so its slope is a factor once. Twice makes small slopes tiny: with a "
        "sigmoid at most 1/16 instead of 1/4 gets through a layer, and early layers hardly learn.",
        "δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ f′(z_l)"),
    "slope-of-other-function": Wording("BL348", "gradient", "slows", "the slope is that of another activation function",
        "Forward and backward pass must use the same function. With the slope of another one, the error has the wrong "
        "size in each unit, and the step is not the one that lowers the loss fastest.",
        "δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ f′(z_l), with f as in a_l = f(z_l)"),
    "slope-of-neighbour": Wording("BL349", "gradient", "slows", "the slope is taken at the z of another layer",
        "A layer's slope belongs to its own z. If the layers are equally wide the wrong one fits without a complaint: "
        "usually an index is off by one, or z was overwritten.",
        "δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ f′(z_l)"),
    # BL35: the way through the layers
    "weights-not-transposed": Wording("BL351", "gradient", "slows", "δ goes back through W instead of its transpose",
        "W[i, j] leads from unit i to unit j; the error goes from j to i, so it needs Wᵀ. If W is square nothing "
        "complains, but the error reaches the wrong units, and only the layers behind this one learn as they should.",
        "δ_{l−1} = (δ_l W_lᵀ) ⊙ f′(z_{l−1})"),
    "wrong-weights": Wording("BL352", "gradient", "slows", "δ goes back through another layer's weights",
        "The error has to go back the way the activations came: through the same W. An index that is off by one is "
        "not noticed when both matrices have the same shape. Layers before it get the wrong error.",
        "δ_{l−1} = (δ_l W_lᵀ) ⊙ f′(z_{l−1})"),
    "layer-skipped": Wording("BL353", "gradient", "slows", "δ skips a layer's weights on its way back",
        "Each layer between the loss and a weight is a factor in the chain rule. One is missing here, and the layers "
        "before it get an error that is meant for other units.",
        "δ_{l−1} = (δ_l W_lᵀ) ⊙ f′(z_{l−1})"),
    "gradient-cut": Wording("BL354", "gradient", "slows", "no error reaches the layers before this one",
        "Their gradients are exactly 0: the loop ends too early, or δ is not handed on. These layers keep their random "
        "weights, and only those behind them learn.",
        "δ_{l−1} = (δ_l W_lᵀ) ⊙ f′(z_{l−1}) for l = L, …, 2"),
    "weights-updated-first": Wording("BL355", "gradient", "slows", "W is updated before δ goes back through it",
        "The gradient is taken at one point, so all of it needs the weights of the forward pass. Here δ goes through "
        "weights that have moved. The error grows with the step size, and is small for small steps.",
        "first δ_{l−1} = (δ_l W_lᵀ) ⊙ f′(z_{l−1}), then W_l ← W_l − η dW_l"),
    # BL36: dW
    "preactivation-in-weights": Wording("BL361", "gradient", "slows", "dW uses z of the layer before instead of its a",
        "The layer was given a = f(z), so a is what its weights are multiplied by, and what stands in their gradient. "
        "With z, units that are switched off or saturated seem to have more to say than they had.",
        "dW_l = a_{l−1}ᵀ δ_l"),
    "own-activation-in-weights": Wording("BL362", "gradient", "slows", "dW uses the layer's output, not its input",
        "The gradient of a weight is input times error. With the layer's own output it is neither the right size nor "
        "the right direction; it fits only because the layers are equally wide.",
        "dW_l = a_{l−1}ᵀ δ_l"),
    "input-in-weights": Wording("BL363", "gradient", "slows", "dW uses another layer's activations, or X",
        "The gradient of a weight is the input of its own layer times the error. Activations of another layer fit only "
        "because the widths are equal; the step is then not downhill for this layer.",
        "dW_l = a_{l−1}ᵀ δ_l, a_0 = X"),
    "weights-transposed": Wording("BL364", "gradient", "prevents", "dW is transposed",
        "dW[i, j] has to belong to W[i, j]. Transposed, each weight moves by the gradient of another one; if the layer "
        "is not square, the update fails.",
        "dW_l = a_{l−1}ᵀ δ_l, of the shape of W_l"),
    "weights-missing": Wording("BL365", "gradient", "slows", "dW is 0: this layer's weights never move",
        "The gradient is missing or never written. The layer keeps its random weights, and the others have to make do "
        "with them.",
        "dW_l = a_{l−1}ᵀ δ_l"),
    "activations-averaged": Wording("BL367", "gradient", "prevents", "dW is made of averages over the samples",
        "Each sample's input has to meet its own error before the sum. The average input times the summed error says "
        "nothing about which input goes with which error, and that is what is to be learnt.",
        "dW_l = a_{l−1}ᵀ δ_l = Σ_n a[n]ᵀ δ[n]"),
    # BL37: db
    "bias-missing": Wording("BL371", "gradient", "slows", "db is 0: this layer's biases never move",
        "The gradient is missing or never written. Without biases every unit's boundary stays where it began, mostly "
        "through the origin.",
        "db_l = Σ_n δ_l"),
    "bias-first-row": Wording("BL372", "gradient", "slows", "db is taken from a single sample",
        "A bias is added to every sample, so its gradient is the sum over all of them. One row of δ is a noisy guess: "
        "the biases follow the first or last sample alone.",
        "db_l = Σ_n δ_l"),
    "bias-scalar": Wording("BL373", "gradient", "slows", "db is one number for all units",
        "The sum runs over samples and units alike: an axis is missing. All biases of the layer move together; at a "
        "softmax output they do not move at all, since its δ adds up to 0.",
        "db_l = sum(δ_l, axis=0, keepdims=True)"),
    "bias-axis": Wording("BL374", "gradient", "prevents", "db is summed over the wrong axis",
        "There is one bias for each unit, so the sum runs over the samples. Summed over the units it has one number "
        "for each sample: the update fails, or broadcasting turns b into something else.",
        "db_l = sum(δ_l, axis=0, keepdims=True), of the shape of b_l"),
    "bias-of-weights": Wording("BL375", "gradient", "slows", "db is summed from dW instead of δ",
        "A bias has the constant input 1, so its gradient is δ alone. dW has the activations in it: a unit's biases "
        "then move by the sum of its inputs, which may be 0 or of the wrong sign.",
        "db_l = Σ_n δ_l"),
    "bias-of-maximum": Wording("BL376", "gradient", "slows", "db is the largest δ instead of the sum",
        "All samples have a say in a bias. The largest δ is that of one sample and mostly positive, so the biases "
        "drift downwards.",
        "db_l = Σ_n δ_l"),
    # BL38: samples and program; BL39: unknown
    "one-sample": Wording("BL381", "gradient", "prevents", "the gradient comes from some of the samples only",
        "The loss is a mean over all samples, the gradient is not: often it is overwritten in a loop where it should "
        "be added to. With a single sample the network learns that one and forgets the others.",
        "dW_l = Σ_n a[n]ᵀ δ[n], over all N samples"),
    "mutates": Wording("BL382", "program", "slows", "the backward pass changes arrays that it was only to read",
        "p −= t or an assignment to p[…] writes into the outputs of the forward pass, since names share arrays. "
        "Whatever reads them later, the loss or a second call, gets wrong numbers. Work on a copy.",
        "δ = p.copy(), then δ −= t"),
    "accumulated": Wording("BL383", "program", "prevents", "gradients are added to those of the call before",
        "They are not set to 0 first, so each step repeats all earlier ones. Steps grow longer and longer, and "
        "training swings or diverges.",
        "dW_l = 0 at the start of each backward pass"),
    "nondeterministic": Wording("BL384", "program", "note", "two calls with the same input give different results",
        "Something random is drawn in the forward or backward pass, dropout or noise for instance. Gradients can only "
        "be checked with it switched off, or with the same seed before each call.",
        "the same X, y, W, b → the same L, dW, db"),
    "softmax-axis": Wording("BL385", "program", "prevents", "softmax is taken over the samples instead of the classes",
        "The probabilities of one sample over its classes must add up to 1. Along the wrong axis they add up over the "
        "batch, so that an answer depends on which other samples are in it.",
        "p[n, k] = e^(z[n, k]) / Σ_j e^(z[n, j]): axis=1, keepdims=True"),
    "shape-mismatch": Wording("BL386", "program", "prevents", "a gradient does not have the shape of its parameter",
        "Each number in it should belong to one number of the parameter. With another shape the update fails, or "
        "broadcasting adds the wrong numbers without a complaint.",
        "dW_l has the shape of W_l, db_l that of b_l"),
    "unknown": Wording("BL391", "gradient", "slows", "the gradient is wrong, in a way that has no name here",
        "It does not agree with differences of the loss, and no mistake or pair of mistakes in this catalogue gives "
        "its numbers. Start at the first wrong gradient, counted from the output: the mistake is there or just behind.",
        "δ_{l−1} = (δ_l W_lᵀ) ⊙ f′(z_{l−1}), dW_l = a_{l−1}ᵀ δ_l + λ W_l, db_l = Σ_n δ_l"),
    # BL40: initialisation
    "init-shared-seed": Wording("BL401", "initialisation", "slows", "every layer draws its weights from the same seed",
        "The generator starts again for each layer, so all matrices begin with the same random numbers. Layers that "
        "should be independent are tied to each other, which costs some networks their success.",
        "one generator for all layers: W_l ~ N(0, 1/√d_{l−1})"),
    "init-constant": Wording("BL402", "initialisation", "prevents", "all weights of a layer start with the same value",
        "Its units then compute the same, get the same gradient and stay equal for ever: the layer is as good as a "
        "single unit. With zeros, nothing may move at all. Biases may be 0; weights may not.",
        "W_l ~ N(0, 1/√d_{l−1}), b_l = 0"),
    "init-scale": Wording("BL403", "initialisation", "slows", "the weights start much too large or too small",
        "Signals grow or shrink from layer to layer, and gradients likewise on their way back. Too large, tanh and "
        "sigmoid start saturated; too small, all outputs are nearly the same. Both cost training time or all of it.",
        "W_l ~ N(0, 1/√d_{l−1}) (standard deviation; √(2/d_{l−1}) for ReLU)"),
    "init-positive": Wording("BL404", "initialisation", "slows", "all weights start positive",
        "rand draws from 0 to 1, randn on both sides of 0. With positive weights alone all units of a layer react "
        "alike, and their sums are large: tanh and sigmoid start saturated.",
        "W_l ~ N(0, 1/√d_{l−1}): mean 0"),
}  # fmt: skip

EFFECTS: dict[Severity, str] = {"prevents": "training fails", "slows": "learns, but worse",
                                "rescales": "only the step size is another", "note": "no harm"}  # fmt: skip


def wording(name: str) -> Wording:
    """Of the mistake that goes by this name in the catalogue.

    >>> wording("output-slope").code
    'BL331'
    """
    return WORDINGS[name]


def page_name(name: str) -> str:
    """The file of a mistake's page, such as BL331-output-slope.md."""
    return f"{WORDINGS[name].code}-{name}.md"


def catalogue() -> str:
    """All mistakes as a Markdown table, by code."""
    rows = [("code", "name", "the mistake", "as it should be", "usually"), ("---",) * 5]
    for name, each in sorted(WORDINGS.items(), key=lambda item: item[1].code):
        title = each.title[0].upper() + each.title[1:]
        mistake = f"**{title}.** {each.explanation}"
        link = f"[{each.code}](mistakes/{page_name(name)})"
        rows.append((link, f"`{name}`", mistake, f"`{each.formula}`", EFFECTS[each.severity]))
    return "".join("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |\n" for row in rows)


if __name__ == "__main__":
    sys.stdout.buffer.write(catalogue().encode())
