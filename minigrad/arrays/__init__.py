"""Plain NumPy arrays: what minigrad knows about numbers before there are tensors.

What belongs here takes and returns arrays, types and shapes, and imports nothing of minigrad: the
ground floor of the house.

- `dtypes`: the data types, the default one, and which type wins.
- `size`: `Size`, `device`, `layout`, `Storage`: what a tensor says of its array.
- `absent`: what minigrad will not have, and the errors that say so.
- `sums`: sums of many numbers, accurate along every axis.
- `printing`: how arrays are written as text; `display`: how notebooks show them.
- `recording`: arrays that write down what is done with them (see `minigrad.plans`).
"""
