"""The machine that replays a step of training on arrays: see `minigrad/replay/flat.py`.

A step's operations are a flat list. Most are loops over numbers, which are run here one after the
other, without Python between them: loops of NumPy's, functions of `entrywise`, products of
`product`, whole calls of other kernels. They read and write memory that is kept from run to run.
The others are calls of Python functions.

    buffer   a piece of memory: its address may change from run to run
    operand  some numbers in a buffer: where they begin, and the distances, in bytes, of rows and of
             numbers in a row
"""

from cpython.ref cimport Py_INCREF, PyObject
from libc.stdlib cimport free, realloc

cimport numpy as cnp

cnp.import_array()

ctypedef void (*loop_function)(
    char** arrays, const cnp.npy_intp* counts, const cnp.npy_intp* steps, void* data
) noexcept nogil
ctypedef void (*entry_runner)(
    int which, void* y, const void* a, const void* b, Py_ssize_t n, double p, double q
) noexcept nogil
ctypedef int (*product_runner)(
    void* c, void* a, Py_ssize_t a_row, Py_ssize_t a_col, void* b, Py_ssize_t b_row,
    Py_ssize_t b_col, void* add, Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols
) noexcept nogil

ctypedef int (*job_runner)(void* job) except -1

cdef enum:
    CALL, LOOP, ENTRY, PRODUCT, JOB
    MOST = 4            # operands of an instruction

cdef struct Operand:
    int buffer
    Py_ssize_t offset, row, step

cdef struct Instruction:
    int kind, count     # count: of operands, the result last
    void* function
    void* data
    Operand[MOST] operands
    Py_ssize_t rows, n, depth
    double p, q
    int which                   # of a call; or of the entries; or the first patch of a job


cdef struct Patch:
    char** where                # in a job: where the address of an operand stands
    int buffer
    Py_ssize_t offset


cdef extern from "numpy/arrayobject.h":
    object PyArray_NewFromDescr(
        type subtype, cnp.dtype descr, int nd, cnp.npy_intp* dims, cnp.npy_intp* strides,
        void* data, int flags, PyObject* other,
    )


cdef object as_laid_out(cnp.ndarray base, Py_ssize_t offset, cnp.ndarray like):
    cdef cnp.dtype kind = like.dtype
    Py_INCREF(kind)             # (which the new array takes)
    cdef cnp.ndarray result = PyArray_NewFromDescr(
        cnp.ndarray, kind, cnp.PyArray_NDIM(like), cnp.PyArray_DIMS(like),
        cnp.PyArray_STRIDES(like), <char*>cnp.PyArray_DATA(base) + offset, cnp.NPY_ARRAY_WRITEABLE,
        NULL,
    )
    cnp.set_array_base(result, base)
    return result


cdef class Flat:
    """A list of instructions, and the buffers that they work on."""

    cdef Instruction* code
    cdef char** buffers
    cdef Patch* patches
    cdef Py_ssize_t length, buffers_count, patches_count
    cdef list kept
    cdef readonly list calls    # (function, slots, arguments if they are fixed, where results go)
    cdef public list objects    # what calls are given, and what they give, by their slots

    def __cinit__(self):
        self.calls, self.kept, self.objects = [], [], []

    def __dealloc__(self):
        free(self.code)
        free(self.buffers)
        free(self.patches)

    def buffer(self, cnp.ndarray array=None):
        """The number of a new buffer: the memory of an array, or one that is set in each run."""
        cdef char** more = <char**>realloc(self.buffers, (self.buffers_count + 1) * sizeof(char*))
        if more is NULL:
            raise MemoryError
        self.buffers = more
        self.buffers[self.buffers_count] = NULL
        if array is not None:
            self.kept.append(array)
            self.buffers[self.buffers_count] = <char*>cnp.PyArray_DATA(array)
        self.buffers_count += 1
        return self.buffers_count - 1

    cdef int set(self, int buffer, cnp.ndarray array, cnp.ndarray like) except -1:
        """Let a buffer be the memory of an array, which has to lie as another one does."""
        cdef int k, ndim = cnp.PyArray_NDIM(like)
        if cnp.PyArray_NDIM(array) != ndim or cnp.PyArray_TYPE(array) != cnp.PyArray_TYPE(like):
            raise RuntimeError("an operation gives another array than when it was recorded")
        for k in range(ndim):
            if array.shape[k] != like.shape[k] or array.strides[k] != like.strides[k]:
                raise RuntimeError("an operation gives another array than when it was recorded")
        self.buffers[buffer] = <char*>cnp.PyArray_DATA(array)
        return 0

    def point(self, int buffer, cnp.ndarray array not None):
        """Let a buffer be the memory of an array, which somebody else keeps."""
        if not 0 <= buffer < self.buffers_count:
            raise ValueError("there is no such buffer")
        self.buffers[buffer] = <char*>cnp.PyArray_DATA(array)

    def take(self, list tensors, list captured):
        """Let slots have the arrays of tensors, which are (slot, which tensor, buffer, like)."""
        cdef int slot, which, buffer
        for slot, which, buffer, like in captured:
            array = tensors[which].array
            self.objects[slot] = array
            self.set(buffer, array, like)

    cdef Instruction* new(self, int kind, tuple operands) except NULL:
        cdef Instruction* more = <Instruction*>realloc(
            self.code, (self.length + 1) * sizeof(Instruction)
        )
        if more is NULL:
            raise MemoryError
        self.code = more
        cdef Instruction* i = &self.code[self.length]
        cdef Operand* o
        if len(operands) > MOST:
            raise ValueError("an instruction has too many operands")
        i.kind, i.count = kind, <int>len(operands)
        for k in range(i.count):
            o = &i.operands[k]
            o.buffer, o.offset, o.row, o.step = operands[k]
            if not 0 <= o.buffer < self.buffers_count:
                raise ValueError("there is no such buffer")
        self.length += 1
        return i

    def call(self, function not None, tuple slots not None, bint fixed, out):
        """Call a function with what is in some slots; with `fixed`, that is always the same.

        Its result goes to `out`, (slot, buffer, array that lies as it does), or None; or a list of
        them, for each of its results. A buffer of -1: there is none.
        """
        given = tuple([self.objects[k] for k in slots]) if fixed else None
        self.new(CALL, ()).which = <int>len(self.calls)
        self.calls.append((function, slots, given, out))

    cdef int called(self, tuple call) except -1:
        cdef tuple slots = call[1], given = call[2]
        cdef object out = call[3], result
        cdef Py_ssize_t k
        if given is None:
            given = tuple([self.objects[k] for k in slots])
        result = (<object>call[0])(*given)
        if type(out) is tuple:
            self.store(<tuple>out, result)
        elif out is not None:
            for place, one in zip(out, result):
                if place is not None:
                    self.store(<tuple>place, one)
        return 0

    cdef int store(self, tuple out, result) except -1:
        cdef int buffer = out[1]
        self.objects[<Py_ssize_t>out[0]] = result
        if buffer >= 0:
            self.set(buffer, result, out[2])
        return 0

    def loop(self, cnp.ufunc function, bytes types, tuple operands, Py_ssize_t rows, Py_ssize_t n):
        """A loop of NumPy's for these types, on rows of n numbers; False if there is none."""
        cdef int k, nargs = function.nin + function.nout
        cdef Instruction* i
        if len(types) != nargs or len(operands) != nargs:
            raise ValueError("a loop has an operand for each type")
        for k in range(function.ntypes):
            if (<char*>function.types)[k * nargs : (k + 1) * nargs] == types:
                i = self.new(LOOP, operands)
                i.function, i.data = <void*>function.functions[k], function.data[k]
                i.rows, i.n = rows, n
                return True
        return False

    def entry(
        self, size_t runner, int which, tuple operands, Py_ssize_t n, double p, double q
    ):
        """A function of `entrywise`, by its address and number."""
        cdef Instruction* i = self.new(ENTRY, operands)
        i.function, i.which, i.n, i.p, i.q = <void*>runner, which, n, p, q

    def product(
        self, size_t runner, tuple operands, Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t cols
    ):
        """A product of matrices: a, b, what is added if there is, and the result.

        Here the distances of an operand are counted in numbers.
        """
        cdef Instruction* i = self.new(PRODUCT, operands)
        i.function, i.rows, i.depth, i.n = <void*>runner, rows, depth, cols

    def job(self, size_t runner, bytearray job not None, tuple operands not None):
        """A call of a kernel's that is made again (see `recurrent.forward_again`).

        An operand is (where its address stands in the job, buffer, offset).
        """
        cdef Py_ssize_t where, offset, k = self.patches_count
        cdef int buffer
        cdef Patch* more = <Patch*>realloc(
            self.patches, (k + len(operands)) * sizeof(Patch) + 1
        )
        if more is NULL:
            raise MemoryError
        self.patches = more
        for where, buffer, offset in operands:
            if not (0 <= where <= len(job) - <Py_ssize_t>sizeof(char*)):
                raise ValueError("that is not in the job")
            if not 0 <= buffer < self.buffers_count:
                raise ValueError("there is no such buffer")
            more[k].where, more[k].buffer = <char**>(<char*>job + where), buffer
            more[k].offset = offset
            k += 1
        cdef Instruction* i = self.new(JOB, ())
        i.function, i.data, i.which = <void*>runner, <char*>job, <int>self.patches_count
        i.n = len(operands)
        self.patches_count = k
        self.kept.append(job)

    def mark(self):
        """How long the list is, for `forget`."""
        return self.length, len(self.calls)

    def forget(self, mark):
        """Let the list be as long as it was."""
        self.length, calls = mark
        del self.calls[calls:]

    @staticmethod
    def shown(cnp.ndarray base not None, Py_ssize_t offset, cnp.ndarray like not None):
        """The numbers of an array from an offset in bytes on, laid out as another array."""
        return as_laid_out(base, offset, like)

    def run(self, Py_ssize_t first=0):
        """Run all instructions, from the first on or from a later one."""
        cdef Py_ssize_t k, row
        cdef Instruction* i
        cdef (char*)[MOST] at
        cdef cnp.npy_intp[MOST] steps
        cdef cnp.npy_intp n
        cdef int j
        cdef Operand* o
        for k in range(first, self.length):
            i = &self.code[k]
            if i.kind == CALL:
                self.called(<tuple>self.calls[i.which])
                continue
            if i.kind == JOB:
                for j in range(i.which, i.which + <int>i.n):
                    self.patches[j].where[0] = (
                        self.buffers[self.patches[j].buffer] + self.patches[j].offset
                    )
                (<job_runner>i.function)(i.data)
                continue
            for j in range(i.count):
                o = &i.operands[j]
                at[j] = self.buffers[o.buffer] + o.offset
                steps[j] = o.step
            if i.kind == LOOP:
                n = i.n
                (<loop_function>i.function)(at, &n, steps, i.data)
                for row in range(1, i.rows):
                    for j in range(i.count):    # (a loop may have moved them on)
                        o = &i.operands[j]
                        at[j] = self.buffers[o.buffer] + o.offset + row * o.row
                    n = i.n
                    (<loop_function>i.function)(at, &n, steps, i.data)
            elif i.kind == ENTRY:
                (<entry_runner>i.function)(
                    i.which, at[i.count - 1], at[0], at[i.count - 2], i.n, i.p, i.q
                )
            elif (<product_runner>i.function)(
                at[i.count - 1], at[0], i.operands[0].row, i.operands[0].step, at[1],
                i.operands[1].row, i.operands[1].step, at[2] if i.count == 4 else NULL,
                i.rows, i.depth, i.n,
            ):
                raise MemoryError
