"""Worker processes: noise that is drawn while loading, a stream in parts, and what goes wrong."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Waves(Dataset):
    """Sine waves of different lengths, with noise of three generators."""

    def __len__(self):
        return 23

    def __getitem__(self, index):
        length = 5 + index % 4
        wave = torch.sin(torch.arange(length) * (0.5 if index % 2 else 0.9))
        noise = 0.1 * torch.randn(length) + 0.1 * random.random() + np.random.uniform(-0.1, 0.1)
        return (wave + noise).unsqueeze(1), index % 2


def collate(samples):
    waves, labels = zip(*samples)
    lengths = torch.tensor([len(w) for w in waves])
    return pad_sequence(waves, batch_first=True), lengths, torch.tensor(labels)


def seed_worker(worker_id):
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 12, batch_first=True)
        self.head = nn.Linear(12, 2)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
        return self.head(self.gru(packed)[1][-1])


class Numbers(IterableDataset):
    """The numbers from start to end, of which each worker reads its part."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def __iter__(self):
        return iter(range(self.start, self.end))


def share(worker_id):
    info = get_worker_info()
    dataset, per_worker = info.dataset, -(-10 // info.num_workers)
    dataset.start += worker_id * per_worker
    dataset.end = min(dataset.start + per_worker, dataset.end)


class Broken(Waves):
    def __getitem__(self, index):
        if index == 9:
            raise ValueError(f"sample {index} cannot be read")
        return super().__getitem__(index)


def main():
    torch.manual_seed(0)
    generator = torch.Generator()
    generator.manual_seed(1)
    loader = DataLoader(
        Waves(), 6, shuffle=True, num_workers=2, collate_fn=collate, worker_init_fn=seed_worker,
        generator=generator, persistent_workers=True, pin_memory=False, drop_last=True,
    )  # fmt: skip
    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(4):
        total = 0.0
        for x, lengths, labels in loader:
            loss = nn.functional.cross_entropy(model(x, lengths), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch}: {total / len(loader):.4f}, last batch {tuple(x.shape)}")

    print(list(DataLoader(Numbers(3, 13), num_workers=2, batch_size=2)))
    print(list(DataLoader(Numbers(3, 13), num_workers=2, batch_size=2, worker_init_fn=share)))

    batches = iter(DataLoader(Broken(), 4, num_workers=2, collate_fn=collate))
    for k in range(4):
        try:
            print(k, f"{next(batches)[0].sum().item():.4f}")
        except ValueError as error:
            print(k, str(error).splitlines()[0], "/", str(error).splitlines()[-1])


if __name__ == "__main__":
    main()
