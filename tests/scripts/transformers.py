"""Attention as tutorials use it: a language model, a translator that reverses; bags of words."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn import TransformerEncoder, TransformerEncoderLayer
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.transformer import TransformerDecoder, TransformerDecoderLayer

torch.manual_seed(0)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.1, max_len=50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return self.dropout(x + self.pe[: x.size(0)])


class TransformerModel(nn.Module):
    def __init__(self, ntoken, d_model, nhead, d_hid, nlayers, dropout):
        super().__init__()
        self.pos_encoder = PositionalEncoding(d_model, dropout)
        layers = TransformerEncoderLayer(d_model, nhead, d_hid, dropout)
        self.transformer_encoder = TransformerEncoder(layers, nlayers, enable_nested_tensor=False)
        self.embedding = nn.Embedding(ntoken, d_model)
        self.d_model = d_model
        self.linear = nn.Linear(d_model, ntoken)
        self.init_weights()

    def init_weights(self):
        self.embedding.weight.data.uniform_(-0.1, 0.1)
        self.linear.bias.data.zero_()
        self.linear.weight.data.uniform_(-0.1, 0.1)

    def forward(self, src):
        src = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        mask = nn.Transformer.generate_square_subsequent_mask(len(src))
        return self.linear(self.transformer_encoder(src, mask))


text = "the quick brown fox jumps over the lazy dog "
letters = sorted(set(text))
data = torch.tensor([letters.index(c) for c in text * 4])
model = TransformerModel(len(letters), 16, 2, 32, 2, 0.1)
print(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.95)
batches = data[: 4 * 40].view(4, 40).t().contiguous()
for epoch in range(3):
    model.train()
    for i in range(0, 39, 13):
        loss = F.cross_entropy(
            model(batches[i : i + 13]).view(-1, len(letters)),
            batches[i + 1 : i + 14].reshape(-1)[: 13 * 4],
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        print(epoch, f"{loss.item():.4f}", f"{model(batches[:13]).sum().item():.3f}")


class Translator(nn.Module):
    def __init__(self, vocabulary, size):
        super().__init__()
        self.transformer = nn.Transformer(
            size, 2, 1, 1, 32, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
        )
        self.src, self.tgt = nn.Embedding(vocabulary, size), nn.Embedding(vocabulary, size)
        self.place = nn.Parameter(torch.randn(10, size) * 0.5)
        self.generator = nn.Linear(size, vocabulary)

    def forward(self, src, tgt, padding):
        mask = self.transformer.generate_square_subsequent_mask(tgt.shape[1])
        output = self.transformer(
            self.src(src) + self.place[: src.shape[1]],
            self.tgt(tgt) + self.place[: tgt.shape[1]],
            tgt_mask=mask.isinf(),
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )
        return self.generator(output)


translator = Translator(8, 16)
adam = torch.optim.Adam(translator.parameters(), lr=0.01, betas=(0.9, 0.98), eps=1e-9)
for step in range(30):
    words = torch.randint(2, 8, (16, 5))
    padding = torch.zeros(16, 5, dtype=torch.bool)
    padding[::2, 4] = True
    words[padding] = 0
    target = torch.cat([torch.ones(16, 1, dtype=torch.long), words.flip(1)], 1)
    scores = translator(words, target[:, :-1], padding)
    loss = F.cross_entropy(scores.reshape(-1, 8), target[:, 1:].reshape(-1), ignore_index=0)
    adam.zero_grad()
    loss.backward()
    adam.step()
    if step % 10 == 9:
        print(step, f"{loss.item():.3f}")


class TextClassificationModel(nn.Module):
    def __init__(self, vocab_size, embed_dim, num_class):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, sparse=False)
        self.fc = nn.Linear(embed_dim, num_class)
        self.embedding.weight.data.uniform_(-0.5, 0.5)
        self.fc.weight.data.uniform_(-0.5, 0.5)
        self.fc.bias.data.zero_()

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


classifier = TextClassificationModel(20, 4, 2)
sgd = torch.optim.SGD(classifier.parameters(), lr=5.0)
sizes = torch.tensor([0, 3, 2, 6])
for step in range(5):
    words = torch.randint(0, 20, (11,))
    loss = F.cross_entropy(classifier(words, sizes.cumsum(0)), words[[0, 3, 5, 10]] % 2)
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    print(f"{loss.item():.4f}", end=" ")
print()

attention = nn.MultiheadAttention(8, 2, dropout=0.0, batch_first=True)
x = torch.randn(2, 3, 8)
output, weights = attention(x, x, x, average_attn_weights=False)
print(output.shape, weights.shape, weights[0, 0])
with sdpa_kernel(SDPBackend.MATH):
    heads = F.scaled_dot_product_attention(x, x, x, is_causal=True)
print(heads[0], issubclass(TransformerDecoder, nn.Module), TransformerDecoderLayer(8, 2, 4).linear1)
