"""Invent names: a network that is given a language writes one letter after the other."""

import random
import string

import torch
import torch.nn as nn

NAMES = {
    "Basque": "Agirre Arrieta Bilbao Echeverria Elizondo Etxebarria Goikoetxea Ibarra Mendizabal",
    "Dutch": "Bakker Dekker Dijkstra Hendriks Jansen Kuiper Smit Verhoeven Visser Vermeulen",
    "Hungarian": "Farkas Horvath Kovacs Lakatos Molnar Nagy Nemeth Szabo Takacs Varga",
}
LETTERS = string.ascii_letters
END = len(LETTERS)  # the mark of the end
n_letters = len(LETTERS) + 1
categories = list(NAMES)
lines = {category: text.split() for category, text in NAMES.items()}
n_categories = len(categories)


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(n_categories + input_size + hidden_size, hidden_size)
        self.i2o = nn.Linear(n_categories + input_size + hidden_size, output_size)
        self.o2o = nn.Linear(hidden_size + output_size, output_size)
        self.dropout = nn.Dropout(0.0)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, category, input, hidden):
        input_combined = torch.cat((category, input, hidden), 1)
        hidden = self.i2h(input_combined)
        output = self.i2o(input_combined)
        output_combined = torch.cat((hidden, output), 1)
        output = self.o2o(output_combined)
        output = self.dropout(output)
        return self.softmax(output), hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


def category_tensor(category):
    tensor = torch.zeros(1, n_categories)
    tensor[0][categories.index(category)] = 1
    return tensor


def input_tensor(line):
    tensor = torch.zeros(len(line), 1, n_letters)
    for place, letter in enumerate(line):
        tensor[place][0][LETTERS.find(letter)] = 1
    return tensor


def target_tensor(line):
    return torch.LongTensor([LETTERS.find(letter) for letter in line[1:]] + [END])


random.seed(2)
torch.manual_seed(2)
rnn = RNN(n_letters, 64, n_letters)
criterion = nn.NLLLoss()
learning_rate = 0.01


def train(category, input_line, target_line):
    target_line.unsqueeze_(-1)
    hidden = rnn.init_hidden()
    rnn.zero_grad()
    loss = torch.Tensor([0])
    for i in range(input_line.size(0)):
        output, hidden = rnn(category, input_line[i], hidden)
        loss += criterion(output, target_line[i])
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-learning_rate)
    return loss.item() / input_line.size(0)


all_losses = []
total = 0
for iteration in range(1, 601):
    category = random.choice(categories)
    line = random.choice(lines[category])
    loss = train(category_tensor(category), input_tensor(line), target_tensor(line))
    total += loss
    if iteration % 100 == 0:
        print(f"({iteration} {iteration / 600:.0%}) {loss:.4f}")
        all_losses.append(total / 100)
        total = 0
print("means:", " ".join(f"{loss:.4f}" for loss in all_losses))


def sample(category, start, max_length=8):
    with torch.no_grad():
        letter = input_tensor(start)
        hidden = rnn.init_hidden()
        name = start
        for _ in range(max_length):
            output, hidden = rnn(category_tensor(category), letter[0], hidden)
            _, best = output.topk(1)
            best = best[0][0]
            if best == END:
                break
            name += LETTERS[best]
            letter = input_tensor(LETTERS[best])
        return name


for category, starts in [("Basque", "AEM"), ("Dutch", "JVK"), ("Hungarian", "SNT")]:
    print(category, *(sample(category, start) for start in starts))
