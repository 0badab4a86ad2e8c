"""Does a walk end above its start? Sequences of many lengths, packed, and one label for each."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, random_split


class Walks(Dataset):
    def __init__(self, n_walks, generator):
        self.walks, self.labels = [], []
        for _ in range(n_walks):
            length = int(torch.randint(3, 15, (1,), generator=generator))
            steps = torch.randn(length, 2, generator=generator)
            self.walks.append(steps)
            self.labels.append(int(steps.sum(0)[0] > 0) + 2 * int(steps.sum(0)[1] > 0))

    def __len__(self):
        return len(self.walks)

    def __getitem__(self, index):
        return self.walks[index], self.labels[index]


def collate(batch):
    walks, labels = zip(*batch)
    lengths = torch.tensor([len(walk) for walk in walks])
    return pad_sequence(walks, batch_first=True), lengths, torch.tensor(labels)


class Classifier(nn.Module):
    def __init__(self, hidden_size=16, num_classes=4):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden_size, num_layers=2, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(2 * hidden_size)
        self.fc = nn.Linear(2 * hidden_size, num_classes)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        packed_out, (h_n, _) = self.lstm(packed)
        out, out_lengths = pad_packed_sequence(packed_out, batch_first=True)
        mask = torch.arange(out.size(1))[None, :] < out_lengths[:, None]
        mean = (out * mask.unsqueeze(-1)).sum(1) / out_lengths.unsqueeze(1)
        last = torch.cat((h_n[-2], h_n[-1]), dim=1)
        return self.fc(self.norm(mean + last))


torch.manual_seed(7)
dataset = Walks(160, torch.Generator().manual_seed(70))
train_set, test_set = random_split(dataset, [0.75, 0.25])
train_loader = DataLoader(train_set, batch_size=16, shuffle=True, collate_fn=collate)
test_loader = DataLoader(test_set, batch_size=32, collate_fn=collate)
print(len(train_set), len(test_set), len(train_loader), len(test_loader))

model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
scheduler = StepLR(optimizer, step_size=3, gamma=0.5)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
print(model)


def accuracy(loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, lengths, labels in loader:
            right += (model(x, lengths).argmax(dim=1) == labels).sum().item()
    return right / len(loader.dataset)


for epoch in range(8):
    model.train()
    running = 0.0
    for x, lengths, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x, lengths), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        running += loss.item() * labels.size(0)
    rate = scheduler.get_last_lr()[0]
    scheduler.step()
    print(
        f"epoch {epoch + 1} lr {rate:.4f} loss {running / len(train_set):.4f} "
        f"train {accuracy(train_loader):.1%} test {accuracy(test_loader):.1%}"
    )

x, lengths, labels = next(iter(test_loader))
with torch.no_grad():
    print(lengths[:8], labels[:8])
    print(F.softmax(model(x, lengths), dim=-1)[:4])
