"""Regenerate close.json: what `torch.testing.assert_close` says of pairs, with PyTorch installed.

python tests/golden/make_close.py
"""

import json
from pathlib import Path

CASES = """
t([1., 2.]), t([1., 2.])
t([1., 2.]), t([1., 2.1])
t([[1., 2.], [3., 4.]]), t([[1., 2.25], [3., 5.]])
t(1.), t(2.)
1., 2.
1, 2
1, 1.
True, False
True, True
None, None
None, 1
'a', 'a'
t([1, 2]), t([1, 3])
t([1., 2.]), t([1., 2.], dtype=torch.float64)
t([1., 2.]), t([1., 2.], dtype=torch.float64), check_dtype=False
t([1., 2.]), t([1, 2])
t([1., 2.]), t([1, 2]), check_dtype=False
t([1., 2.]), t([1., 2., 3.])
[t([1., 2.])], [t([1., 2.5])]
(t([1.]),), [t([1.])]
[1.], [1., 2.]
{'a': t([1., 2.])}, {'a': t([1., 2.5])}
{'a': t([1., 2.])}, {'b': t([1., 2.5])}
{1: [t([1.]), 3]}, {1: [t([1.]), 4]}
t([float('nan')]), t([float('nan')])
t([float('nan')]), t([float('nan')]), equal_nan=True
t([float('inf'), 1.]), t([float('inf'), 1.])
t([float('inf'), 1.]), t([float('-inf'), 1.])
t([1., 2.]), [1., 2.]
t([1., 2.]), 1.
t([True, False]), t([True, True])
t([1.]), t([2.]), msg='words'
t([1.]), t([2.]), msg=lambda m: 'before ' + m
t([1.]), t([2.]), rtol=1
t([1.]), t([2.]), rtol=0, atol=0.5
t([1.]), t([2.]), rtol=0.5, atol=0.
t([1.]), t([2.]), rtol=0., atol=0.
torch.ones(2, 3).t(), torch.ones(3, 2)
torch.ones(2, 3).t(), torch.ones(3, 2), check_stride=True
torch.zeros(2, 0), torch.zeros(2, 0)
t([250], dtype=torch.uint8), t([5], dtype=torch.uint8)
t([1., 2.], dtype=torch.float16), t([1., 2.5], dtype=torch.float16)
t([1., 2.], dtype=torch.float64), t([1., 2. + 1e-6], dtype=torch.float64)
t([1., 2.], dtype=torch.float64), t([1., 2. + 1e-8], dtype=torch.float64)
torch.nn.Parameter(torch.ones(2)), torch.ones(2)
torch.nn.Parameter(torch.ones(2)), torch.ones(2), allow_subclasses=False
np.ones(2), np.ones(2) * 2
np.float32(1), np.float32(2)
"""


def said(case, torch):
    """What comes of a case: "" or the error's class and words."""
    import numpy as np

    names = {"torch": torch, "t": torch.tensor, "np": np, "close": torch.testing.assert_close}
    try:
        eval(f"close({case})", names)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    import torch

    found = {case: said(case, torch) for case in CASES.strip().splitlines()}
    path = Path(__file__).with_name("close.json")
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
