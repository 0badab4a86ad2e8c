"""What PyTorch prints for the nodes of a graph. Nothing computes with it: only printing reads this.

An operation here has a name of its own, and where it has several forms, they are told apart behind
a dot: ``pow`` of two tensors, ``pow.number`` of a tensor and a number, ``pow.of_number`` of a
number and a tensor. PyTorch names a node after the last operation of its own computation, which is
often another one, and numbers the forms by the order in which they stand in its list of operations.
Where its name is not just ours with ``Backward0`` behind, it stands in the table.
"""

from __future__ import annotations

import functools

PRINTED = {
    "pow": "PowBackward1", "pow.number": "PowBackward0", "pow.of_number": "PowBackward2",
    "square": "PowBackward0",
    "remainder": "RemainderBackward1", "remainder.number": "RemainderBackward0",
    "remainder.of_number": "RemainderBackward1",
    "fmod": "FmodBackward1", "fmod.number": "FmodBackward0", "fmod.of_number": "FmodBackward1",
    "rsub.number": "RsubBackward1", "rsub.of_number": "RsubBackward1",
    "div.rounded": "DivBackward2", "div.rounded.number": "DivBackward3",
    "div.rounded.of_number": "DivBackward2",
    "div.by_count": "DivBackward1",
    "copysign.number": "CopysignBackward1", "deg2rad": "Deg2RadBackward0",
    "rad2deg": "Rad2DegBackward0",
    "clamp.numbers": "ClampBackward1",
    "lerp.tensor": "LerpBackward1",
    "round.decimals": "RoundBackward1",
    # of all entries, along axes
    "sum.axes": "SumBackward1", "mean.axes": "MeanBackward1", "prod.axes": "ProdBackward1",
    "max.all": "MaxBackward1", "min.all": "MinBackward1", "median.axis": "MedianBackward1",
    "nanmedian.axis": "NanmedianBackward1",
    "sort.stable": "SortBackward1",
    # products; PyTorch's end in a view
    "einsum": "ViewBackward0", "addmm.of_rows": "ViewBackward0",
    # of sequences, which PyTorch takes for images of one row
    **dict.fromkeys(("max_pool1d", "avg_pool1d"), "SqueezeBackward1"),
    "native_group_norm.of_one": "ViewBackward0",
    # shapes
    "squeeze.axis": "SqueezeBackward1", "squeeze.axes": "SqueezeBackward2",
    "diagonal_copy": "DiagonalBackward0_copy",
    # writes
    "copy": "CopyBackwards", "copy_slices": "CopySlices",
    "fill.number": "FillBackward2", "fill.tensor": "FillBackward3",
    "index_fill.tensor": "IndexFillBackward1", "masked_fill.tensor": "MaskedFillBackward1",
    "scatter.number": "ScatterBackward1",
    "normal.tensors": "NormalBackward3",
    # rows of sequences
    "put_pieces": "CopySlices", "take_pieces": "IndexBackward0", "reorder": "IndexSelectBackward0",
    "pad_packed_sequence": "CopySlices", "pad_packed_sequence.batch_first": "TransposeBackward0",
    "pad_packed_sequence.unsorted": "IndexSelectBackward0",
    # recurrences: over sequences, over packed ones, a step
    "sequence": "StackBackward0",
    "sequence.packed": "CatBackward0",
    "sequence.lstm": "MkldnnRnnLayerBackward0",
    "rnn_tanh_step": "TanhBackward0", "rnn_relu_step": "ReluBackward0",
    "lstm_step": "MulBackward0", "gru_step": "AddBackward0", "janet_step": "AddBackward0",
    "mgu_step": "AddBackward0",
    "indrnn_tanh_step": "TanhBackward0", "indrnn_relu_step": "ReluBackward0",
    "transpose.of_rnn_tanh": "TransposeBackward1", "transpose.of_rnn_relu": "TransposeBackward1",
    "transpose.of_gru": "TransposeBackward1",
    "cross_entropy": "NllLossBackward0", "cross_entropy.images": "NllLoss2DBackward0",
    "nll_loss.images": "NllLoss2DBackward0",
    "cross_entropy.smoothed": "AddBackward0",
    # what belongs to no operation
    "backward_hook_function": "BackwardHookFunctionBackward",
    "once_differentiable": "DelayedError",
}  # fmt: skip

# Of operations with several outputs, those after the first that have another name.
PRINTED_OUTPUTS = {
    "sequence.packed": "StackBackward0", "sequence.lstm": "StackBackward0",
    "lstm_step": "AddBackward0",
}  # fmt: skip


@functools.cache
def printed(name: str, output: int = 0) -> str:
    """What PyTorch prints for the operation `name`, next to its output of that number.

    Examples
    --------
    >>> printed("mul.number"), printed("pow.number"), printed("lstm_step", 1)
    ('MulBackward0', 'PowBackward0', 'AddBackward0')
    """
    if output and name in PRINTED_OUTPUTS:
        return PRINTED_OUTPUTS[name]
    if name in PRINTED:
        return PRINTED[name]
    return name.partition(".")[0].title().replace("_", "") + "Backward0"
