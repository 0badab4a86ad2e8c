"""A word-level language model with tied weights, trained by truncated back-propagation in time."""

import argparse
import math
import random
import tempfile

import torch
import torch.nn as nn
import torch.onnx

parser = argparse.ArgumentParser(description="Word language model on a little generated corpus")
parser.add_argument("--model", default="LSTM", help="RNN, LSTM, GRU or Transformer")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--lr", type=float, default=4.0)
parser.add_argument("--bptt", type=int, default=12)
args = parser.parse_args()

torch.manual_seed(1111)
random.seed(1111)
device = torch.accelerator.current_accelerator() or torch.device("cpu")


def sentence():
    who = random.choice(["the heron", "a fox", "the old miller", "my aunt", "nobody"])
    what = random.choice(["watched", "followed", "painted", "forgot", "liked the smell of"])
    whom = random.choice(["the river", "a lantern", "the mill", "two boats", "the road"])
    return f"{who} {what} {whom} <eos>".split()


word2idx = {}


def corpus_of(n_sentences):
    words = [word for _ in range(n_sentences) for word in sentence()]
    return torch.tensor([word2idx.setdefault(word, len(word2idx)) for word in words])


def batchify(data, batch_size):
    data = data.narrow(0, 0, data.size(0) // batch_size * batch_size)
    return data.view(batch_size, -1).t().contiguous().to(device)


train_data = batchify(corpus_of(260), 8)
val_data, test_data = batchify(corpus_of(60), 4), batchify(corpus_of(60), 4)


class RNNModel(nn.Module):
    def __init__(self, rnn_type, ntoken, ninp, nhid, nlayers, dropout=0.0):
        super(RNNModel, self).__init__()
        self.ntoken = ntoken
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = getattr(nn, rnn_type)(ninp, nhid, nlayers, dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.5, 0.5)
        nn.init.zeros_(self.decoder.bias)
        self.rnn_type, self.nhid, self.nlayers = rnn_type, nhid, nlayers

    def forward(self, input, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(input)), hidden)
        decoded = self.decoder(self.drop(output)).view(-1, self.ntoken)
        return torch.nn.functional.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, batch_size):
        weight = next(self.parameters())
        h = weight.new_zeros(self.nlayers, batch_size, self.nhid)
        return (h, h.clone()) if self.rnn_type == "LSTM" else h


class TransformerModel(nn.Transformer):
    """Only a name, unless --model is Transformer."""


ntokens = len(word2idx)
if args.model == "Transformer":
    model = TransformerModel(32, 2, 2, 2)
else:
    model = RNNModel(args.model, ntokens, 32, 32, 2).to(device)
criterion = nn.NLLLoss()
print(model)


def repackage_hidden(h):
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


def get_batch(source, i):
    seq_len = min(args.bptt, len(source) - 1 - i)
    return source[i : i + seq_len], source[i + 1 : i + 1 + seq_len].view(-1)


@torch.no_grad()
def evaluate(source):
    model.eval()
    total_loss = 0.0
    hidden = model.init_hidden(source.size(1))
    for i in range(0, source.size(0) - 1, args.bptt):
        data, targets = get_batch(source, i)
        output, hidden = model(data, hidden)
        total_loss += len(data) * criterion(output, targets).item()
    return total_loss / (len(source) - 1)


def train(lr):
    model.train()
    total_loss = 0.0
    hidden = model.init_hidden(train_data.size(1))
    for batch, i in enumerate(range(0, train_data.size(0) - 1, args.bptt)):
        data, targets = get_batch(train_data, i)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(data, hidden)
        loss = criterion(output, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)
        total_loss += loss.item()
        if batch % 5 == 4:
            mean = total_loss / 5
            print(f"| {batch + 1:3d} batches | loss {mean:5.2f} | ppl {math.exp(mean):8.2f}")
            total_loss = 0


lr, best_val_loss = args.lr, None
checkpoint = tempfile.TemporaryFile()
for epoch in range(1, args.epochs + 1):
    train(lr)
    val_loss = evaluate(val_data)
    print(f"| end of epoch {epoch} | valid loss {val_loss:5.2f} | ppl {math.exp(val_loss):8.2f}")
    if not best_val_loss or val_loss < best_val_loss:
        checkpoint.seek(0)
        torch.save(model, checkpoint)
        best_val_loss = val_loss
    else:
        lr /= 4.0

checkpoint.seek(0)
modules = nn.modules
classes = [RNNModel, modules.dropout.Dropout, modules.sparse.Embedding, modules.rnn.LSTM]
with torch.serialization.safe_globals([*classes, modules.linear.Linear]):
    model = torch.load(checkpoint)
model.rnn.flatten_parameters()
test_loss = evaluate(test_data)
print(f"| end of training | test loss {test_loss:5.2f} | test ppl {math.exp(test_loss):8.2f}")
