"""What this machine has: SIMD levels, denormal numbers as zero, memory, and what belongs to one of
its threads. At the baseline, so that it runs anywhere."""

cdef extern from *:
    """
    #if defined(_MSC_VER) && defined(_M_X64)
    /* also for clang there, whose library with __builtin_cpu_supports is not linked */
    #include <intrin.h>
    #if defined(__clang__)
    __attribute__((target("xsave")))
    #endif
    static int cpu_has(int features_of_7, unsigned long long kept_by_system) {
        const int features_of_1 = 1 << 12 | 1 << 27 | 1 << 28; /* FMA, XGETBV, AVX */
        int words[4];
        __cpuid(words, 0);
        if (words[0] < 7) return 0;
        __cpuid(words, 1);
        if ((words[2] & features_of_1) != features_of_1) return 0;
        if ((_xgetbv(0) & kept_by_system) != kept_by_system) return 0;
        __cpuidex(words, 7, 0);
        return (words[1] & features_of_7) == features_of_7;
    }
    #define OF_V3 (1 << 3 | 1 << 5 | 1 << 8) /* BMI, AVX2, BMI2 */
    #define OF_V4 (1 << 16 | 1 << 17 | 1 << 28 | 1 << 30 | (int)(1u << 31)) /* F, DQ, CD, BW, VL */
    static int cpu_has_v3(void) { return cpu_has(OF_V3, 0x06); }
    static int cpu_has_v4(void) { return cpu_has(OF_V3 | OF_V4, 0xe6); }
    #elif (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    static int cpu_has_v3(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    }
    static int cpu_has_v4(void) {
        return cpu_has_v3() && __builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int cpu_has_v3(void) { return 0; }
    static int cpu_has_v4(void) { return 0; }
    #endif
    #if (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
    static int cpu_has_neon(void) { return 1; } /* all of them have it */
    #else
    static int cpu_has_neon(void) { return 0; }
    #endif
    """
    bint cpu_has_v3()
    bint cpu_has_v4()
    bint cpu_has_neon()


def supported_levels():
    """Return the levels that this processor runs, best first; the last is "baseline"."""
    levels = ["baseline"]
    if cpu_has_v3():
        levels.insert(0, "v3")
    if cpu_has_v4():
        levels.insert(0, "v4")
    if cpu_has_neon():
        levels.insert(0, "neon")
    return tuple(levels)


cdef extern from "denormals.h":
    ctypedef unsigned long long float_mode
    const bint HAS_FLUSH
    const float_mode FLUSHING
    float_mode mode_of_floats()
    void set_mode_of_floats(float_mode mode)


def set_flush(bint flush):
    """In this thread, take denormal numbers for zero, or not; whether this processor can."""
    cdef float_mode others = mode_of_floats() & ~FLUSHING
    set_mode_of_floats(others | FLUSHING if flush else others)
    return HAS_FLUSH


def flushes():
    """Whether this thread takes denormal numbers for zero."""
    return HAS_FLUSH and (mode_of_floats() & FLUSHING) == FLUSHING


cdef extern from *:
    """
    #if defined(__GLIBC__)
    #include <malloc.h>
    static int keep_freed(size_t reused, size_t kept) {
        return mallopt(M_MMAP_THRESHOLD, (int)reused) && mallopt(M_TRIM_THRESHOLD, (int)kept);
    }
    #else
    static int keep_freed(size_t reused, size_t kept) { (void)reused; (void)kept; return 0; }
    #endif
    """
    bint keep_freed(size_t reused, size_t kept)


def keep_memory(size_t reused, size_t kept):
    """Reuse freed blocks below `reused` bytes, and keep up to `kept`; whether it can be told so."""
    return keep_freed(reused, kept)


cdef extern from *:
    """
    #if defined(_MSC_VER)
    #define OF_THREAD __declspec(thread)
    #else
    #define OF_THREAD __thread
    #endif
    static OF_THREAD struct { int enabled, anomaly, check_nan, depth; } switches = {1, 0, 1, 0};
    """
    ctypedef struct Fields:
        int enabled, anomaly, check_nan, depth
    Fields switches


cdef class Switches:
    """`minigrad.autograd.grad_mode.Switches`, without a dictionary for each thread to look into."""

    @property
    def enabled(self):
        return switches.enabled != 0

    @enabled.setter
    def enabled(self, bint value):
        switches.enabled = value

    @property
    def anomaly(self):
        return switches.anomaly != 0

    @anomaly.setter
    def anomaly(self, bint value):
        switches.anomaly = value

    @property
    def check_nan(self):
        return switches.check_nan != 0

    @check_nan.setter
    def check_nan(self, bint value):
        switches.check_nan = value

    @property
    def depth(self):
        return switches.depth

    @depth.setter
    def depth(self, int value):
        switches.depth = value
