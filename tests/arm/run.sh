#!/bin/bash
# Build minigrad for 64-bit ARM (aarch64) on a machine that is none, and run it there under qemu.
#
#     tests/arm/run.sh [--fresh] [FOLDER] [-- arguments for pytest]
#
# All that is made lies in FOLDER (build/arm if there is none), and the next run uses it again: a
# Python for ARM, NumPy and pytest for it, what was compiled. --fresh begins from nothing. Then, with
# qemu emulating the processor,
#
#   - layers, losses, optimizers and random streams are computed on both machines, and compared
#     (results.py): at the level neon, at the baseline, and at the reference, in NumPy;
#   - the first example prints the same lines on both;
#   - the tests of the kernels and of numbers run at the level neon and at the reference (or those
#     that the arguments name).
#
# Runs on Debian 12 or newer, on x86-64. What it needs of Debian's packages it installs if root calls,
# and names otherwise. The first run downloads some 100 MB and compiles twice, for here and for ARM:
# ten minutes on two cores; the tests take half an hour. A failure of any part is told at
# the end, and the exit code is 1 then.
#
# qemu computes what an ARM processor computes, but says nothing of its speed.
set -eu -o pipefail

needed="gcc libc6-dev git python3 python3-dev python3-venv gcc-aarch64-linux-gnu qemu-user"
usage() { sed -n '2,/^set/{s/^# \{0,1\}//;/^set/d;p}' "$0"; }
fail() { printf '%s\n' "$*" >&2; exit 2; }

checkout=$(cd "$(dirname "$0")/../.." && pwd)
folder=$checkout/build/arm fresh=
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --fresh) fresh=1 ;;
        --) shift; break ;;
        -*) usage >&2; fail "run.sh: there is no option $1" ;;
        *) folder=$1 ;;
    esac
    shift
done

# ------------------------------------------------------------------------------------------------
# What is being done, how long it took, and what of it is there from the last run
# ------------------------------------------------------------------------------------------------

failed=() times=() current=
begin() {
    current=$1 since=$SECONDS
    printf '\n== %s\n' "$current"
}
end() {
    times+=("$(printf '%5d s  %s' $((SECONDS - since)) "$current")")
    printf -- '-- %s: %d s\n' "$current" $((SECONDS - since))
    current=
}
must() { # NAME COMMAND: nothing can go on without it
    begin "$1"
    "$2"
    end
}
once() { # NAME COMMAND: that is done already if an earlier run did it
    [ -e "$work/done/$2" ] || { must "$@" && touch "$work/done/$2"; }
}
check() { # NAME COMMAND [ARGUMENT...]: if it fails, the others run nevertheless
    begin "$1"
    shift
    "$@" || failed+=("$current")
    end
}
trap '[ -z "$current" ] || echo "run.sh: failed: $current" >&2' EXIT

# ------------------------------------------------------------------------------------------------
# Two Pythons
# ------------------------------------------------------------------------------------------------

system_packages() {
    local missing=
    for package in $needed; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
            missing+=" $package"
    done
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || fail "run.sh: these packages are missing: apt-get install$missing"
    apt-get -qq update
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
}

# This machine's own: NumPy, what builds and what tests.
python_here() {
    /usr/bin/python3 -m venv --clear "$work/env"
    "$native" -m pip install -q 'setuptools>=77' 'Cython>=3' 'numpy>=2' pytest hypothesis
}

# Debian's Python for ARM, unpacked into a folder. apt has lists of its own for it: nothing is
# installed, and this machine's own lists stay as they are.
python_for_arm() {
    mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$root"
    touch "$work/apt/status"
    local options=(
        -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=
        -o Dir::State="$work/apt" -o Dir::State::lists="$work/apt/lists"
        -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt"
        -o Dir::Cache::archives="$work/apt/archives" -o Debug::NoLocking=1 -qq
    )
    apt-get "${options[@]}" update
    apt-get "${options[@]}" install -y --download-only --no-install-recommends \
        "libpython$version-dev" "python$version" libstdc++6
    for package in "$work"/apt/archives/*.deb; do
        dpkg -x "$package" "$root"
    done
}

# The same NumPy for ARM, and what runs tests.
packages_for_arm() {
    local numpy
    numpy=$("$native" -c 'import numpy; print(numpy.__version__)')
    "$native" -m pip download -q -d "$work/wheels" --only-binary=:all: --python-version "$version" \
        --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 \
        --platform manylinux_2_28_aarch64 "numpy==$numpy" pytest hypothesis
    for wheel in "$work"/wheels/*.whl; do
        "$native" -m zipfile -e "$wheel" "$site"
    done
}

# What tests find in sys.executable, and start again.
launcher() {
    mkdir -p "$work/bin"
    printf '#!/bin/sh\nexec qemu-aarch64 -L "%s" -0 "%s" "%s" "$@"\n' \
        "$root" "$emulated" "$root/usr/bin/python$version" >"$emulated"
    chmod +x "$emulated"
}

# ------------------------------------------------------------------------------------------------
# Two builds
# ------------------------------------------------------------------------------------------------

copy_to() { # FOLDER: what git tracks of the checkout; what was compiled there stays
    mkdir -p "$1"
    find "$1" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
    (cd "$checkout" && git -c safe.directory="$checkout" ls-files -z | tar --null -T - -cf -) |
        tar -xf - -C "$1"
}

build_here() {
    copy_to "$work/here"
    (cd "$work/here" && MINIGRAD_LEVELS=v3 "$native" setup.py -q build_ext --inplace) >"$work/build.log"
}

# Python itself knows how to build for another system: with that one's own record of its build. The
# headers of both Pythons are the same but for pyconfig.h, and those for ARM come first.
build_for_arm() {
    local headers=$work/headers record=$work/record name=_sysconfigdata__aarch64-linux-gnu
    copy_to "$work/arm"
    mkdir -p "$headers/aarch64-linux-gnu" "$record"
    ln -sfn "$root/usr/include/aarch64-linux-gnu/python$version" "$headers/aarch64-linux-gnu/python$version"
    ln -sfn "$root/usr/include/python$version" "$headers/python$version"
    ln -sfn "$root/usr/lib/python$version/$name.py" "$record/$name.py"
    (
        cd "$work/arm"
        export PYTHONPATH=$record _PYTHON_SYSCONFIGDATA_NAME=$name _PYTHON_HOST_PLATFORM=linux-aarch64
        export CFLAGS="-I$headers -I$headers/python$version -I$site/numpy/_core/include"
        "$native" setup.py -q build_ext --inplace
    ) >"$work/build-arm.log"
}

# ------------------------------------------------------------------------------------------------
# What is run
# ------------------------------------------------------------------------------------------------

export OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
here() { (cd "$work/here" && PYTHONPATH=$work/here "$native" "$@"); }
on_arm() { (cd "$work/arm" && PYTHONPATH=$work/arm:$site "$emulated" "$@"); }

same_results() { # LEVEL of ARM
    MINIGRAD_KERNELS=$1 on_arm tests/arm/results.py save "$work/$1.npz" &&
        here tests/arm/results.py compare "$work/here.npz" "$work/$1.npz"
}

same_lines() {
    here examples/01_hello_ohlol.py >"$work/here.txt" &&
        on_arm examples/01_hello_ohlol.py >"$work/arm.txt" &&
        diff "$work/here.txt" "$work/arm.txt" && echo "$(wc -l <"$work/arm.txt") lines are the same"
}

only= # which tests: an expression of pytest's option -m
one_file() { # FILE: its last line, and what failed
    local log
    log=$work/tests/$MINIGRAD_KERNELS-$(basename "$1").log
    # (qemu 7.2 aborts when a process that was forked beside threads starts threads of its own)
    if on_arm -m pytest -q -p no:cacheprovider -m "$only" -k "not after_fork" "$1" >"$log" 2>&1; then
        echo "$1: $(tail -n 1 "$log")"
    else
        echo "$1: $(tail -n 1 "$log")"
        grep -E '^(FAILED|ERROR|E  )' "$log" | head -n 30
        return 1
    fi
}
tests_at() { # LEVEL FILE...: as many at a time as there are processors
    export MINIGRAD_KERNELS=$1 work site emulated only
    shift
    mkdir -p "$work/tests"
    export -f on_arm one_file
    printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -I{} bash -c 'one_file "$1"' - {}
}

[ "$(uname -m)" = x86_64 ] || fail "run.sh: this machine is no x86-64: on ARM, run the tests as they are"
command -v apt-get >/dev/null || fail "run.sh: there is no apt-get here: this needs Debian"
[ -z "$fresh" ] || rm -rf "$folder"
mkdir -p "$folder/done"
work=$(cd "$folder" && pwd)
root=$work/root site=$work/site native=$work/env/bin/python emulated=$work/bin/python

must "packages of the system" system_packages
version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
once "Python $version for here" python_here
once "Python $version for ARM" python_for_arm
once "NumPy and pytest for ARM" packages_for_arm
launcher
must "build for here" build_here
must "build for ARM" build_for_arm
on_arm -c 'import minigrad; minigrad.show_config()'

here tests/arm/results.py save "$work/here.npz"
for level in neon baseline reference; do
    check "results at $level" same_results $level
done
check "example" same_lines

if [ $# != 0 ]; then
    check "tests" tests_at neon "$@"
else
    # Those that take longest, first.
    check "tests at neon" tests_at neon tests/test_kernels.py tests/test_recurrent_levels.py \
        tests/test_recurrent.py tests/test_recurrent_gradients.py tests/test_entrywise_kernels.py \
        tests/test_instructions.py tests/test_denormals.py tests/test_plans.py \
        tests/test_random_streams.py tests/test_sums.py tests/test_norms.py tests/test_ctc.py \
        tests/test_rows_kernel.py tests/test_movement_kernels.py \
        tests/test_special_values.py tests/test_optim.py tests/test_build.py \
        "tests/test_threads.py::test_results_differ_by_rounding_only[lstm]" \
        "tests/test_threads.py::test_odd_and_small_batches[3]"
    only="not once"
    check "tests at the reference" tests_at reference tests/test_recurrent.py \
        tests/test_recurrent_gradients.py tests/test_norms.py tests/test_ctc.py \
        tests/test_special_values.py tests/test_optim.py
fi

printf '\n'
printf '%s\n' "${times[@]}"
if [ ${#failed[@]} != 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "all is well on ARM"
