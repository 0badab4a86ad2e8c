"""The order that PyTorch's sort and topk leave equal entries in.

It is not the order in which they came: PyTorch calls ``std::sort``, ``std::nth_element`` and
``std::partial_sort``, and is built everywhere with the same library of C++, so that equal entries
come out in the same order on every machine. What is chosen by such a sort (the batches of a tagger
that sorts its sentences by length, say) depends on it, and so this file takes the same steps.

The steps are those of introsort (Musser 1997): quicksort, whose pivot is the median of the second,
the middle and the last entry; heap sort for a part that was divided too often; and insertion in the
end, because parts of up to 16 entries are left as they are.

`order` is a buffer of indices, the first of which is 0, that is put in order by ``rank[index]``.
(Where kernels are in use, `_kernels/order.pyx` does: it has the same steps as loops.)
"""

from __future__ import annotations

from typing import Any

SMALL = 16  # entries that are left to insertion


def sort(order: Any, rank: Any, n: int) -> None:
    """Put the first `n` indices in order, as ``std::sort`` does."""
    if n > 1:
        _divide(order, rank, 0, n, _divisions(n))
        _insert_all(order, rank, 0, n)


def select(order: Any, rank: Any, k: int, n: int) -> None:
    """Put place `k` right, with what is not larger before it, as ``std::nth_element`` does."""
    first, last, divisions = 0, n, _divisions(n)
    while last - first > 3:
        if divisions == 0:
            _keep_smallest(order, rank, first, k + 1, last)
            order[first], order[k] = order[k], order[first]
            return
        divisions -= 1
        cut = _partition(order, rank, first, last)
        if cut <= k:
            first = cut
        else:
            last = cut
    _insert_all(order, rank, first, last)


def sort_smallest(order: Any, rank: Any, k: int, n: int) -> None:
    """Put the smallest `k` in order at the front, as ``std::partial_sort`` does."""
    _keep_smallest(order, rank, 0, k, n)
    _sort_heap(order, rank, 0, k)


# ------------------------------------------------------------------------------------------------
# Quicksort
# ------------------------------------------------------------------------------------------------


def _divisions(n: int) -> int:
    """How often a part may be divided: twice the logarithm of `n`."""
    count = 0
    while n > 1:
        n >>= 1
        count += 2
    return count


def _divide(order: Any, rank: Any, first: int, last: int, divisions: int) -> None:
    while last - first > SMALL:
        if divisions == 0:
            _keep_smallest(order, rank, first, last, last)
            _sort_heap(order, rank, first, last)
            return
        divisions -= 1
        cut = _partition(order, rank, first, last)
        _divide(order, rank, cut, last, divisions)
        last = cut


def _partition(order: Any, rank: Any, first: int, last: int) -> int:
    """Move what is smaller than a pivot in front of what is larger; return where that begins."""
    pivot = _median_of_three(order, rank, first + 1, first + (last - first) // 2, last - 1)
    order[first], order[pivot] = order[pivot], order[first]
    value = rank[order[first]]
    low, high = first + 1, last
    while True:
        while rank[order[low]] < value:
            low += 1
        high -= 1
        while value < rank[order[high]]:
            high -= 1
        if low >= high:
            return low
        order[low], order[high] = order[high], order[low]
        low += 1


def _median_of_three(order: Any, rank: Any, a: int, b: int, c: int) -> int:
    """Which of three places has the middle value; of equal ones, that which ``std::sort`` takes."""
    x, y, z = rank[order[a]], rank[order[b]], rank[order[c]]
    if x < y:
        return b if y < z else c if x < z else a
    return a if x < z else c if y < z else b


def _insert_all(order: Any, rank: Any, first: int, last: int) -> None:
    for i in range(first + 1, last):
        index = order[i]
        value = rank[index]
        j = i
        while j > first and value < rank[order[j - 1]]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = index


# ------------------------------------------------------------------------------------------------
# Heaps: no entry is larger than its parent, which entries 2 k + 1 and 2 k + 2 have in entry k
# ------------------------------------------------------------------------------------------------


def _keep_smallest(order: Any, rank: Any, first: int, middle: int, last: int) -> None:
    """Make a heap of the first entries up to `middle`, and change its largest for smaller ones."""
    n = middle - first
    for k in range(n // 2 - 1, -1, -1):
        _sift(order, rank, first, k, n, order[first + k])
    for i in range(middle, last):
        if rank[order[i]] < rank[order[first]]:
            index = order[i]
            order[i] = order[first]
            _sift(order, rank, first, 0, n, index)


def _sort_heap(order: Any, rank: Any, first: int, last: int) -> None:
    while last - first > 1:
        last -= 1
        index = order[last]
        order[last] = order[first]
        _sift(order, rank, first, 0, last - first, index)


def _sift(order: Any, rank: Any, first: int, hole: int, n: int, index: int) -> None:
    """Put `index` into the heap, whose entry `hole` is free: the hole sinks down, then it rises."""
    top, value = hole, rank[index]
    while 2 * hole + 2 < n:
        child = 2 * hole + 2
        if rank[order[first + child]] < rank[order[first + child - 1]]:
            child -= 1
        order[first + hole] = order[first + child]
        hole = child
    if 2 * hole + 2 == n:  # a child without a sibling
        order[first + hole] = order[first + n - 1]
        hole = n - 1
    while hole > top and rank[order[first + (hole - 1) // 2]] < value:
        order[first + hole] = order[first + (hole - 1) // 2]
        hole = (hole - 1) // 2
    order[first + hole] = index
