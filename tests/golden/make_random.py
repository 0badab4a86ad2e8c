"""Write random.json: what PyTorch's CPU generator draws, for tests/test_random_streams.py.

Run with an interpreter that has PyTorch (2.13 made the file that is kept):

    python tests/golden/make_random.py

A *stream* is a seed and a list of steps; a step is a call of minigrad's ``Generator`` (name and
keyword arguments), the values PyTorch gives for it (of long results the first 4 and the last 20),
the normal value PyTorch keeps for later (or null), and the SHA-256 of its state afterwards, in
which the bits of the kept value are set to zero: their last one is the C library's. A processor
of Intel's gives other numbers for ``bernoulli`` and ``exponential``, since PyTorch uses MKL's
generator there: use another one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
import zlib
from pathlib import Path
from typing import Any

import torch

SIZES = (0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 100, 1000)
FLOATS = ("float32", "float64")


def torch_draw(g: torch.Generator, call: str, args: dict[str, Any]) -> torch.Tensor:
    """Do with PyTorch what the method `call` of minigrad's generator does."""
    args = dict(args)
    dtype = getattr(torch, args.pop("dtype", "float32"))
    shape = args.pop("shape", None)
    if call == "permutation":
        return torch.randperm(args["n"], generator=g)
    if call == "multinomial":
        probs = torch.tensor(args["probs"], dtype=dtype)
        return torch.multinomial(probs, args["num_samples"], args["replacement"], generator=g)
    if call == "bernoulli" and isinstance(args["p"], list):
        return torch.bernoulli(torch.tensor(args["p"], dtype=dtype), generator=g)
    if call == "normal" and not args.pop("blocks", True):
        column = torch.empty(shape, 2, dtype=dtype)[:, 0]  # not contiguous
        return column.normal_(args.get("mean", 0.0), args.get("std", 1.0), generator=g)
    out = torch.empty(shape, dtype=dtype)
    if call == "uniform":
        return out.uniform_(args.get("low", 0.0), args.get("high", 1.0), generator=g)
    if call == "normal":
        return out.normal_(args.get("mean", 0.0), args.get("std", 1.0), generator=g)
    if call == "integers":
        return out.random_(args["low"], args["high"], generator=g)
    if call == "any_integers":
        return out.random_(generator=g)
    return getattr(out, call + "_")(**args, generator=g)


def short(values: torch.Tensor) -> list[Any]:
    # The text of a float32's own digits is shorter than that of the same number as a float64.
    array = values.flatten().numpy()
    items = [float(str(v)) for v in array] if values.is_floating_point() else array.tolist()
    return items if len(items) <= 40 else items[:4] + items[-20:]


def state_facts(g: torch.Generator) -> dict[str, Any]:
    state = g.get_state().numpy()
    kept = float(state[5024:5032].view("<f8")[0]) if state[5040] else None
    state[5024:5032] = 0
    return {"kept": kept, "state": hashlib.sha256(state.tobytes()).hexdigest()}


def stream(seed: int, calls: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    g = torch.Generator()
    g.manual_seed(seed)
    steps = []
    for call, args in calls:
        values = torch_draw(g, call, args)
        steps.append(
            {
                "call": call,
                "args": args,
                "shape": list(values.shape),
                "values": short(values),
                **state_facts(g),
            }
        )
    return {"seed": seed, "steps": steps}


def streams() -> dict[str, Any]:
    out = {}
    for dtype in FLOATS:
        for size in SIZES:
            base = {"shape": size, "dtype": dtype}
            calls = [
                ("uniform", base),
                ("normal", base),
                ("uniform", {**base, "low": -0.3, "high": 0.7}),
                ("normal", {**base, "mean": 0.5, "std": 2.0}),
            ]
            out[f"uniform and normal, {size} of {dtype}"] = stream(size + 1, calls)
            out[f"inversion, {size} of {dtype}"] = stream(
                size + 2,
                [
                    ("exponential", {**base, "lambd": 1.7}),
                    ("log_normal", {**base, "mean": 0.5, "std": 0.7}),
                    ("cauchy", {**base, "median": 0.5, "sigma": 2.0}),
                    ("geometric", {**base, "p": 0.3}),
                    ("bernoulli", {**base, "p": 0.3}),
                    ("normal", {**base, "blocks": False}),
                ],
            )
        p = [0.0, 0.1, 0.2, 0.5, 0.9, 1.0] * 3
        out[f"coin flips of {dtype} probabilities"] = stream(
            3, [("bernoulli", {"p": p, "dtype": dtype}), ("uniform", {"shape": 2})]
        )
        weights = [[0.1, 0.0, 3.0, 2.0, 0.7, 1.1], [5.0, 1.0, 0.2, 0.3, 9.0, 4.0]]
        calls = []
        for probs in (weights[0], weights):
            for count, replacement in ((1, False), (1, True), (3, False), (5, False), (7, True)):
                args = {"probs": probs, "num_samples": count, "replacement": replacement}
                calls.append(("multinomial", {**args, "dtype": dtype}))
        many = [(i % 17 + 1) / 8 for i in range(301)]
        for count, replacement in ((1, False), (30, False), (300, True)):
            args = {"probs": many, "num_samples": count, "replacement": replacement}
            calls.append(("multinomial", {**args, "dtype": dtype}))
        out[f"multinomial of {dtype}"] = stream(11, calls)

        narrow = {"low": 1000.0, "high": 1000.0 + 2.0 ** (-12 if dtype == "float32" else -41)}
        out[f"a few {dtype} numbers wide"] = stream(
            13, [("uniform", {"shape": 40, "dtype": dtype, **narrow})]
        )

    integer_dtypes = ("int64", "int32", "int16", "int8", "uint8", "bool", *FLOATS)
    for dtype in integer_dtypes:
        calls = [("any_integers", {"shape": n, "dtype": dtype}) for n in (0, 1, 5, 100)]
        out[f"whole range of {dtype}"] = stream(4, calls)
    ranges: list[tuple[str, int, int | None]] = [
        *(("int64", 0, 2**k + d) for k in (1, 16, 28, 31, 32, 40) for d in (-1, 0, 1)),
        *(("int32", -(2**27), 2**27 + d) for d in (-1, 0, 1)),
        ("int64", -7, 20),
        ("int64", -(2**63), 2**63 - 1),
        ("int64", -(2**62) - 2**61, 2**63 - 1),
        ("int64", -(2**63), None),
        ("int64", -5, None),
        ("int32", -(2**31), None),
        ("int8", -128, 128),
        ("uint8", 0, 256),
        ("uint8", 3, None),
        ("bool", 0, 2),
        ("float32", -3, 9),
        ("float32", -(2**24), 2**24 + 1),
        ("float32", -5, None),
        ("float64", -(2**53), 2**53 + 1),
        ("float64", -5, None),
        ("float32", 0, 2**30),  # from here on PyTorch warns
        ("float32", -(2**30) + 1, 3),
        ("float32", -(2**30) - 3, 2**30 + 5),
    ]
    out["integer ranges"] = stream(
        5, [("integers", {"shape": 6, "low": a, "high": b, "dtype": d}) for d, a, b in ranges]
    )
    out["permutations"] = stream(6, [("permutation", {"n": n}) for n in (*SIZES, 70_000)])
    out["seed 0"] = stream(0, [("uniform", {"shape": 5})])
    out["the kept normal value"] = stream(
        7,
        [
            ("normal", {"shape": 1}),  # keeps one
            ("uniform", {"shape": 3}),  # leaves it alone
            ("normal", {"shape": 16}),  # so does a draw of blocks
            ("normal", {"shape": 0}),
            ("normal", {"shape": 2, "dtype": "float64"}),  # takes it, keeps another
            ("normal", {"shape": 33, "dtype": "float64"}),
            ("log_normal", {"shape": 20}),  # takes that one, and keeps a third
            ("permutation", {"n": 4}),
            ("normal", {"shape": [3, 5]}),
            ("normal", {"shape": [4, 5]}),
            ("normal", {"shape": []}),
        ],
    )
    # 624 words make one generation of mt19937: stop just before, on, and after its end.
    out["generations"] = stream(
        8, [("uniform", {"shape": n}) for n in (623, 1, 1, 623, 624, 1248, 1)]
    )
    for seed in (-1, -(2**63), 2**63, 2**64 - 1, 2**32 + 5, 67280421310721):
        out[f"seed {seed}"] = stream(seed, [("uniform", {"shape": 0}), ("uniform", {"shape": 3})])
    return out


def saved_states() -> list[dict[str, Any]]:
    """States PyTorch saved, and what it draws from there on."""
    cases = []
    for first in ([], [("uniform", {"shape": 700}), ("normal", {"shape": 1})]):
        g = torch.Generator()
        g.manual_seed(12)
        for call, args in first:
            torch_draw(g, call, args)
        state = base64.b64encode(zlib.compress(g.get_state().numpy().tobytes(), 9)).decode()
        args = {"shape": 5}
        cases.append(
            {"bytes": state, "initial_seed": 12, "normal": short(torch_draw(g, "normal", args))}
        )
    return cases


def main() -> None:
    warnings.simplefilter("ignore")
    facts = {"torch": torch.__version__, "streams": streams(), "saved_states": saved_states()}
    lines = ["{", f'"torch": {json.dumps(facts["torch"])},', '"saved_states": [']
    lines.append(",\n".join(json.dumps(s) for s in facts["saved_states"]))
    lines += ["],", '"streams": {']
    lines.append(
        ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in facts["streams"].items())
    )
    lines += ["}", "}"]
    Path(__file__).with_name("random.json").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
