"""Which language is a name from? A recurrent network made of Linear layers reads its letters."""

import random
import string

import torch
import torch.nn as nn

NAMES = {
    "Finnish": "Aalto Halonen Heikkinen Hiltunen Kallio Karjalainen Koskinen Laaksonen Lahtinen",
    "Italian": "Bianchi Colombo Esposito Ferrari Gallo Lombardi Marchetti Moretti Ricci Rossi",
    "Japanese": "Fujimoto Hayashi Ishikawa Kobayashi Matsuda Nakamura Takahashi Yamamoto Yoshida",
    "Polish": "Dudek Kaczmarek Kowalczyk Mazur Nowak Pawlak Szczepaniak Wieczorek Wojcik Wrobel",
}
LETTERS = string.ascii_letters
languages = list(NAMES)
names = {language: line.split() for language, line in NAMES.items()}


def to_tensor(name):
    tensor = torch.zeros(len(name), 1, len(LETTERS))
    for place, letter in enumerate(name):
        tensor[place][0][LETTERS.find(letter)] = 1
    return tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        return self.softmax(self.h2o(hidden)), hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


random.seed(1)
torch.manual_seed(1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
rnn = RNN(len(LETTERS), 32, len(languages)).to(device)
criterion = nn.NLLLoss()
learning_rate = 0.02
print(rnn)


def read(line_tensor):
    hidden = rnn.init_hidden()
    for i in range(line_tensor.size()[0]):
        output, hidden = rnn(line_tensor[i], hidden)
    return output


def train(category_tensor, line_tensor):
    rnn.zero_grad()
    output = read(line_tensor)
    loss = criterion(output, category_tensor)
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-learning_rate)
    return output, loss.item()


def category_of(output):
    top_value, top_index = output.topk(1)
    return languages[top_index[0].item()]


total = 0.0
for iteration in range(1, 601):
    language = random.choice(languages)
    name = random.choice(names[language])
    category_tensor = torch.tensor([languages.index(language)], dtype=torch.long)
    output, loss = train(category_tensor, to_tensor(name))
    total += loss
    if iteration % 100 == 0:
        guess = category_of(output)
        mark = "right" if guess == language else f"wrong ({language})"
        print(f"{iteration:4d}  loss {total / 100:.4f}  {name} / {guess} {mark}")
        total = 0.0

confusion = torch.zeros(len(languages), len(languages))
with torch.no_grad():
    for row, language in enumerate(languages):
        for name in names[language]:
            confusion[row][languages.index(category_of(read(to_tensor(name))))] += 1
    for row in range(len(languages)):
        confusion[row] = confusion[row] / confusion[row].sum()
print(confusion)

for name in ["Virtanen", "Tanaka", "Romano"]:
    with torch.no_grad():
        output = read(to_tensor(name))
    top_values, top_indices = output.topk(3, 1, True)
    print(f"\n> {name}")
    for value, index in zip(top_values[0], top_indices[0]):
        print(f"({value.item():.2f}) {languages[index]}")
