"""The machine that runs the loop over time of a plan: see `minigrad/plans`.

A program is a list of registers and a list of instructions. A register is some columns of a matrix
(rows, columns), of one of four kinds:

    STEP    rows of the batch, used again at every step: states, intermediate values
    TIMED   rows of all steps; a step sees its own (the rows need not be neighbours)
    FIXED   one row, for all rows of the batch, or one number
    BLOCK   rows of a block only: values that nobody reads after the block

Products run on the register tile, on weights that are packed once. Between two products stands a
run of instructions entry by entry: they go over blocks of rows, all instructions on one block
before the next, so that what they hand to each other stays in the first-level cache.

At the end of a step `moves` copies the new states over the old ones.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

cimport numpy as cnp

from .arrays cimport (
    PyArray_ISCARRAY,
    PyArray_ISCARRAY_RO,
    data,
    has_whole_steps,
)
from .gates cimport EXP_HIGHEST, exp_of_lanes, sigmoid, tanh
from .interrupt cimport begin_watch, end_watch, interrupted, watch
from .matmul cimport (
    PANEL_VECS,
    matmul_packed,
    pack,
    packed_size,
)
from .real cimport (
    LANES,
    all_lanes,
    at_most,
    load,
    load_first,
    real,
    scratch,
    scratch_free,
    store,
    store_first,
    vec,
    where_less,
)

cnp.import_array()

cdef extern from "plan.h" nogil:
    ctypedef struct operand:
        const real* at
        Py_ssize_t row, col
    int OP_MATMUL, OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_NEGATIVE, OP_COPY, OP_MAXIMUM
    int OP_MINIMUM, OP_LESS_EQUAL, OP_LESS, OP_GREATER_EQUAL, OP_GREATER, OP_EQUAL, OP_WHERE
    int OP_ABSOLUTE, OP_SQUARE, OP_EXP, OP_TANH, OP_SIGMOID, OP_SQRT, OP_LOG, OP_SUM, OP_HIGHEST
    int OP_LOWEST, OP_MULTIPLY_ADD, OP_SIGMOID_GRADIENT, OP_TANH_GRADIENT, OP_NOT_EQUAL, OP_NOT
    int OP_SIGN, OP_IS_NAN, OP_IS_FINITE, OP_LOG1P, OP_EXPM1, OP_SIN, OP_COS, OP_FLOOR, OP_POWER
    int OP_LOGADDEXP, OPS
    void arithmetic(
        int op, Py_ssize_t rows, Py_ssize_t width, real* out, Py_ssize_t out_row, operand a,
        operand b, operand c,
    ) noexcept nogil
    void library_functions(
        int op, Py_ssize_t rows, Py_ssize_t width, real* out, Py_ssize_t out_row, operand a,
        operand b,
    ) noexcept nogil

cdef enum:
    STEP, TIMED, FIXED, BLOCK
    BLOCK_NUMBERS = 1024    # measured: what a block's registers hold stays in the first-level cache

cdef struct Register:
    real* base
    Py_ssize_t row, col, width
    int kind
    bint written        # whether its memory may be written to

cdef struct Code:
    int op, out, a, b, c    # of a product: b is its weights, c what is added, or -1

cdef struct Weights:
    real* packed
    Py_ssize_t depth, cols

cdef struct Program:
    Register* registers
    Code* code
    Weights* weights
    int* moves              # pairs: to, from
    int registers_count, code_count, weights_count, moves_count
    Py_ssize_t widest

cdef Py_ssize_t MOST_ROWS = <Py_ssize_t>1 << 40
cdef Py_ssize_t MOST_REGISTERS = 1 << 24    # and instructions: they are counted in ints

#: The number of each operation that has an instruction.
OPERATIONS = {
    "matmul": OP_MATMUL, "add": OP_ADD, "subtract": OP_SUBTRACT, "multiply": OP_MULTIPLY,
    "divide": OP_DIVIDE, "negative": OP_NEGATIVE, "copy": OP_COPY, "maximum": OP_MAXIMUM,
    "minimum": OP_MINIMUM, "less_equal": OP_LESS_EQUAL, "less": OP_LESS,
    "greater_equal": OP_GREATER_EQUAL, "greater": OP_GREATER, "equal": OP_EQUAL,
    "where": OP_WHERE, "absolute": OP_ABSOLUTE, "square": OP_SQUARE, "exp": OP_EXP,
    "tanh": OP_TANH, "sigmoid": OP_SIGMOID, "sqrt": OP_SQRT, "log": OP_LOG,
    "add.reduce": OP_SUM, "maximum.reduce": OP_HIGHEST, "minimum.reduce": OP_LOWEST,
    "multiply_add": OP_MULTIPLY_ADD, "sigmoid_gradient": OP_SIGMOID_GRADIENT,
    "tanh_gradient": OP_TANH_GRADIENT, "not_equal": OP_NOT_EQUAL, "sign": OP_SIGN,
    "isnan": OP_IS_NAN, "isfinite": OP_IS_FINITE, "log1p": OP_LOG1P, "expm1": OP_EXPM1,
    "sin": OP_SIN, "cos": OP_COS, "floor": OP_FLOOR, "power": OP_POWER, "logaddexp": OP_LOGADDEXP,
    # of masks, which are 0 and 1
    "logical_and": OP_MULTIPLY, "logical_or": OP_MAXIMUM, "logical_not": OP_NOT,
}

ROWS_OF_A_BLOCK = BLOCK_NUMBERS     # at most: of one column


cdef inline vec exp(vec x) noexcept nogil:
    # np.exp(x): the last numbers before infinity are squares
    cdef vec half = exp_of_lanes(at_most(x * <real>0.5, EXP_HIGHEST))
    return where_less(all_lanes(EXP_HIGHEST), x, half * half, exp_of_lanes(at_most(x, EXP_HIGHEST)))


cdef inline vec function_of(int op, vec x) noexcept nogil:
    return tanh(x) if op == OP_TANH else sigmoid(x) if op == OP_SIGMOID else exp(x)


cdef void functions(
    int op, Py_ssize_t rows, Py_ssize_t width, real* out, Py_ssize_t out_row, operand a
) noexcept nogil:
    # out = np.tanh(a), ...
    cdef Py_ssize_t r, j
    cdef const real* x
    for r in range(rows):
        j = 0
        x = a.at + r * a.row
        while j + LANES <= width:
            store(out + r * out_row + j, function_of(op, load(x + j) if a.col else all_lanes(x[0])))
            j += LANES
        if j < width:
            store_first(
                out + r * out_row + j,
                function_of(
                    op, load_first(x + j, <int>(width - j)) if a.col else all_lanes(x[0])
                ),
                <int>(width - j),
            )


cdef void reductions(
    int op, Py_ssize_t rows, Py_ssize_t width, real* out, Py_ssize_t out_row, operand a
) noexcept nogil:
    # out = a.sum(1, keepdims=True), a.max(1, keepdims=True), a.min(1, keepdims=True)
    cdef Py_ssize_t r, j
    cdef double total
    cdef real x, far
    for r in range(rows):
        total, far = 0, a.at[r * a.row]
        for j in range(width):
            x = a.at[r * a.row + j * a.col]
            total = total + x
            if (x > far if op == OP_HIGHEST else x < far) or x != x:
                far = x                     # a NaN stays: no number is more or less than it
        out[r * out_row] = <real>total if op == OP_SUM else far


cdef inline bint reduces(int op) noexcept nogil:
    return op == OP_SUM or op == OP_HIGHEST or op == OP_LOWEST


cdef inline bint is_of_library(int op) noexcept nogil:
    return op == OP_SQRT or op == OP_LOG or OP_LOG1P <= op <= OP_LOGADDEXP


cdef inline real* at(
    const Register* r, Py_ssize_t start, Py_ssize_t row
) noexcept nogil:
    """Where the row of a step begins that has its rows from `start` on."""
    if r.kind == TIMED:
        return r.base + (start + row) * r.row
    if r.kind == STEP:
        return r.base + row * r.row
    return r.base


cdef inline operand operand_of(
    const Program* p, int k, Py_ssize_t start, Py_ssize_t row
) noexcept nogil:
    cdef operand o
    cdef const Register* r = &p.registers[k]
    o.at, o.row, o.col = at(r, start, row), r.row, r.col
    return o


cdef inline bint is_flat(operand o, Py_ssize_t width) noexcept nogil:
    """Whether the rows of a block are one row: dense, or one number for all."""
    return o.row == width and o.col == 1 or o.row == 0 and o.col == 0


cdef void run_block(
    const Program* p, int first, int last, Py_ssize_t start, Py_ssize_t row, Py_ssize_t rows
) noexcept nogil:
    """The instructions `first` to `last` on some rows of a step."""
    cdef int k, op
    cdef Py_ssize_t width, n
    cdef const Register* out
    cdef const Code* code
    cdef operand a, b, c
    cdef real* target
    for k in range(first, last):
        code = &p.code[k]
        op = code.op
        out = &p.registers[code.out]
        target = at(out, start, row)
        a = operand_of(p, code.a, start, row)
        b = operand_of(p, code.b, start, row)
        c = operand_of(p, code.c, start, row)
        if reduces(op):
            reductions(op, rows, p.registers[code.a].width, target, out.row, a)
            continue
        width, n = out.width, rows
        if out.row == width and is_flat(a, width) and is_flat(b, width) and is_flat(c, width):
            width, n = width * rows, 1
        if op == OP_TANH or op == OP_SIGMOID or op == OP_EXP:
            functions(op, n, width, target, out.row, a)
        elif is_of_library(op):
            library_functions(op, n, width, target, out.row, a, b)
        else:
            arithmetic(op, n, width, target, out.row, a, b, c)


cdef void run_step(
    const Program* p, Py_ssize_t start, Py_ssize_t rows, bint turns
) noexcept nogil:
    cdef int k = 0, end
    cdef Py_ssize_t row, block, widest, r
    cdef const Code* code
    cdef const Register* out
    cdef const Register* a
    cdef const Register* c
    while k < p.code_count:
        code = &p.code[k]
        if code.op == OP_MATMUL:
            out, a = &p.registers[code.out], &p.registers[code.a]
            c = &p.registers[code.c] if code.c >= 0 else NULL
            matmul_packed(
                at(out, start, 0), out.row,
                at(c, start, 0) if c is not NULL else NULL, c.row if c is not NULL else 0,
                at(a, start, 0), a.row, 1, p.weights[code.b].packed, PANEL_VECS, rows,
                p.weights[code.b].depth, p.weights[code.b].cols, turns,
            )
            k += 1
            continue
        end, widest = k, 1
        while end < p.code_count and p.code[end].op != OP_MATMUL:
            widest = max(
                widest, p.registers[p.code[end].out].width, p.registers[p.code[end].a].width
            )
            end += 1
        block = max(<Py_ssize_t>1, BLOCK_NUMBERS // widest)
        row = 0
        while row < rows:
            run_block(p, k, end, start, row, min(block, rows - row))
            row += block
        k = end
    for k in range(p.moves_count):
        out, a = &p.registers[p.moves[2 * k]], &p.registers[p.moves[2 * k + 1]]
        for r in range(rows):
            memcpy(
                out.base + r * out.row, at(a, start, r) if a.kind != BLOCK else a.base,
                out.width * sizeof(real),
            )


cdef inline bint has_dense_rows(cnp.ndarray a) noexcept:
    """Whether the entries of a row are neighbours: so of columns, and of a row for all steps."""
    return a.strides[1] == <Py_ssize_t>sizeof(real) or a.shape[1] == 1


cdef inline const int64_t* numbers_of(str name, cnp.ndarray a, Py_ssize_t columns) except NULL:
    if a is None or cnp.PyArray_TYPE(a) != cnp.NPY_INT64 or not (
        PyArray_ISCARRAY_RO(a) and cnp.PyArray_NDIM(a) == 2 and a.shape[1] == columns
    ):
        raise ValueError(f"{name}: a dense matrix of int64 with {columns} columns is needed")
    return <const int64_t*>cnp.PyArray_DATA(a)


cdef int load_registers(
    Program* p, list arrays, const int64_t* parts, Py_ssize_t steps_rows, Py_ssize_t batch
) except -1:
    cdef cnp.ndarray array
    cdef Register* r
    cdef Py_ssize_t first, width, rows
    cdef int64_t kind
    cdef int k
    for k in range(p.registers_count):
        array = arrays[k]
        kind, first, width = parts[3 * k], parts[3 * k + 1], parts[3 * k + 2]
        if array is None or cnp.PyArray_NDIM(array) != 2 or not has_whole_steps(array) or not (
            PyArray_ISCARRAY_RO(array) or kind == TIMED and has_dense_rows(array)
        ):
            raise ValueError(f"register {k}: a dense matrix of the kernel's type is needed")
        if kind not in (STEP, TIMED, FIXED, BLOCK):
            raise ValueError(f"register {k}: there is no kind {kind}")
        rows = steps_rows if kind == TIMED else batch if kind == STEP else 1
        if kind == BLOCK:
            rows = min(batch, max(1, BLOCK_NUMBERS // max(1, width)))
        if (
            not (0 <= first < array.shape[1] and 1 <= width <= array.shape[1] - first)
            or array.shape[0] < rows
        ):
            raise ValueError(f"register {k}: its columns or rows are not in its matrix")
        r = &p.registers[k]
        r.base, r.kind, r.width = data(array) + first, <int>kind, width
        r.row = (
            0 if kind == FIXED
            else array.strides[0] // <Py_ssize_t>sizeof(real) if kind == TIMED
            else array.shape[1]
        )
        r.col = 1
        r.written = kind != FIXED and PyArray_ISCARRAY(array)
    return 0


cdef inline bint is_1_or(Py_ssize_t whole, Py_ssize_t width) noexcept:
    return width == 1 or width == whole


cdef int load_code(Program* p, const int64_t* code) except -1:
    cdef int64_t op, out, a, b, c
    cdef Py_ssize_t whole
    cdef int k
    cdef Code* here
    cdef Register* target
    for k in range(p.code_count):
        op, out, a, b, c = code[0], code[1], code[2], code[3], code[4]
        code += 5
        if not (0 <= op < OPS and 0 <= out < p.registers_count and 0 <= a < p.registers_count):
            raise ValueError(f"instruction {k}: no such operation or register")
        target = &p.registers[out]
        if not target.written:
            raise ValueError(f"instruction {k}: its result cannot be written")
        here = &p.code[k]
        here.op, here.out, here.a = <int>op, <int>out, <int>a
        here.b, here.c = <int>b, <int>c     # (checked below)
        if op == OP_MATMUL:
            if not (0 <= b < p.weights_count and -1 <= c < p.registers_count):
                raise ValueError(f"instruction {k}: no such weights or register")
            if (
                p.weights[b].depth != p.registers[a].width
                or p.weights[b].cols != target.width
                or p.registers[a].kind == BLOCK or target.kind == BLOCK
                or (c >= 0 and (
                    p.registers[c].width != target.width or p.registers[c].kind == BLOCK
                ))
            ):
                raise ValueError(f"instruction {k}: shapes do not go together")
        else:
            if not (0 <= b < p.registers_count and 0 <= c < p.registers_count):
                raise ValueError(f"instruction {k}: no such register")
            whole = p.registers[a].width if reduces(<int>op) else target.width
            if not (
                is_1_or(whole, p.registers[a].width) and is_1_or(whole, p.registers[b].width)
                and is_1_or(whole, p.registers[c].width)
                and (target.width == 1 or not reduces(<int>op))
            ):
                raise ValueError(f"instruction {k}: shapes do not go together")
    return 0


def run(
    list arrays, cnp.ndarray registers, cnp.ndarray code, list weights, list moves,
    cnp.ndarray sizes, Py_ssize_t batch, bint reverse,
):
    """Run a program over all steps.

    Parameters
    ----------
    arrays : list of ndarray
        For each register the matrix of which it is some columns.
    registers : ndarray of int64, (registers, 3)
        The kind, the first column and the width of each. Kinds: 0 STEP, 1 TIMED, 2 FIXED, 3 BLOCK.
    code : ndarray of int64, (instructions, 5)
        Operation, out, a, b, c: numbers of registers; see `OPERATIONS`. Of a product, b is its
        weights, and c what is added or -1.
    weights : list of ndarray, (depth, cols)
    moves : list of (to, from)
        Copies of registers at the end of each step.
    sizes : ndarray of int64
        The rows of each step, at most `batch`, one step's behind another's.
    reverse : bool
        From the last step to the first.
    """
    cdef Program p
    cdef Py_ssize_t t, k, steps, total = 0, used, memory = 0
    cdef const int64_t* rows
    cdef real* packed = NULL
    cdef cnp.ndarray w
    cdef int to, source
    if sizes is None or cnp.PyArray_TYPE(sizes) != cnp.NPY_INT64 or not (
        PyArray_ISCARRAY_RO(sizes) and cnp.PyArray_NDIM(sizes) == 1
    ):
        raise ValueError("sizes: a dense vector of int64 is needed")
    sizes = sizes.copy()
    rows = <const int64_t*>cnp.PyArray_DATA(sizes)
    steps = sizes.shape[0]
    for t in range(steps):
        if not 0 <= rows[t] <= batch <= MOST_ROWS:
            raise ValueError(f"sizes: step {t} has {rows[t]} rows, the batch {batch}")
        total += rows[t]
        if total > MOST_ROWS:
            raise ValueError(f"sizes: {total} rows are too many")
    cdef const int64_t* parts = numbers_of("registers", registers, 3)
    cdef const int64_t* instructions = numbers_of("code", code, 5)
    if registers.shape[0] != len(arrays) or max(len(arrays), code.shape[0]) > MOST_REGISTERS:
        raise ValueError(f"registers: {registers.shape[0]} for {len(arrays)} arrays")
    p.registers_count, p.code_count = <int>len(arrays), <int>code.shape[0]
    p.weights_count, p.moves_count = <int>len(weights), <int>len(moves)
    cdef bytearray space = bytearray(
        p.registers_count * sizeof(Register) + p.code_count * sizeof(Code)
        + p.weights_count * sizeof(Weights) + p.moves_count * 2 * sizeof(int) + 64
    )
    cdef char* free = space
    p.registers = <Register*>free
    free += p.registers_count * sizeof(Register)
    p.weights = <Weights*>free
    free += p.weights_count * sizeof(Weights)
    p.code = <Code*>free
    free += p.code_count * sizeof(Code)
    p.moves = <int*>free
    load_registers(&p, arrays, parts, total, batch)
    for k in range(p.registers_count):      # one column beside many: a number for the whole row
        if p.registers[k].width == 1:
            p.registers[k].col = 0
    for k in range(p.weights_count):
        w = weights[k]
        if w is None or cnp.PyArray_NDIM(w) != 2 or not (
            has_whole_steps(w) and w.shape[0] and w.shape[1]
        ):
            raise ValueError(f"weights {k}: a matrix of the kernel's type is needed")
        p.weights[k].depth, p.weights[k].cols = w.shape[0], w.shape[1]
        memory += packed_size(w.shape[0], w.shape[1], 1)
    load_code(&p, instructions)
    k = 0
    for to, source in moves:
        if not (0 <= to < p.registers_count and 0 <= source < p.registers_count) or (
            p.registers[to].kind != STEP or not p.registers[to].written
            or p.registers[to].width != p.registers[source].width
            or p.registers[source].kind == BLOCK
        ):
            raise ValueError(f"move {k}: it does not go from register to register")
        p.moves[2 * k], p.moves[2 * k + 1] = to, source
        k += 1
    if memory:
        packed = scratch(memory)
        if packed is NULL:
            raise MemoryError
    used = 0
    for k in range(p.weights_count):
        w = weights[k]
        p.weights[k].packed = packed + used
        pack(
            p.weights[k].packed, data(w), w.strides[0] // <Py_ssize_t>sizeof(real),
            w.strides[1] // <Py_ssize_t>sizeof(real), w.shape[0], w.shape[1], 1, PANEL_VECS,
        )
        used += packed_size(w.shape[0], w.shape[1], 1)
    cdef watch look
    begin_watch(&look)
    with nogil:
        total = total if reverse else 0
        for k in range(steps):
            if interrupted(0):
                break
            t = steps - 1 - k if reverse else k
            if reverse:
                total -= rows[t]
            run_step(&p, total, rows[t], k % 2 == 1)
            if not reverse:
                total += rows[t]
    if packed is not NULL:
        scratch_free(packed)
    end_watch(&look)
