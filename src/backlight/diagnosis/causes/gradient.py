"""Gradients that are not those of the loss, and losses that do not say what they should."""

from backlight.diagnosis.cause import Cause
from backlight.diagnosis.finding import Level

GRADIENT = {
    "wrong-gradient": Cause("BL108", Level.GRADIENT, "the gradient is not that of the loss",
        "The network is moved in a direction in which the loss need not fall. For a cross-entropy of softmax the "
        "entries of the output biases' gradient, means of p − t, sum to 0, whatever the network; here they do not.",
        ("a mistake in a backward pass that was written by hand", "a factor at the output that does not belong there, "
         "such as f′(z)", "f′(z) left out of a hidden layer: its dead units then have a gradient", "a wrong sign: the "
         "loss rises although steps are short", "the labels were not subtracted"),
        ("backlight check FILE finds the line", "compare the gradient with central differences"),
        "a loss other than the cross-entropy of softmax, or a penalty on biases", "∂L/∂z = p − t, and Σ p = Σ t = 1"),
    "missing-zero-grad": Cause("BL109", Level.GRADIENT, "old gradients are never cleared",
        "Every step uses the sum of all gradients there have been. The network is driven on by what was right long "
        "ago, overshoots, and swings.",
        ("optimizer.zero_grad() is missing in the loop", "in NumPy: += on arrays that are not set to 0"),
        ("optimizer.zero_grad() before loss.backward()",),
        "norms of the gradient that do not grow from the first step on, or accumulation over a few batches on purpose",
        "the norm of a sum of t similar vectors grows like t, of unrelated ones like √t; a step of gradient descent is "
        "at most η ‖g‖ / (1 − μ); one of Adam is near η where gradients never turn, 0.23 η where they are unrelated"),
    "output-slope": Cause("BL133", Level.GRADIENT, "logits get no gradient where they are negative",
        "The gradient at the output is multiplied by the slope of an activation function. A logit below 0 then gets "
        "none: if it belongs to the right class, nothing ever pushes it up. Once no sample has a positive logit, the "
        "gradient of every parameter is exactly 0, and the loss stays near ln K.",
        ("δ = (p − t) ⊙ f′(z) in a backward pass, where p − t is the derivative already", "a ReLU behind the last "
         "layer"),
        ("δ = p − t at the output", "no activation function between the last layer and the loss"),
        "a gradient other than exactly 0 for an output whose logits are all negative",
        "the report's own riddle (docs/riddle.md): 3,177 of 8,000 such networks end with a gradient of exactly 0"),
}  # fmt: skip

LOSS = {
    "softmax-before-loss": Cause("BL110", Level.LOSS, "softmax is applied twice",
        "The loss takes the softmax of what are probabilities already. It can then never fall below ln(1 + (K − 1)/e), "
        "0.31 for 2 classes and 1.46 for 10, and its gradient is small where the network is most wrong.",
        ("a softmax layer before nn.CrossEntropyLoss, which contains one",),
        ("hand the logits to the loss; take softmax only to look at probabilities",),
        "a loss below that floor. (log_softmax before it changes nothing and is no fault.)",
        "least softmax cross-entropy of a vector of 0…1: that of a one-hot vector"),
    "probabilities-into-nll": Cause("BL111", Level.LOSS, "probabilities where their logarithm belongs",
        "The negative log-likelihood is handed p instead of ln p. The loss is −p_y, between −1 and 0, and the network "
        "learns slowest where it is most wrong.",
        ("softmax instead of log_softmax before nn.NLLLoss",),
        ("log_softmax, or nn.CrossEntropyLoss on logits",),
        "a loss above 0", "range of −p"),
    "epsilon-in-log": Cause("BL112", Level.LOSS, "a small number keeps the logarithm finite, and the gradient at 0",
        "Where p is exactly 0, ln(p + ε) is a constant: these samples cost −ln ε and give no gradient, although they "
        "are the ones that are most wrong.",
        ("log(softmax(z) + 1e-8)", "clipping of probabilities"),
        ("log_softmax(z): z − max z − ln Σ exp(z − max z)",),
        "no probability that is exactly 0", "−ln ε: 13.8 for 1e-6, 18.4 for 1e-8, 27.6 for 1e-12"),
    "labels-shifted": Cause("BL113", Level.LOSS, "labels are off by a constant",
        "Classes are counted from 1 where the network counts from 0, or one part's labels are moved by one.",
        ("labels 1…K instead of 0…K−1", "different files for the two parts"),
        ("subtract the smallest label, in both parts",),
        "a class 0 that occurs, and a confusion matrix whose diagonal is the strongest",
        "census of the labels; the confusion matrix's best permutation"),
    "labels-permuted": Cause("BL114", Level.LOSS, "training and test part number their classes differently",
        "What is learnt on one part is told wrongly on the other, more often than by chance: the classes are known, "
        "their names are exchanged.",
        ("classes numbered in the order in which each part names them", "folders sorted differently"),
        ("one table of classes for both parts",),
        "a test accuracy at or above chance", "Wilson's interval of the test accuracy against chance"),
    "labels-shuffled": Cause("BL115", Level.LOSS, "labels do not belong to their samples",
        "Samples and labels have been put in different orders. There is nothing to learn but the samples by heart: "
        "the training loss falls slowly or not at all, and on other samples the network is as good as guessing.",
        ("X and y shuffled separately", "a join or a filter that moved one of them"),
        ("shuffle with one index: i = rng.permutation(n); X[i], y[i]",),
        "samples that lie near each other and have the same label more often than by chance",
        "agreement of nearest neighbours' labels, which is Σ (share of class)² for unrelated labels"),
    "dropout-at-test": Cause("BL134", Level.LOSS, "the model was in training mode while tested",
        "Dropout then throws away units at test as well, and batch norm looks at the other samples of the batch: the "
        "same sample is told differently each time, and worse. No loss or accuracy of the test is what it seems.",
        ("model.eval() is missing before the evaluation", "F.dropout without training=self.training"),
        ("model.eval() before testing, model.train() after it",),
        "two forward passes of the same samples with the same result, or tests in evaluation mode beside those",
        "the training flag of modules in a forward pass without gradient; difference of two evaluations"),
    "sum-instead-of-mean": Cause("BL116", Level.LOSS, "the loss is summed over the batch",
        "Gradients are as many times as long as the batch has samples, and so is every step: the learning rate is not "
        "what it says, and changes with the batch size.",
        ("reduction=\"sum\"", "in NumPy: no division by the number of samples"),
        ("divide by the number of samples", "or divide the learning_rate by it"),
        "an entry of the output biases' gradient within ±1, which a mean of p − t cannot leave",
        "|mean(p − t)| ≤ 1; cross-entropy ≤ ln K + max z − min z"),
}  # fmt: skip
