"""Regenerate ``attention.npz``: what PyTorch 2.13 computes in attention, transformers, and bags.

    python tests/golden/make_attention.py

needs torch. Besides, it checks the claims below against PyTorch. Dropout: see ``make_layers.py``.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TARGET = HERE / "attention.npz"
facts = SimpleNamespace(**runpy.run_path(str(HERE / "facts.py")))
INF = float("inf")


def leaf(t: Any, seed: int, *shape: int, dtype: str = "float64") -> Any:
    """A tensor that requires a gradient."""
    return t.tensor(2 * facts.numbers(seed, *shape, dtype=dtype), requires_grad=True)


def outcome(t: Any, outputs: Any, leaves: dict[str, Any]) -> dict[str, np.ndarray]:
    """Values, gradients with respect to the leaves by name, and what the generator draws next."""
    outputs = [y for y in outputs if y is not None]
    grads = [t.tensor(facts.numbers(7 + k, *y.shape)).to(y.dtype) for k, y in enumerate(outputs)]
    found = {f"y{k}": facts.array(y) for k, y in enumerate(outputs)}
    found["next"] = facts.array(t.rand(1))
    t.autograd.backward(outputs, grads)
    return found | {f"d_{name}": facts.array(x.grad) for name, x in leaves.items()}


def drawn(layer: Any) -> dict[str, np.ndarray]:
    """The initial values; those that are not drawn from an interval are not exact."""
    return {
        f"{'values' if n.startswith('bias_') else 'weight'} {n}": facts.array(p)
        for n, p in layer.named_parameters()
    }


def stir(t: Any, layer: Any) -> None:
    """Change all parameters a little: no zeros and ones."""
    with t.no_grad():
        for k, p in enumerate(layer.parameters()):
            p.add_(t.tensor(0.3 * facts.numbers(k, *p.shape)).to(p.dtype))


# ------------------------------------------------------------------------------------------------
# scaled_dot_product_attention
# ------------------------------------------------------------------------------------------------


def mask_of(t: Any, kind: str | None, shape: tuple[int, ...], dtype: str) -> Any:
    """A mask of bools (True: look) or of numbers; the second row looks nowhere if `kind` says so."""
    if kind is None:
        return None
    numbers = facts.numbers(5, *shape)
    look = numbers > -0.5
    look[..., 0] = True
    if "nowhere" in kind:
        look[..., 1, :] = False
    if kind.startswith("bool"):
        return t.tensor(look)
    if kind.startswith("inf"):
        return t.tensor(np.where(look, 0, -np.inf).astype(dtype))
    return t.tensor(numbers.astype(dtype), requires_grad=True)


def run_attention(
    t: Any, shapes: Any, dtype: str, mask: Any = None, turned: bool = False, **options: Any
) -> dict[str, np.ndarray]:
    """Values and gradients; `turned`: heads and steps exchanged, as views of others."""
    t.manual_seed(4)
    leaves = {n: leaf(t, k, *s, dtype=dtype) for k, (n, s) in enumerate(zip("qkv", shapes), 1)}
    inputs = [x.transpose(1, 2) if turned else x for x in leaves.values()]
    attn_mask = None
    if mask is not None:
        attn_mask = mask_of(t, *mask, dtype)
        if attn_mask.requires_grad:
            leaves["mask"] = attn_mask
    y = t.nn.functional.scaled_dot_product_attention(*inputs, attn_mask, **options)
    return outcome(t, [y], leaves) | {"strides": np.array(y.stride(), float)}


PLAIN = ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5))
ATTENTION: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (PLAIN, {}),
    "turned": (((2, 4, 3, 5), (2, 6, 3, 5), (2, 6, 3, 5)), {"turned": True}),
    "one head": (((4, 5), (6, 5), (6, 3)), {}),
    "three axes": (((2, 4, 5), (2, 6, 5), (2, 6, 3)), {"scale": 0.3}),
    "broadcast": (((3, 1, 4, 5), (2, 6, 5), (1, 1, 6, 2)), {}),
    "causal": (PLAIN, {"is_causal": True}),
    "causal, more queries": (((2, 6, 5), (2, 3, 5), (2, 3, 4)), {"is_causal": True}),
    "bools": (PLAIN, {"mask": ("bool", (4, 6))}),
    "bools, nowhere": (PLAIN, {"mask": ("bool nowhere", (2, 1, 4, 6))}),
    "infinities, nowhere": (PLAIN, {"mask": ("inf nowhere", (4, 6))}),
    "numbers": (PLAIN, {"mask": ("numbers", (3, 4, 6))}),
    "numbers for all": (PLAIN, {"mask": ("numbers", (1, 6))}),
    "dropout": (PLAIN, {"dropout_p": 0.4}),
    "dropout and bools": (PLAIN, {"dropout_p": 0.4, "mask": ("bool nowhere", (4, 6))}),
    "all dropped": (PLAIN, {"dropout_p": 1.0}),
    "groups": (((2, 6, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)), {"enable_gqa": True}),
    "one group": (((6, 4, 5), (1, 6, 5), (1, 6, 3)), {"enable_gqa": True}),
    "no keys": (((2, 4, 5), (2, 0, 5), (2, 0, 3)), {}),
    "no queries": (((2, 0, 5), (2, 6, 5), (2, 6, 3)), {}),
}

# ------------------------------------------------------------------------------------------------
# MultiheadAttention
# ------------------------------------------------------------------------------------------------

E, H, L, S, N = 6, 2, 4, 5, 3


def masks(t: Any, kind: str, samples: int | None, dtype: str) -> dict[str, Any]:
    """Masks for a layer: True, or a number, where not to look."""
    count = samples or 1
    look = facts.numbers(3, count * H, L, S) > -0.6
    open_ = facts.numbers(4, count, S) > -0.3
    look[..., 0] = open_[..., 0] = True
    attn = look if "each" in kind else look[0]
    padding = open_ if samples else open_[0]

    def made(x: Any) -> Any:
        if "numbers" in kind:
            return t.tensor(np.where(x, 0.3, -np.inf).astype(dtype))
        return t.tensor(~x)

    found = {}
    if "attn" in kind:
        found["attn_mask"] = made(attn)
    if "padding" in kind:
        found["key_padding_mask"] = made(padding)
    return found


def run_layer(
    t: Any, dtype: str, inputs: str = "qkv", samples: int | None = N, mask: str = "",
    call: Any = None, evaluated: bool = False, **options: Any,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Parameters from a seed, values, weights, gradients. `inputs`: equal letters, equal tensors."""
    t.manual_seed(8)
    layer = t.nn.MultiheadAttention(E, H, dtype=getattr(t, dtype), **options)
    found = drawn(layer) if dtype == "float32" else {}
    stir(t, layer)
    sizes = {"q": (L, E), "k": (S, options.get("kdim", E)), "v": (S, options.get("vdim", E))}
    if inputs == "qqq":
        sizes["q"] = (S, E)
    leaves: dict[str, Any] = {}
    for k, letter in enumerate(inputs):
        steps, size = sizes[letter]
        shape = (steps, size) if samples is None else (steps, samples, size)
        if options.get("batch_first") and samples is not None:
            shape = (samples, steps, size)
        leaves.setdefault(letter, leaf(t, k, *shape, dtype=dtype))
    if evaluated:
        layer.eval()
    arguments = [leaves[letter] for letter in inputs]
    made = masks(t, mask, samples, dtype)
    outputs = layer(*arguments, **made, **(call or {}))
    leaves |= {f"{n} parameter": p for n, p in layer.named_parameters()}
    return found | outcome(t, outputs, leaves)


def run_causal(t: Any, need_weights: bool) -> dict[str, np.ndarray]:
    """With a mask, and the promise that it is a causal one."""
    t.manual_seed(8)
    layer = t.nn.MultiheadAttention(E, H, dtype=t.float64)
    x = leaf(t, 1, L, N, E)
    mask = t.nn.Transformer.generate_square_subsequent_mask(L, dtype=t.float64)
    outputs = layer(x, x, x, attn_mask=mask, is_causal=True, need_weights=need_weights)
    return outcome(t, outputs, {"x": x})


def run_static(t: Any) -> dict[str, np.ndarray]:
    """The function, with keys and values that are there already, and zeros behind them."""
    x = leaf(t, 1, L, N, E)
    leaves = {"x": x, "k": leaf(t, 2, N * H, S, E // H), "v": leaf(t, 3, N * H, S, E // H)}
    leaves |= {"w": leaf(t, 4, 3 * E, E), "o": leaf(t, 5, E, E)}
    outputs = t.nn.functional.multi_head_attention_forward(
        x, x, x, E, H, leaves["w"], None, None, None, True, 0.0, leaves["o"], None,
        static_k=leaves["k"], static_v=leaves["v"],
    )  # fmt: skip
    return outcome(t, outputs, leaves)


NO_WEIGHTS = {"need_weights": False}
LAYERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "without weights": {"call": NO_WEIGHTS},
    "self": {"inputs": "qqq"},
    "self, without weights": {"inputs": "qqq", "call": NO_WEIGHTS},
    "memory": {"inputs": "qkk", "call": {"average_attn_weights": False}},
    "unbatched": {"samples": None},
    "unbatched, self, without weights": {"inputs": "qqq", "samples": None, "call": NO_WEIGHTS},
    "unbatched, masks": {"samples": None, "mask": "attn each padding"},
    "unbatched, not averaged": {"samples": None, "call": {"average_attn_weights": False}},
    "batch first": {"batch_first": True, "inputs": "qkk"},
    "batch first, self": {"batch_first": True, "inputs": "qqq", "call": NO_WEIGHTS},
    "no bias": {"bias": False},
    "sizes": {"kdim": 4, "vdim": 3},
    "sizes, without bias and weights": {"kdim": 4, "vdim": 4, "bias": False, "call": NO_WEIGHTS,
                                        "inputs": "qkk"},
    "more keys": {"add_bias_kv": True, "add_zero_attn": True, "mask": "attn padding"},
    "more keys, without weights": {"add_bias_kv": True, "add_zero_attn": True, "call": NO_WEIGHTS},
    "zeros": {"add_zero_attn": True, "mask": "attn each", "call": NO_WEIGHTS},
    "mask": {"mask": "attn"},
    "mask for each": {"mask": "attn each", "call": NO_WEIGHTS},
    "padding": {"mask": "padding"},
    "padding, without weights": {"mask": "padding numbers", "call": NO_WEIGHTS},
    "masks": {"mask": "attn padding numbers"},
    "masks, without weights": {"mask": "attn each padding", "call": NO_WEIGHTS},
    "dropout": {"dropout": 0.3},
    "dropout, without weights": {"dropout": 0.3, "call": NO_WEIGHTS, "batch_first": True},
    "evaluated": {"dropout": 0.3, "evaluated": True},
}  # fmt: skip
OF_BOTH_TYPES = ("plain", "self, without weights", "sizes", "more keys", "dropout", "masks")

# ------------------------------------------------------------------------------------------------
# Transformers
# ------------------------------------------------------------------------------------------------


def run_transformer(
    t: Any, kind: str, dtype: str, samples: int | None = N, mask: str = "", norm: bool = False,
    **options: Any,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Parameters from a seed, values, gradients."""
    t.manual_seed(9)
    options = {"dim_feedforward": 7, "dropout": 0.0, "dtype": getattr(t, dtype)} | options
    if options.get("activation") == "module":
        options["activation"] = t.nn.GELU()
    nn = t.nn
    if kind == "Transformer":
        model = nn.Transformer(E, H, 1, 1, **options)
    else:
        model = getattr(nn, f"Transformer{kind.removesuffix('s')}Layer")(E, H, **options)
    if kind.endswith("s"):
        last = nn.LayerNorm(E, dtype=getattr(t, dtype)) if norm else None
        model = getattr(nn, f"Transformer{kind.removesuffix('s')}")(model, 2, last)
    found = drawn(model) if dtype == "float32" else {}
    stir(t, model)

    def sequences(seed: int, steps: int) -> Any:
        shape = (steps, E) if samples is None else (steps, samples, E)
        if options.get("batch_first") and samples is not None:
            shape = (samples, steps, E)
        return leaf(t, seed, *shape, dtype=dtype)

    leaves = {"src": sequences(1, S), "tgt": sequences(2, L)}
    causal = nn.Transformer.generate_square_subsequent_mask(L, dtype=getattr(t, dtype))
    made = masks(t, mask + " numbers", samples, dtype)
    memory, padding = made.get("attn_mask"), made.get("key_padding_mask")
    if kind == "Transformer":
        y = model(**leaves, tgt_mask=causal, memory_mask=memory, src_key_padding_mask=padding,
                  memory_key_padding_mask=padding)  # fmt: skip
    elif kind.startswith("Encoder"):
        y = model(leaves.pop("src"), src_key_padding_mask=padding)
    else:
        y = model(leaves["tgt"], leaves["src"], causal, memory, None, padding)
    leaves = {n: x for n, x in leaves.items() if not kind.startswith("Encoder")}
    return found | outcome(t, [y], leaves | dict(model.named_parameters()))


TRANSFORMERS: dict[str, dict[str, Any]] = {
    "plain-float32": {},
    "norm first-float64": {"norm_first": True, "activation": "gelu", "norm": True},
    "masks-float64": {"mask": "attn padding", "layer_norm_eps": 1e-2},
    "batch first-float64": {"batch_first": True, "mask": "padding", "bias": False},
    "unbatched-float64": {"samples": None, "mask": "attn padding"},
    "dropout-float64": {"dropout": 0.2},
    "dropout, batch first-float32": {"dropout": 0.2, "batch_first": True, "norm_first": True},
}

# ------------------------------------------------------------------------------------------------
# Bags
# ------------------------------------------------------------------------------------------------

BAG = [1, 4, 4, 0, 3, 5, 1, 2, 4]
WEIGHTS = facts.numbers(3, len(BAG))


def run_bag(
    t: Any, mode: str, form: str, dtype: str, weighted: bool = False, **options: Any
) -> dict[str, np.ndarray]:
    """The table from a seed, values, gradients, and the table afterwards."""
    t.manual_seed(3)
    kind = t.int32 if form == "int32" else t.int64
    layer = t.nn.EmbeddingBag(6, 3, mode=mode, dtype=getattr(t, dtype), **options)
    found = {"values": facts.array(layer.weight)}
    index, offsets = t.tensor(BAG).to(kind), None
    shape = (3, 3) if form == "rows" else (9,)
    if form != "rows":
        offsets = [0, 2, 2, 5, 9] if options.get("include_last_offset") else [0, 2, 2, 5]
        offsets = t.tensor(offsets).to(kind)
    leaves = {"table": layer.weight}
    factors = None
    if weighted:
        factors = leaves["factors"] = t.tensor(
            WEIGHTS.reshape(shape).astype(dtype), requires_grad=True
        )
    y = layer(index.reshape(shape), offsets, factors)
    return found | outcome(t, [y], leaves) | {"after": facts.array(layer.weight)}


BAGS: dict[str, Any] = {
    f"{mode} {form} {options}-{dtype}": (mode, form, dtype, options)
    for mode in ("sum", "mean", "max")
    for form in ("rows", "int64", "int32")
    for dtype, options in (
        ("float32", {}),
        ("float64", {"padding_idx": 4}),
        ("float64", {"padding_idx": -6, "include_last_offset": True}),
        ("float32", {"max_norm": 1.0}),
        ("float64", {"max_norm": 0.7, "norm_type": 1.0, "padding_idx": 0}),
        ("float64", {"weighted": True}),
        ("float32", {"weighted": True, "padding_idx": 1}),
    )
    if mode == "sum" or "weighted" not in options
}

RUNS = (
    {
        f"attention {name}-{dtype}": lambda t, a=(shapes, dtype), o=o: run_attention(t, *a, **o)
        for name, (shapes, o) in ATTENTION.items()
        for dtype in ("float32", "float64")
    }
    | {
        f"layer {name}-{dtype}": lambda t, d=dtype, o=o: run_layer(t, d, **o)
        for name, o in LAYERS.items()
        for dtype in (("float32", "float64") if name in OF_BOTH_TYPES else ("float64",))
    }
    | {f"layer causal {n}": lambda t, n=n: run_causal(t, n) for n in (True, False)}
    | {"static keys": run_static}
    | {
        f"{kind} {name}": lambda t, a=(kind, name[-7:]), o=o: run_transformer(t, *a, **o)
        for kind in ("Encoder", "Decoder", "Encoders", "Decoders", "Transformer")
        for name, o in TRANSFORMERS.items()
    }
    | {
        f"{kind} of a module-float64": lambda t, kind=kind: run_transformer(
            t, kind, "float64", activation="module"
        )
        for kind in ("Encoder", "Decoder", "Encoders")
    }
    | {f"bag {name}": lambda t, a=a, o=o: run_bag(t, *a, **o) for name, (*a, o) in BAGS.items()}
)

# ------------------------------------------------------------------------------------------------
# Claims
# ------------------------------------------------------------------------------------------------


def sdpa(*shapes: Any, **options: Any) -> Any:
    """A scene: attention of zeros of these shapes."""
    return lambda t: t.nn.functional.scaled_dot_product_attention(
        *[t.zeros(s) for s in shapes], **{n: o(t) if callable(o) else o for n, o in options.items()}
    )


def layer(*shapes: Any, made: Any = (E, H), call: Any = None, **options: Any) -> Any:
    """A scene: a layer, called with zeros of these shapes."""

    def scene(t: Any) -> Any:
        given = {n: o(t) if callable(o) else o for n, o in (call or {}).items()}
        return t.nn.MultiheadAttention(*made, **options)(*[t.zeros(s) for s in shapes], **given)

    return scene


def bag(input: Any, offsets: Any = None, table: Any = (6, 3), **options: Any) -> Any:
    """A scene: bags of a table of zeros."""
    return lambda t: t.nn.functional.embedding_bag(
        t.tensor(input), t.zeros(table), None if offsets is None else t.tensor(offsets),
        **{n: o(t) if callable(o) else o for n, o in options.items()},
    )  # fmt: skip


X, Y = (L, N, E), (S, N, E)
ERRORS: dict[str, Any] = {
    "sdpa one axis": ("RuntimeError", "at least 2 dimensional", sdpa((3,), (3,), (3,))),
    "sdpa types": ("RuntimeError", "same dtype, but got query.dtype.*key.dtype.*value.dtype",
                   lambda t: t.nn.functional.scaled_dot_product_attention(
                       t.zeros(2, 3), t.zeros(2, 3).double(), t.zeros(2, 3))),
    "sdpa integers": ("RuntimeError", "(Float|float).* (Long|long)",
                      lambda t: t.nn.functional.scaled_dot_product_attention(
                          *[t.ones(2, 3).long()] * 3)),
    "sdpa sizes": ("RuntimeError", r"first two dimensions of batch2 tensor to be: \[2, 5\] but "
                   r"got: \[2, 4\]", sdpa((2, 3, 5), (2, 6, 4), (2, 6, 4))),
    "sdpa steps": ("RuntimeError", r"first two dimensions of batch2 tensor to be: \[2, 6\] but "
                   r"got: \[2, 7\]", sdpa((2, 3, 5), (2, 6, 5), (2, 7, 4))),
    "sdpa batches": ("RuntimeError", r"size of tensor a \(2\) must match the size of tensor b "
                     r"\(3\) at non-singleton dimension 0", sdpa((2, 3, 5), (3, 6, 5), (3, 6, 4))),
    "sdpa mask and causal": ("RuntimeError", "Explicit attn_mask should not be set when is_causal",
                             sdpa((2, 3), (2, 3), (2, 3), is_causal=True,
                                  attn_mask=lambda t: t.ones(2, 2))),
    "sdpa mask of integers": ("RuntimeError", "Expected attn_mask dtype to be bool or float or to "
                              "match query dtype",
                              sdpa((2, 3), (2, 3), (2, 3), attn_mask=lambda t: t.ones(2, 2).long())),
    "sdpa mask of doubles": ("RuntimeError", "Expected attn_mask dtype to be bool or float or to "
                             "match query dtype",
                             sdpa((2, 3), (2, 3), (2, 3),
                                  attn_mask=lambda t: t.ones(2, 2).double())),
    "sdpa mask's shape": ("RuntimeError", r"size of tensor a \(3\) must match the size of tensor b "
                          r"\(4\) at non-singleton dimension 1",
                          sdpa((2, 5), (3, 5), (3, 5), attn_mask=lambda t: t.ones(2, 4))),
    "sdpa mask with more axes": ("RuntimeError", "output with shape .* doesn't match the broadcast "
                                 "shape", sdpa((2, 5), (3, 5), (3, 5),
                                               attn_mask=lambda t: t.ones(4, 2, 3))),
    "sdpa probability": ("RuntimeError", "dropout probability has to be between 0 and 1, but got "
                         "1.5", sdpa((2, 3), (2, 3), (2, 3), dropout_p=1.5)),
    "sdpa groups": ("RuntimeError", "Number of heads in key and value must divide the number of "
                    "heads in", sdpa((6, 3, 5), (4, 3, 5), (4, 3, 5), enable_gqa=True)),
    "sdpa groups without heads": ("IndexError", "Dimension out of range",
                                  sdpa((3, 5), (3, 5), (3, 5), enable_gqa=True)),
    "layer heads": ("AssertionError", "embed_dim must be divisible by num_heads",
                    layer(made=(6, 4))),
    "layer nothing": ("ValueError", "embed_dim and num_heads must be greater than 0",
                      layer(made=(6, 0))),
    "layer axes": ("AssertionError", "should be unbatched 2D or batched 3D tensor but received 4-D",
                   layer((1, *X), X, X)),
    "layer axes of key": ("AssertionError", r"For batched \(3-D\) `query`, expected `key` and "
                          "`value` to be 3-D but found 2-D", layer(X, (S, E), (S, E))),
    "layer axes of value": ("AssertionError", r"For unbatched \(2-D\) `query`, expected `key` and "
                            "`value` to be 2-D but found 2-D and 3-D", layer((L, E), (S, E), X)),
    "layer axes of padding": ("AssertionError", "expected `key_padding_mask` to be `None` or 2-D "
                              "but found 1-D", layer(X, Y, Y, call={
                                  "key_padding_mask": lambda t: t.zeros(S)})),
    "layer axes of mask": ("AssertionError", "expected `attn_mask` to be `None`, 2-D or 3-D but "
                           "found 1-D", layer(X, Y, Y, call={"attn_mask": lambda t: t.zeros(S)})),
    "layer unbatched mask": ("AssertionError", r"Expected `attn_mask` shape to be \(2, 4, 5\)",
                             layer((L, E), (S, E), (S, E), call={
                                 "attn_mask": lambda t: t.zeros(3, L, S)})),
    "layer size": ("AssertionError", "was expecting embedding dimension of 6, but got 5",
                   layer((L, N, 5), Y, Y)),
    "layer key and value": ("AssertionError", "key shape .*does not match value shape",
                            layer(X, Y, (S + 1, N, E))),
    "layer steps of key and value": ("AssertionError", "key's sequence and batch dims .*do not "
                                     "match value's",
                                     layer(X, (S, N, 4), (S + 1, N, 3), kdim=4, vdim=3)),
    "layer size of key": ("AssertionError", r"expecting key weights shape of \(6, 5\)",
                          layer(X, (S, N, 5), (S, N, 3), kdim=4, vdim=3)),
    "layer batches": ("RuntimeError", "shape '.*' is invalid", layer(X, (S, 4, E), (S, 4, E))),
    "layer mask of integers": ("AssertionError", "only bool and floating types of attn_mask are "
                               "supported", layer(X, Y, Y, call={
                                   "attn_mask": lambda t: t.zeros(L, S).long()})),
    "layer padding of integers": ("AssertionError", "only bool and floating types of "
                                  "key_padding_mask are supported", layer(X, Y, Y, call={
                                      "key_padding_mask": lambda t: t.zeros(N, S).long()})),
    "layer mask's shape": ("RuntimeError", r"The shape of the 2D attn_mask is .*, but should be "
                           r"\(4, 5\)", layer(X, Y, Y, call={
                               "attn_mask": lambda t: t.zeros(S, L)})),
    "layer shape of masks": ("RuntimeError", r"The shape of the 3D attn_mask is .*, but should be "
                             r"\(6, 4, 5\)", layer(X, Y, Y, call={
                                 "attn_mask": lambda t: t.zeros(N, L, S)})),
    "layer padding's samples": ("AssertionError", r"key_padded_mask.shape\[0\] to be 3, but got 2",
                                layer(X, Y, Y, call={
                                    "key_padding_mask": lambda t: t.zeros(2, S) > 0})),
    "layer padding's steps": ("AssertionError", r"key_padded_mask.shape\[1\] to be 5, but got 4",
                              layer(X, Y, Y, call={
                                  "key_padding_mask": lambda t: t.zeros(N, L) > 0})),
    "layer causal without mask": ("RuntimeError", "Need attn_mask if specifying the is_causal hint",
                                  layer(X, Y, Y, call={"is_causal": True})),
    "activation": ("RuntimeError", "activation should be relu/gelu, not tanh",
                   lambda t: t.nn.TransformerEncoderLayer(E, H, activation="tanh")),
    "transformer batches": ("RuntimeError", "batch number of src and tgt must be equal",
                            lambda t: t.nn.Transformer(E, H, 1, 1, 7)(
                                t.zeros(S, 2, E), t.zeros(X))),
    "transformer sizes": ("RuntimeError", "feature number of src and tgt must be equal to d_model",
                          lambda t: t.nn.Transformer(E, H, 1, 1, 7)(
                              t.zeros(S, N, 5), t.zeros(X))),
    "bag axes": ("ValueError", "input has to be 1D or 2D Tensor, but got Tensor of dimension 3",
                 bag([[[1]]])),
    "bag without offsets": ("ValueError", "offsets has to be a 1D Tensor but got None", bag([1])),
    "bag axes of offsets": ("ValueError", "offsets has to be a 1D Tensor", bag([1], [[0]])),
    "bag rows with offsets": ("ValueError", "if input is 2D, then offsets has to be None",
                              bag([[1]], [0])),
    "bag table": ("ValueError", "weight has to be a 2D Tensor, but got Tensor of dimension 1",
                  bag([1], [0], (6,))),
    "bag mode": ("ValueError", "mode has to be one of sum, mean or max",
                 bag([1], [0], mode="min")),
    "bag frequency": ("ValueError", "max mode does not support scaling the gradient",
                      bag([1], [0], mode="max", scale_grad_by_freq=True)),
    "bag sparse maximum": ("ValueError", "max mode does not support sparse weights",
                           bag([1], [0], mode="max", sparse=True)),
    "bag factors' shape": ("ValueError", "must have the same shape as the input",
                           bag([[1]], mode="sum", per_sample_weights=lambda t: t.ones(1))),
    "bag factors' type": ("RuntimeError", "to have the same type as tensor for argument .* "
                          "'per_sample_weights'",
                          bag([1], [0], mode="sum", per_sample_weights=lambda t: t.ones(1).double())),
    "bag factors' mode": ("NotImplementedError", "only supported for mode='sum' .got mode='mean'",
                          bag([1], [0], per_sample_weights=lambda t: t.ones(1))),
    "bag index": ("RuntimeError", "Index 1 of input takes value 6 which is not in the valid range",
                  bag([1, 6], [0])),
    "bag negative index": ("RuntimeError", "Index 0 of input takes value -1 which is not in the",
                           bag([-1, 2], [0])),
    "bag index type": ("RuntimeError", "'indices' to have one of the following scalar types: Long, "
                       "Int; but got .*Float", bag([1.0], [0])),
    "bag first offset": ("RuntimeError", r"offsets\[0\] has to be 0.*got 1", bag([1, 2], [1])),
    "bag last offset": ("RuntimeError", r"offsets\[-1\] can not be greater than input's length 2 "
                        r"but got offsets\[-1\] of 3", bag([1, 2], [0, 3])),
    "bag no last offset": ("RuntimeError", "number of offset should be at least 1",
                           lambda t: t.nn.functional.embedding_bag(
                               t.ones(0).long(), t.ones(6, 3), t.ones(0).long(),
                               include_last_offset=True)),
    "bag padding": ("RuntimeError", "padding_idx must be within the number of embeddings",
                    bag([1], [0], padding_idx=6)),
    "bag layer padding": ("AssertionError", "padding_idx must be within num_embeddings",
                          lambda t: t.nn.EmbeddingBag(5, 3, padding_idx=-6)),
    "bag layer shape": ("AssertionError", "Shape of weight does not match",
                        lambda t: t.nn.EmbeddingBag(5, 3, _weight=t.ones(3, 5))),
    "bag pretrained": ("AssertionError", "expected to be 2-dimensional",
                       lambda t: t.nn.EmbeddingBag.from_pretrained(t.ones(3))),
}  # fmt: skip


def names(model: Any) -> Any:
    """The names in the state dict."""
    return facts.Plain(*model.state_dict())


TEXTS: list[tuple[str, Any]] = [
    ("MultiheadAttention( (out_proj): NonDynamicallyQuantizableLinear(in_features=4, "
     "out_features=4, bias=True) )",
     lambda t: facts.Plain(*repr(t.nn.MultiheadAttention(4, 2)).split())),
    ("in_proj_weight in_proj_bias bias_k bias_v out_proj.weight out_proj.bias",
     lambda t: names(t.nn.MultiheadAttention(4, 2, add_bias_kv=True))),
    ("q_proj_weight k_proj_weight v_proj_weight out_proj.weight",
     lambda t: names(t.nn.MultiheadAttention(4, 2, kdim=3, bias=False))),
    ("self_attn.in_proj_weight self_attn.in_proj_bias self_attn.out_proj.weight "
     "self_attn.out_proj.bias linear1.weight linear1.bias linear2.weight linear2.bias norm1.weight "
     "norm1.bias norm2.weight norm2.bias",
     lambda t: names(t.nn.TransformerEncoderLayer(4, 2))),
    ("self_attn.in_proj_weight self_attn.out_proj.weight multihead_attn.in_proj_weight "
     "multihead_attn.out_proj.weight linear1.weight linear2.weight norm1.weight norm2.weight "
     "norm3.weight",
     lambda t: names(t.nn.TransformerDecoderLayer(4, 2, bias=False))),
    ("self_attn linear1 dropout linear2 norm1 norm2 norm3 dropout1 dropout2 dropout3 activation",
     lambda t: facts.Plain(*[
         n for n, _ in t.nn.TransformerDecoderLayer(4, 2, activation=t.nn.GELU()).named_children()
         if n != "multihead_attn"])),
    ("tensor([[0., -inf, -inf], [0., 0., -inf], [0., 0., 0.]])",
     lambda t: facts.Plain(
         *repr(t.nn.Transformer.generate_square_subsequent_mask(3)).split())),
    ("EmbeddingBag(5, 3, max_norm=2.0, norm_type=3.0, scale_grad_by_freq=True, mode='sum', "
     "padding_idx=1)",
     lambda t: t.nn.EmbeddingBag(5, 3, 2.0, 3.0, True, "sum", padding_idx=1)),
    ("EmbeddingBag(5, 3, mode='mean') False",
     lambda t: (lambda m: facts.Plain(m, m.weight.requires_grad))(
         t.nn.EmbeddingBag.from_pretrained(t.ones(5, 3)))),
    ("True", lambda t: t.nn.EmbeddingBag.from_pretrained(
        t.ones(5, 3), freeze=False).weight.requires_grad),
    ("[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]",
     lambda t: t.nn.functional.embedding_bag(
         t.ones(0).long(), t.ones(5, 3), t.zeros(2).long()).tolist()),
]  # fmt: skip


def main() -> None:
    """Check the claims, and store the runs."""
    import torch

    facts.verify(torch, ERRORS, TEXTS)
    facts.save(TARGET, torch, RUNS)
    print(f"{len(RUNS)} runs of torch {torch.__version__}")


if __name__ == "__main__":
    main()
