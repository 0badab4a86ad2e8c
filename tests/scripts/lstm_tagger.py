"""Tag the words of sentences with an LSTM, and see its scores before and after training."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(1)

lstm = nn.LSTM(3, 3)  # input and output have three features
inputs = [torch.randn(1, 3) for _ in range(5)]
hidden = (torch.randn(1, 1, 3), torch.randn(1, 1, 3))
for i in inputs:  # one step at a time
    out, hidden = lstm(i.view(1, 1, -1), hidden)
print(out)
inputs = torch.cat(inputs).view(len(inputs), 1, -1)  # all at once
hidden = (torch.randn(1, 1, 3), torch.randn(1, 1, 3))
out, hidden = lstm(inputs, hidden)
print(out)
print(hidden)

training_data = [
    ("A sailor mended the torn net".split(), ["DET", "NOUN", "VERB", "DET", "ADJ", "NOUN"]),
    ("Nobody heard that old bell".split(), ["PRON", "VERB", "DET", "ADJ", "NOUN"]),
]
word_to_ix = {}
for sentence, _ in training_data:
    for word in sentence:
        word_to_ix.setdefault(word, len(word_to_ix))
tag_to_ix = {"DET": 0, "NOUN": 1, "VERB": 2, "ADJ": 3, "PRON": 4}
ix_to_tag = {ix: tag for tag, ix in tag_to_ix.items()}

EMBEDDING_DIM = 6
HIDDEN_DIM = 6


def prepare_sequence(sequence, to_ix):
    return torch.tensor([to_ix[word] for word in sequence], dtype=torch.long)


class LSTMTagger(nn.Module):
    def __init__(self, embedding_dim, hidden_dim, vocab_size, tagset_size):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.word_embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim)
        self.hidden2tag = nn.Linear(hidden_dim, tagset_size)

    def forward(self, sentence):
        embeds = self.word_embeddings(sentence)
        lstm_out, _ = self.lstm(embeds.view(len(sentence), 1, -1))
        tag_space = self.hidden2tag(lstm_out.view(len(sentence), -1))
        return F.log_softmax(tag_space, dim=1)


model = LSTMTagger(EMBEDDING_DIM, HIDDEN_DIM, len(word_to_ix), len(tag_to_ix))
loss_function = nn.NLLLoss()
optimizer = optim.SGD(model.parameters(), lr=0.1)
print(model)


def show_tags():
    with torch.no_grad():
        for sentence, tags in training_data:
            scores = model(prepare_sequence(sentence, word_to_ix))
            print(scores)
            best = [ix_to_tag[ix.item()] for ix in scores.argmax(1)]
            print(" ".join(f"{word}/{tag}" for word, tag in zip(sentence, best)))
            print(f"{sum(a == b for a, b in zip(best, tags))} of {len(tags)} right")


show_tags()
for epoch in range(300):
    for sentence, tags in training_data:
        model.zero_grad()
        sentence_in = prepare_sequence(sentence, word_to_ix)
        targets = prepare_sequence(tags, tag_to_ix)
        loss = loss_function(model(sentence_in), targets)
        loss.backward()
        optimizer.step()
    if epoch % 60 == 59:
        print(f"epoch {epoch + 1}: loss {loss:.4f}")
show_tags()
