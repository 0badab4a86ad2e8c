"""linear-attention-transformer: a language model with linear attention, as in its README."""

import torch
from linear_attention_transformer import LinearAttentionTransformerLM

torch.manual_seed(0)
for options in ({}, {"n_local_attn_heads": 2, "local_attn_window_size": 8}, {"reversible": True}):
    model = LinearAttentionTransformerLM(
        num_tokens=20, dim=16, heads=4, depth=2, max_seq_len=32, causal=True, ff_dropout=0.0,
        blindspot_size=4, **options,
    )  # fmt: skip
    x = torch.randint(0, 20, (2, 32))
    logits = model(x)
    logits.pow(2).mean().backward()
    total = sum(p.grad.norm() for p in model.parameters() if p.grad is not None)
    print(logits.shape, round(logits.std().item(), 3), round(total.item(), 2))
