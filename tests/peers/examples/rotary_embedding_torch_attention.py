"""rotary-embedding-torch: queries and keys are turned, as its README shows."""

import torch
from rotary_embedding_torch import RotaryEmbedding, apply_rotary_emb

torch.manual_seed(0)
rotary = RotaryEmbedding(dim=32)
q, k = torch.randn(1, 8, 16, 64), torch.randn(1, 8, 16, 64)
turned = rotary.rotate_queries_or_keys(q)
scores = (turned @ rotary.rotate_queries_or_keys(k).transpose(-1, -2)).softmax(-1)
print(scores.shape, round(scores.std().item(), 5))
cached_q, cached_k = rotary.rotate_queries_with_cached_keys(q[:, :, -1:], k)
print(round((cached_q * cached_k).sum().item(), 3))

xpos = RotaryEmbedding(dim=32, use_xpos=True)
q, k = xpos.rotate_queries_and_keys(q, k)
print(round(q.abs().sum().item(), 1), round(k.abs().sum().item(), 1))

axial = RotaryEmbedding(dim=16, freqs_for="pixel", max_freq=256)
freqs = axial.get_axial_freqs(4, 8, 6)
print(freqs.shape, round(apply_rotary_emb(freqs, torch.ones(1, 4, 8, 6, 64)).sum().item(), 1))
learned = RotaryEmbedding(dim=8, learned_freq=True, interpolate_factor=2.0)
learned.rotate_queries_or_keys(torch.ones(1, 2, 5, 8)).pow(2)[..., 0].sum().backward()
print([round(g, 3) for g in learned.freqs.grad.tolist()])
