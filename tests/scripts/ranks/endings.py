"""One rank ends, in the way that the first argument says; the other would go on for a minute."""

import os
import signal
import sys
import threading
import time

import torch
import torch.distributed as dist

HOW = sys.argv[1]
if HOW != "early":
    dist.init_process_group("mpi")
if int(os.environ["RANK"]) == 1:
    print("at", time.time(), flush=True)
    if HOW in ("raise", "early"):
        raise KeyError("oops")
    if HOW == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if HOW == "exit":
        sys.exit(3)
    if HOW == "thread":
        threading.Thread(target=lambda: torch.ones(2) @ torch.ones(3)).start()
    if HOW == "fewer":
        sys.exit()  # without having called what the other calls
if HOW == "fewer":
    dist.barrier()
if HOW == "waits":  # for a message that nobody sends
    if dist.get_rank() == 0:
        dist.recv(torch.ones(1), 1)
    sys.exit()
time.sleep(60)
