"""Plans: a step as a list of instructions, recorded once, and run without the step's Python.

The step of a recurrence that a user wrote is a pure function of tensors, as a rule. It is run once
on example arrays that write down what NumPy is asked to do with them (`traced`, `asked`), and its
derivative too, by the engine's own rules: so no rule is written twice. `recorded` does that twice,
with other numbers and another batch size, and refuses whatever does not come to the same list, or
whatever left the arrays for Python. `simplified` takes out common and dead parts, `scheduled` says
what runs before the loop over time, in it and after it (`rowwise`: what for all steps at once), and
`machine` runs it, as NumPy says it (`computed`) and as the kernel `_kernels/plan.pyx` does it
(`assembled`). `planned` is what a layer calls; `fingerprint` tells when to record again (`watch`:
whether to ask it), `refusals` why a cell is no plan.

What is not understood is refused: the step then runs as it is written, through the graph.
"""
