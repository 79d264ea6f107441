"""Samples, and how they are split and ordered."""

from backlight.diagnosis.cause import Cause
from backlight.diagnosis.finding import Level

DATA = {
    "unscaled-inputs": Cause("BL117", Level.DATA, "features have unsuitable scales",
        "Large inputs drive the first layer's units far to one side, where they are dead or saturated; features of "
        "different scales make the loss steep in one direction and flat in another, so that no step suits both.",
        ("pixels 0…255", "columns in different units", "numbers far from 0, such as years"),
        ("subtract the mean and divide by the deviation of the training part", "a batch norm as the first layer"),
        "a network whose first layer sets the scale by itself, or a training that goes well: then it is a note",
        "LeCun et al. 1998, Efficient BackProp, section 4.3"),
    "class-imbalance": Cause("BL118", Level.DATA, "one class is so frequent that the others are given up",
        "Always naming the largest class is already right most of the time, and the network does no more than that.",
        ("few samples of some classes",),
        ("weights in the loss, or draw small classes more often", "judge by the mean recall of all classes"),
        "small classes that are taken for large ones no more often than the reverse",
        "McNemar 1947; accuracy of the majority vote"),
    "leaking-feature": Cause("BL119", Level.DATA, "one feature gives the label away",
        "One feature alone is as good as the label. The network needs nothing else, and fails where that feature "
        "will not be known.",
        ("a column that was computed from the label, or after it", "an identifier that follows the class"),
        ("train without that feature, and see what remains",),
        "a feature that is really so telling, and is there when the network is used",
        "η², the share of a feature's variance that the class explains; nearest neighbours in one feature alone"),
    "split-overlap": Cause("BL120", Level.DATA, "test samples also stand in the training part",
        "The test accuracy then says how well samples are remembered, not how well new ones are told.",
        ("split after samples were copied or augmented", "several rows of one person, some here and some there"),
        ("drop repeated rows before splitting", "split by person, patient, document …"),
        "rows that are equal by nature, as often within the training part",
        "rows equal to the bit"),
    "unshuffled-data": Cause("BL121", Level.DATA, "samples come in the same order in every pass",
        "Neighbouring batches are alike, so each pulls the network the same way, and the next class pulls it back: "
        "the loss comes round with every pass over the data.",
        ("data sorted by class, and shuffle=False",),
        ("shuffle the training part anew in every epoch",),
        "a loss that does not repeat itself", "autocorrelation at one lag and at twice that lag"),
    "inputs-ignored": Cause("BL122", Level.DATA, "what comes in makes no difference",
        "The first layer gives the same for every sample, so the network can at best learn how frequent each class is.",
        ("inputs that are all 0, or all the same", "an array that is overwritten before it is used",
         "too strong a normalisation"),
        ("print a batch as the network gets it, and its deviation over samples",),
        "two samples for which the first layer gives different values", "test with X = 0 (Karpathy's recipe)"),
}  # fmt: skip
