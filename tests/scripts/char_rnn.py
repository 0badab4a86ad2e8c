"""Learn a text by heart, letter by letter, and write others like it at several temperatures."""

import random

import torch
import torch.nn as nn
from torch.autograd import Variable

TEXT = (
    "down by the weir the water turns, and turns the wheel, and the wheel turns the stone; "
    "the stone turns the corn to flour, and the miller turns the flour to bread. "
    "when the water sleeps the wheel sleeps, and the stone, and the miller too. "
)
letters = sorted(set(TEXT))
n_letters = len(letters)


class CharRNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size, model="gru", n_layers=1):
        super(CharRNN, self).__init__()
        self.model = model.lower()
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.encoder = nn.Embedding(input_size, hidden_size)
        if self.model == "gru":
            self.rnn = nn.GRU(hidden_size, hidden_size, n_layers)
        elif self.model == "lstm":
            self.rnn = nn.LSTM(hidden_size, hidden_size, n_layers)
        self.decoder = nn.Linear(hidden_size, output_size)

    def forward(self, input, hidden):
        batch_size = input.size(0)
        encoded = self.encoder(input)
        output, hidden = self.rnn(encoded.view(1, batch_size, -1), hidden)
        return self.decoder(output.view(batch_size, -1)), hidden

    def init_hidden(self, batch_size):
        def zeros():
            return Variable(torch.zeros(self.n_layers, batch_size, self.hidden_size))

        return (zeros(), zeros()) if self.model == "lstm" else zeros()


def char_tensor(text):
    tensor = torch.zeros(len(text)).long()
    for place, letter in enumerate(text):
        tensor[place] = letters.index(letter)
    return tensor


def random_training_set(chunk_len, batch_size):
    inp = torch.LongTensor(batch_size, chunk_len)
    target = torch.LongTensor(batch_size, chunk_len)
    for row in range(batch_size):
        start = random.randint(0, len(TEXT) - chunk_len - 1)
        chunk = TEXT[start : start + chunk_len + 1]
        inp[row] = char_tensor(chunk[:-1])
        target[row] = char_tensor(chunk[1:])
    return Variable(inp), Variable(target)


def train(decoder, optimizer, criterion, inp, target):
    batch_size, chunk_len = inp.size()
    hidden = decoder.init_hidden(batch_size)
    decoder.zero_grad()
    loss = 0
    for c in range(chunk_len):
        output, hidden = decoder(inp[:, c], hidden)
        loss += criterion(output.view(batch_size, -1), target[:, c])
    loss.backward()
    optimizer.step()
    return loss.data / chunk_len


def generate(decoder, prime, predict_len, temperature):
    hidden = decoder.init_hidden(1)
    prime_input = Variable(char_tensor(prime).unsqueeze(0))
    for p in range(len(prime) - 1):
        _, hidden = decoder(prime_input[:, p], hidden)
    inp = prime_input[:, -1]
    predicted = prime
    for _ in range(predict_len):
        output, hidden = decoder(inp, hidden)
        output_dist = output.data.view(-1).div(temperature).exp()
        top_i = torch.multinomial(output_dist, 1)[0]
        predicted += letters[top_i]
        inp = Variable(char_tensor(letters[top_i]).unsqueeze(0))
    return predicted


for model in ["gru", "lstm"]:
    random.seed(4)
    torch.manual_seed(4)
    decoder = CharRNN(n_letters, 40, n_letters, model)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    print(model, sum(p.nelement() for p in decoder.parameters()), "parameters")
    for epoch in range(1, 61):
        loss = train(decoder, optimizer, criterion, *random_training_set(24, 8))
        if epoch % 20 == 0:
            print(f"[epoch {epoch} loss {loss:.4f}]")
    for temperature in [0.4, 0.8, 1.2]:
        print(f"{temperature}:", generate(decoder, "the ", 40, temperature))
