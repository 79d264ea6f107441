"""What does not hold for other samples, and what more could have been learnt."""

from backlight.diagnosis.cause import Cause
from backlight.diagnosis.finding import Level

GENERALISATION = {
    "overfitting": Cause("BL136", Level.GENERALISATION, "the network learns its samples by heart",
        "The training part is told better and better while the test part is told worse: what is learnt last holds for "
        "these samples alone.",
        ("few samples for so large a network", "too many steps"),
        ("stop at the lowest test loss", "more samples, or augmented ones", "a larger l2, dropout, a smaller network"),
        "a test loss that falls together with the training loss", "Prechelt 1998, Early Stopping - But When?"),
    "too-small-model": Cause("BL137", Level.GENERALISATION, "the network is too small for the task, or held back",
        "The loss has come to rest, and nearest neighbours tell the classes apart better than it: the functions that "
        "this network can be do not reach that far. As a note: the loss may be falling still.",
        ("too few units or layers", "no activation function between layers", "too large an l2", "too small a learning "
         "rate, or too few steps"),
        ("wider layers", "one layer more", "a smaller l2", "a larger learning rate, or more steps"),
        "a wider network that does no better", "nearest neighbours, leave-one-out and of the test part"),
    "labels-noisy": Cause("BL138", Level.GENERALISATION, "some labels may be wrong",
        "Samples that lie close together often have different labels, and the network has learnt them all by heart. "
        "Either the classes overlap, or some labels are wrong.",
        ("labels by hand or by rule, unchecked", "classes that overlap by nature"),
        ("look at the samples whose neighbours have another label", "stop earlier, a larger l2"),
        "neighbours that agree as often among training samples as among test samples",
        "votes of √n neighbours on both parts (Brodley & Friedl 1999)"),
}  # fmt: skip
