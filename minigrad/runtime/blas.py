"""What NumPy's BLAS must be told before NumPy is imported: so this file is imported first.

After each matrix product the threads of OpenBLAS wait for the next one, and keep their processors
busy with it for 2**26 cycles, some 20 ms. A recurrent layer that comes next would find its threads
without a processor. 2**18 cycles, some 80 us, are enough for products that follow at once.

Where NumPy was there before minigrad this comes too late; then the environment variable can be set
outside.
"""

import os
import sys

if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "18")
