#!/bin/sh
# Run the tests of the kernels with every memory access checked (AddressSanitizer).
#
# The kernels are built in a temporary copy of the checkout, with index checks too
# (MINIGRAD_DEBUG=1, see setup.py). Takes a few minutes, gcc, and what the tests need:
#
#     PYTHON=python CC=gcc tests/kernels_under_sanitizer.sh [arguments for pytest]
set -eu

python=${PYTHON:-python}
export CC="${CC:-gcc}"
checkout=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

cd "$checkout"
cp -R setup.py pyproject.toml README.md LICENSE minigrad tests "$copy"
cd "$copy"
find . -name '*.so' -delete

MINIGRAD_DEBUG=1 CFLAGS="-fsanitize=address -fno-omit-frame-pointer" \
    LDFLAGS="-fsanitize=address" "$python" setup.py -q build_ext --inplace

# The interpreter itself is not built with the sanitizer, so its library must be loaded first. It
# never frees some of its memory at exit (no leak is reported therefore), and must take all
# memory from malloc, which is what the sanitizer watches.
LD_PRELOAD=$("$CC" -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \
    "$python" -m pytest -q -p no:cacheprovider tests/test_kernels.py "$@"
