"""The operations: each with its forward and its gradient on adjacent lines.

- `elementwise`: arithmetic, elementary functions, comparison; `makers`: what makes them. `erf`,
  `gamma`: functions of these that NumPy does not have; `special`: what is made of them;
  `rarer`: what is met less often.
- `shape`: views and their transposes; `join`: cat, stack, split, unbind; `rows`: some rows of many;
  `windows`: views that show entries several times; `arrange`: what is made of all these.
- `index`: ``x[...]``, gather, scatter, where; `inplace`: everything that changes a tensor;
  `scattering`: many entries put together in one.
- `reduce`: sums, means, norms, softmax; `scan`: running sums and products; `order`: extremes,
  sorting, and `introsort`: the order in which PyTorch leaves equal entries; `return_types`: pairs.
  What is met less often: `running` beside `scan`, `ranks` beside `order`, `statistics`, `search`.
- `matmul`: products, linear; `einsum`, and `equation`, which reads what it is told; `linalg`: the
  room of that name, for which `solving`, `decompositions` and `lu` compute; `matrices`: what torch
  itself has of it.
- `conv`: convolution along one axis; `pool`: means and largest entries of windows.
- `loss`, `entrywise_loss`, `ctc`: what training minimises; `norm`: layer and batch normalisation.
- `attention`: averages of values, weighted by how well their keys fit.
- `draws`: random numbers.
- `kernels`: formulas that have a kernel; `fused`: operations that are one.
- `layout`: how results lie in memory; `out`: results in tensors that are there already.
- `cast`, `values`, `arguments`: types, numbers, and arguments as people write them; `checked`: what
  has to be a tensor is one.
"""
