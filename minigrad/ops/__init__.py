"""The operations: each with its forward and its gradient on adjacent lines.

- `elementwise`: arithmetic, elementary functions, comparison; the makers `unary` and `binary`.
- `shape`: views and their transposes; `join`: cat, stack, split, unbind.
- `index`: ``x[...]``, gather, scatter, where; `inplace`: everything that changes a tensor.
- `reduce`: sums, means, norms, softmax; `scan`: running sums and products; `order`: extremes,
  sorting; `matmul`: products, linear; `einsum`, and `equation`, which reads what it is told;
  `linalg`: norms and decompositions of matrices.
- `loss`, `entrywise_loss`: what training minimises; `norm`: layer and batch normalisation.
- `recurrent` and `reference`: the recurrences.
- `layout`: how results lie in memory.
- `cast`, `arguments`: types, and arguments as people write them.
"""
