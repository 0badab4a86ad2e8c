"""Find the names in sentences: a bidirectional LSTM scores tags, a CRF scores their sequences."""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(1)

START, STOP = "<START>", "<STOP>"
EMBEDDING_DIM, HIDDEN_DIM = 5, 4
training_data = [
    (
        "last week Acme Tools opened its second shop in Turin".split(),
        "O O B I O O O O O B".split(),
    ),
    ("the mayor of Turin praised Ada Rossi".split(), "O O O B O B I".split()),
]
word_to_ix = {}
for sentence, tags in training_data:
    for word in sentence:
        if word not in word_to_ix:
            word_to_ix[word] = len(word_to_ix)
tag_to_ix = {"B": 0, "I": 1, "O": 2, START: 3, STOP: 4}


def prepare_sequence(sequence, to_ix):
    return torch.tensor([to_ix[word] for word in sequence], dtype=torch.long)


def argmax(vector):
    _, index = torch.max(vector, 1)
    return index.item()


def log_sum_exp(vector):
    maximum = vector[0, argmax(vector)]
    shift = maximum.view(1, -1).expand(1, vector.size()[1])
    return maximum + torch.log(torch.sum(torch.exp(vector - shift)))


class BiLSTM_CRF(nn.Module):
    def __init__(self, vocab_size, tag_to_ix, embedding_dim, hidden_dim):
        super(BiLSTM_CRF, self).__init__()
        self.hidden_dim = hidden_dim
        self.tag_to_ix = tag_to_ix
        self.tagset_size = len(tag_to_ix)
        self.word_embeds = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim // 2, num_layers=1, bidirectional=True)
        self.hidden2tag = nn.Linear(hidden_dim, self.tagset_size)
        # entry (i, j): the score of going to tag i from tag j
        self.transitions = nn.Parameter(torch.randn(self.tagset_size, self.tagset_size))
        self.transitions.data[tag_to_ix[START], :] = -10000
        self.transitions.data[:, tag_to_ix[STOP]] = -10000
        self.hidden = self.init_hidden()

    def init_hidden(self):
        size = (2, 1, self.hidden_dim // 2)
        return torch.randn(*size), torch.randn(*size)

    def features(self, sentence):
        self.hidden = self.init_hidden()
        embeds = self.word_embeds(sentence).view(len(sentence), 1, -1)
        lstm_out, self.hidden = self.lstm(embeds, self.hidden)
        return self.hidden2tag(lstm_out.view(len(sentence), self.hidden_dim))

    def partition(self, feats):
        """The log of the sum of exp(score) over all sequences of tags."""
        forward_var = torch.full((1, self.tagset_size), -10000.0)
        forward_var[0][self.tag_to_ix[START]] = 0.0
        for feat in feats:
            alphas = []
            for tag in range(self.tagset_size):
                emit = feat[tag].view(1, -1).expand(1, self.tagset_size)
                trans = self.transitions[tag].view(1, -1)
                alphas.append(log_sum_exp(forward_var + trans + emit).view(1))
            forward_var = torch.cat(alphas).view(1, -1)
        return log_sum_exp(forward_var + self.transitions[self.tag_to_ix[STOP]])

    def score(self, feats, tags):
        """The score of one sequence of tags."""
        score = torch.zeros(1)
        tags = torch.cat([torch.tensor([self.tag_to_ix[START]], dtype=torch.long), tags])
        for i, feat in enumerate(feats):
            score = score + self.transitions[tags[i + 1], tags[i]] + feat[tags[i + 1]]
        return score + self.transitions[self.tag_to_ix[STOP], tags[-1]]

    def viterbi(self, feats):
        """The sequence of tags with the best score."""
        backpointers = []
        forward_var = torch.full((1, self.tagset_size), -10000.0)
        forward_var[0][self.tag_to_ix[START]] = 0
        for feat in feats:
            pointers, scores = [], []
            for tag in range(self.tagset_size):
                coming = forward_var + self.transitions[tag]
                best = argmax(coming)
                pointers.append(best)
                scores.append(coming[0][best].view(1))
            forward_var = (torch.cat(scores) + feat).view(1, -1)
            backpointers.append(pointers)
        last = forward_var + self.transitions[self.tag_to_ix[STOP]]
        best = argmax(last)
        path = [best]
        for pointers in reversed(backpointers):
            path.append(pointers[path[-1]])
        assert path.pop() == self.tag_to_ix[START]
        return last[0][best], path[::-1]

    def neg_log_likelihood(self, sentence, tags):
        feats = self.features(sentence)
        return self.partition(feats) - self.score(feats, tags)

    def forward(self, sentence):
        return self.viterbi(self.features(sentence))


model = BiLSTM_CRF(len(word_to_ix), tag_to_ix, EMBEDDING_DIM, HIDDEN_DIM)
optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)
with torch.no_grad():
    print(model(prepare_sequence(training_data[0][0], word_to_ix)))

for epoch in range(32):
    for sentence, tags in training_data:
        model.zero_grad()
        sentence_in = prepare_sequence(sentence, word_to_ix)
        targets = torch.tensor([tag_to_ix[tag] for tag in tags], dtype=torch.long)
        loss = model.neg_log_likelihood(sentence_in, targets)
        loss.backward()
        optimizer.step()
    if epoch % 8 == 7:
        print(epoch + 1, loss)

with torch.no_grad():
    for sentence, tags in training_data:
        score, path = model(prepare_sequence(sentence, word_to_ix))
        print(score, path, [tag_to_ix[tag] for tag in tags])
