"""TensorBoard's SummaryWriter: what is in the files that a script writes."""

import glob
import os
import tempfile

import torch
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2
from torch.utils.tensorboard import SummaryWriter

folder = tempfile.mkdtemp()
numbers = (torch.arange(24) * 0.25 - 2).reshape(2, 3, 4)
with SummaryWriter(folder) as writer:
    for step in range(3):
        writer.add_scalar("loss", torch.tensor(1.0 / (step + 1)), step)
        writer.add_scalar("new", 0.5 * step, step, new_style=True)
    writer.add_scalars("both", {"train": 1.0, "valid": 2.0}, 3)
    for bins in ("tensorflow", "auto", 10):
        writer.add_histogram(f"by {bins}", numbers.double(), 1, bins=bins)
    writer.add_text("notes", "hello *world*", 2)
    writer.add_image("picture", numbers.clamp(0, 1)[:1], 1)
    writer.add_hparams({"lr": 0.1}, {"accuracy": 0.5}, run_name="run")
for file in sorted(glob.glob(folder + "/**/events*", recursive=True)):
    print(os.path.relpath(os.path.dirname(file), folder))
    for raw in RawEventFileLoader(file).Load():
        event = event_pb2.Event.FromString(raw)
        event.wall_time = 0
        print(event)
