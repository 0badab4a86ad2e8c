"""What each operation of `minigrad.ops.elementwise` computes, in a line: their docstrings.

The operations are made from tables of NumPy functions and gradient rules, which would not be tables
any more with a docstring in each line.
"""

MEANINGS = {
    # two arguments, broadcast against each other
    "add": "``input + other``.",
    "sub": "``input - other``.",
    "rsub": "``other - input``.",
    "mul": "``input * other``.",
    "div": "``input / other``; integers give floating point numbers.",
    "pow": "``input`` to the power of ``other``.",
    "floor_divide": "``input / other``, rounded down to an integer.",
    "remainder": "What is left after `floor_divide`; it has the sign of ``other``.",
    "fmod": "What is left after division rounded towards zero; it has the sign of ``input``.",
    "maximum": "The larger of ``input`` and ``other``; equal ones get half of the gradient each.",
    "minimum": "The smaller of ``input`` and ``other``; equal ones get half of the gradient each.",
    "atan2": "The angle, from -pi to pi, of the point with x = ``other`` and y = ``input``.",
    "hypot": "The length of the hypotenuse, ``sqrt(input**2 + other**2)``, without overflow.",
    # signs and simple powers
    "neg": "``-input``.",
    "abs": "The absolute value; its gradient at 0 is 0.",
    "sign": "-1, 0 or 1, as the sign is.",
    "square": "``input * input``.",
    "sqrt": "The square root.",
    "rsqrt": "One over the square root.",
    "reciprocal": "One over ``input``.",
    # exponentials and logarithms
    "exp": "e to the power of ``input``.",
    "exp2": "2 to the power of ``input``.",
    "expm1": "``exp(input) - 1``, exact also near 0.",
    "log": "The natural logarithm.",
    "log2": "The logarithm to base 2.",
    "log10": "The logarithm to base 10.",
    "log1p": "``log(1 + input)``, exact also near 0.",
    # angles in radians
    "sin": "The sine.",
    "cos": "The cosine.",
    "tan": "The tangent.",
    "asin": "The angle, from -pi/2 to pi/2, whose sine is ``input``.",
    "acos": "The angle, from 0 to pi, whose cosine is ``input``.",
    "atan": "The angle, from -pi/2 to pi/2, whose tangent is ``input``.",
    "sinh": "The hyperbolic sine.",
    "cosh": "The hyperbolic cosine.",
    "erf": "The error function, the integral of ``2 / sqrt(pi) exp(-t**2)`` from 0 to ``input``.",
    # activations
    "tanh": "The hyperbolic tangent.",
    "sigmoid": "``1 / (1 + exp(-input))``.",
    "relu": "``input`` where it is positive, else 0; the gradient at 0 is 0.",
    # rounding; the gradient is 0
    "floor": "Rounded down to an integer.",
    "ceil": "Rounded up to an integer.",
    "trunc": "Rounded towards zero to an integer.",
    "round": "Rounded to the nearest integer, halves to the even one.",
    # comparison: bools, without a gradient
    "eq": "Where ``input == other``.",
    "ne": "Where ``input != other``.",
    "lt": "Where ``input < other``.",
    "le": "Where ``input <= other``.",
    "gt": "Where ``input > other``.",
    "ge": "Where ``input >= other``.",
    "isnan": "Where ``input`` is not a number.",
    "isinf": "Where ``input`` is infinite, of either sign.",
    "isfinite": "Where ``input`` is neither infinite nor NaN.",
    "logical_and": "Where both are true (not 0).",
    "logical_or": "Where at least one is true (not 0).",
    "logical_xor": "Where exactly one is true (not 0).",
    "logical_not": "Where ``input`` is false (0).",
    "bitwise_and": "The bits that both have; for bools the same as `logical_and`.",
    "bitwise_or": "The bits that at least one has; for bools the same as `logical_or`.",
    "bitwise_xor": "The bits that exactly one has; for bools the same as `logical_xor`.",
    "bitwise_not": "The bits turned over; for bools the same as `logical_not`.",
}
