"""What of loops.py is C when it runs translated: see autograd/tensor_base.pxd."""

cimport cython

from ..autograd.tensor_base cimport TensorBase, bump_version


cpdef kernels_for(param, grad)


@cython.locals(p=TensorBase)
cpdef forget_gradients(parameters)


@cython.locals(p=TensorBase, gradient=TensorBase)
cpdef adam_steps(states, dict group, tuple options, formula, remember)


@cython.locals(p=TensorBase, gradient=TensorBase)
cpdef sgd_steps(states, dict group, tuple options, formula, remember)
