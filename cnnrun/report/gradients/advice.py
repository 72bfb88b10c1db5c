"""What to do about a mistake: by its name where it has one, else by the stage that found it."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrun.gradcheck.report.rows import Row

__all__ = ["advice_for"]

BY_DIAGNOSIS = (
    (
        "missing rotation",
        "Turn it by 180 degrees in backward: w[::-1, ::-1] for filters (KH, KW, C, F), "
        "w[:, :, ::-1, ::-1] for (F, C, KH, KW). Forward does not turn the filter; the gradient "
        "with respect to the input meets it the other way round.",
    ),
    ("flipped", "Look for a slice with ::-1 that should not be there, or is along the wrong axis."),
    ("transposed", "Look at the transposes in backward: two axes are swapped."),
    (
        "stride is ignored",
        "Put stride - 1 rows and columns of zeros between the entries of dy before the full "
        "convolution; or add each error to the pixels of its own window, at row * stride.",
    ),
    (
        "dilation is ignored",
        "The tap (i, j) lies at i * dilation, j * dilation of a window, in backward as in forward.",
    ),
    (
        "not cropped",
        "Backward makes the gradient of the padded input; cut the padding off before it is "
        "returned: dx[:, pad:-pad, pad:-pad] (and dx itself where pad is 0).",
    ),
    (
        "assigned instead of accumulated",
        "Add up with +=, or with np.add.at where an index may come twice: x[index] += dy adds only "
        "once for each index.",
    ),
    ("all zero", "Backward never writes it, or writes it into another array than it returns."),
    (
        "guided backprop",
        "The mask is that of the forward input, x > 0; the sign of dy does not matter.",
    ),
    (
        "passes where it should stop",
        "The mask is inverted: the error passes where forward let the value pass.",
    ),
    ("own derivative is missing", "Multiply dy by the derivative of the function at x."),
    ("coupling with the others", "An input acts on more than its own output; add up over all."),
    ("cell of each window", "Send the error to where the maximum was, as forward found it."),
    (
        "windows at the edge",
        "Divide by the same count as forward does; it differs from window to window at the edge.",
    ),
    ("1/(N*N)", "Divide by the number of cells in a window exactly once."),
    ("the sign is wrong", "Look for a minus; for a loss, for the order of prediction and target."),
    ("instead of their sum", "Take the sum: gradients of parameters add up over samples."),
    ("should be their mean", "Divide by the number, as forward does."),
    ("a factor 2", "The derivative of a square has a 2, that of half a square has none."),
    ("constant ratio", "Look for a factor in forward that backward lacks, or the other way round."),
    ("of the mean", "An input acts on its group's mean, too, and so on all outputs of the group."),
    (
        "of the variance",
        "An input acts on its group's variance, too, and so on all outputs of the group.",
    ),
    (
        "taken as constants",
        "An input acts on mean and variance of its group, too, and so on all outputs of the group.",
    ),
    ("writes into", "Work on a copy: no +=, out= or assignment to a part of what is handed in."),
    ("gradients are added to what", "Start from zeros, or assign with =, at every call."),
    (
        "not linear in the upstream",
        "Multiply with dy, and never decide by its sign or size.",
    ),
    (
        "is not conserved",
        "Every entry of dy goes somewhere, and once: look for one lost or doubled.",
    ),
    ("the border is", "Look at the padding: what forward pads, backward crops, on the same sides."),
)
"""From words of a diagnosis to advice; the first that fits counts."""

BY_TERMS = (
    (
        "turned by 180 degrees",
        "Backward takes the array turned by 180 degrees where it should not, or does not turn it "
        "where it should.",
    ),
    ("from the right one", "An index is off: hold the slices of forward and backward together."),
    (
        "missing",
        "Look for what skips these terms: a loop that ends early, a slice, a mask, = for +=.",
    ),
    (
        "twice",
        "Look for what is added twice: windows or slices that overlap, or a sum that does not "
        "start from zeros.",
    ),
    ("should not be there", "Look for errors that are sent where forward took nothing from."),
)
"""Likewise, from words about the terms of the worst entry."""

BY_STAGE = {
    "contract": "This comes before any gradient: mend it first, and check again.",
    "conditions": "The gradient is right in one situation and wrong in another: look at what "
    "backward keeps from an earlier call, or takes from the wrong array.",
    "exact": "This law holds without any differencing, so it is no matter of precision.",
    "elements": "Hold the terms below against the lines of backward, one after the other.",
    "conventions": "Any value may be taken where there is no derivative, but all layers agree on "
    "one; take it, too.",
    "executed": "The layers are right as they are written; look at how the training step runs "
    "them: method, dtype, order, shards.",
}


def advice_for(row: Row, words: Sequence[str] = ()) -> str:
    """Return what to do about a wrong tensor, in a sentence or two.

    Args:
        row: the tensor.
        words: what is known of the terms of its worst entry.
    """
    tables = [(BY_DIAGNOSIS, [row.diagnosis or ""]), (BY_TERMS, words)]
    for table, texts in tables:
        for key, advice in table:
            if any(key in text for text in texts):
                return advice
    return BY_STAGE[row.stage or "elements"]
