"""Read a number in words, write it in Roman numerals: encoder, decoder, and attention between."""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim

SOS, EOS = 0, 1
ONES = "one two three four five six seven eight nine".split()
TENS = "ten twenty thirty forty fifty sixty seventy eighty ninety".split()
ROMAN_ONES = "I II III IV V VI VII VIII IX".split()
ROMAN_TENS = "X XX XXX XL L LX LXX LXXX XC".split()


class Lang:
    def __init__(self):
        self.word2index = {}
        self.index2word = {SOS: "SOS", EOS: "EOS"}

    def add(self, words):
        for word in words:
            if word not in self.word2index:
                self.word2index[word] = len(self.index2word)
                self.index2word[len(self.index2word)] = word

    def tensor(self, words):
        indices = [self.word2index[word] for word in words] + [EOS]
        return torch.tensor(indices, dtype=torch.long).view(-1, 1)


pairs = []
for tens in range(9):
    pairs.append(([TENS[tens]], list(ROMAN_TENS[tens])))
    for ones in range(0, 9, 2):
        pairs.append(([TENS[tens], ONES[ones]], list(ROMAN_TENS[tens] + ROMAN_ONES[ones])))
english, roman = Lang(), Lang()
for words, numeral in pairs:
    english.add(words)
    roman.add(numeral)
MAX_LENGTH = 12


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size)

    def forward(self, input, hidden):
        embedded = self.embedding(input).view(1, 1, -1)
        return self.gru(embedded, hidden)

    def init_hidden(self):
        return torch.zeros(1, 1, self.hidden_size)


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size, max_length=MAX_LENGTH):
        super().__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.attn = nn.Linear(hidden_size * 2, max_length)
        self.attn_combine = nn.Linear(hidden_size * 2, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, input, hidden, encoder_outputs):
        embedded = self.embedding(input).view(1, 1, -1)
        weights = F.softmax(self.attn(torch.cat((embedded[0], hidden[0]), 1)), dim=1)
        applied = torch.bmm(weights.unsqueeze(0), encoder_outputs.unsqueeze(0))
        output = torch.cat((embedded[0], applied[0]), 1)
        output = F.relu(self.attn_combine(output).unsqueeze(0))
        output, hidden = self.gru(output, hidden)
        return F.log_softmax(self.out(output[0]), dim=1), hidden, weights


random.seed(3)
torch.manual_seed(3)
encoder = EncoderRNN(len(english.index2word), 32)
decoder = AttnDecoderRNN(32, len(roman.index2word))
encoder_optimizer = optim.Adam(encoder.parameters(), lr=0.005)
decoder_optimizer = optim.SGD(decoder.parameters(), lr=0.05)
criterion = nn.NLLLoss()


def encode(input_tensor):
    hidden = encoder.init_hidden()
    outputs = torch.zeros(MAX_LENGTH, encoder.hidden_size)
    for i in range(input_tensor.size(0)):
        output, hidden = encoder(input_tensor[i], hidden)
        outputs[i] = output[0, 0]
    return outputs, hidden


def train(input_tensor, target_tensor, teacher_forcing_ratio=0.5):
    encoder_optimizer.zero_grad()
    decoder_optimizer.zero_grad()
    outputs, hidden = encode(input_tensor)
    letter = torch.tensor([[SOS]])
    use_teacher_forcing = random.random() < teacher_forcing_ratio
    loss = 0
    for i in range(target_tensor.size(0)):
        output, hidden, _ = decoder(letter, hidden, outputs)
        loss += criterion(output, target_tensor[i])
        if use_teacher_forcing:
            letter = target_tensor[i]
        else:
            _, best = output.topk(1)
            letter = best.squeeze().detach()
            if letter.item() == EOS:
                break
    loss.backward()
    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item() / target_tensor.size(0)


def evaluate(words):
    with torch.no_grad():
        outputs, hidden = encode(english.tensor(words))
        letter, decoded, looked_at = torch.tensor([[SOS]]), [], []
        for _ in range(MAX_LENGTH):
            output, hidden, weights = decoder(letter, hidden, outputs)
            looked_at.append(weights[0])
            _, best = output.data.topk(1)
            if best.item() == EOS:
                break
            decoded.append(roman.index2word[best.item()])
            letter = best.squeeze().detach()
        return "".join(decoded), torch.stack(looked_at)


total = 0.0
for iteration in range(1, 401):
    words, numeral = random.choice(pairs)
    total += train(english.tensor(words), roman.tensor(numeral))
    if iteration % 80 == 0:
        print(f"{iteration} loss {total / 80:.3f}")
        total = 0.0
for words, numeral in pairs[::9]:
    said, attention = evaluate(words)
    print(" ".join(words), "=", "".join(numeral), "<", said, tuple(attention.shape))
