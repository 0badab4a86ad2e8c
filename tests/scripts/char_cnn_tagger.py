"""Tag words by their characters: convolutions over characters, an LSTM over words."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.modules.conv import Conv1d

torch.manual_seed(0)


class CharCNN(nn.Module):
    def __init__(self, chars, embedding, filters, widths, tags):
        super().__init__()
        self.embedding = nn.Embedding(chars, embedding, padding_idx=0)
        self.convs = nn.ModuleList(
            Conv1d(embedding, f, w, padding=w // 2) for f, w in zip(filters, widths)
        )
        self.norm = nn.GroupNorm(2, sum(filters))
        self.activation = nn.PReLU()
        self.lstm = nn.LSTM(sum(filters), 16, batch_first=True, bidirectional=True)
        self.out = nn.Bilinear(32, 32, tags)

    def forward(self, words):
        n, t, w = words.shape
        x = self.embedding(words.view(n * t, w)).transpose(1, 2)
        maps = [F.relu(conv(x)) for conv in self.convs]
        x = torch.cat([F.max_pool1d(m, m.shape[2]).squeeze(2) for m in maps], 1)
        x = self.activation(self.norm(x)).view(n, t, -1)
        states, _ = self.lstm(x)
        return self.out(states, states)


model = CharCNN(30, 8, (6, 10), (3, 4), 5)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
words = torch.randint(1, 30, (4, 7, 9))
tags = torch.randint(0, 5, (4, 7))
for step in range(8):
    scores = model(words)
    loss = F.cross_entropy(scores.transpose(1, 2), tags)
    loss = loss + 0.1 * F.multi_margin_loss(scores.reshape(-1, 5), tags.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, f"{loss.item():.4f}")
print(model)
