#!/usr/bin/env python3
"""A plain PyTorch SASRec, to be fast beside: how many real tokens does it train on in a second?

    sasrec.py sequences.csv.zst --loss full --d 64 --blocks 2 --heads 2
    sasrec.py sequences.csv.zst --loss bce --d 50 --padded
    sasrec.py sequences.csv.zst --steps 10 --json            a short look

Self-attentive sequential recommendation (Kang and McAuley 2018, ICDM), written for this comparison from
the paper: item and position vectors, causal attention, a point-wise network of width d, normalisation in
front of each part, item vectors tied to the output. Sequences are filled up on the right, where causal
attention never looks, so no mask of padding is needed.

A token is an event whose next item is predicted. Real tokens count those; padded tokens count every place
of the batches, which is what the processor has to work through. Customers keep all events but the last
two (validation and test), of them the newest --length + 1; items with less than --min-count events go.
"""
import argparse
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sequences", help="sequences.csv.zst: user_id,items with items oldest first, by blanks")
    p.add_argument("--loss", choices=("full", "bce"), default="full",
                   help="softmax over all items, or one drawn item that is not the target")
    p.add_argument("--d", type=int, default=64, help="width")
    p.add_argument("--blocks", type=int, default=2)
    p.add_argument("--heads", type=int, default=2)
    p.add_argument("--length", type=int, default=200, help="events of a customer that are seen")
    p.add_argument("--min-count", type=int, default=5)
    p.add_argument("--batch", type=int, default=128, help="customers in a step")
    p.add_argument("--padded", action="store_true", help="every batch as long as --length, not by buckets")
    p.add_argument("--dropout", type=float, default=0.2)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--epochs", type=int, default=3, help="after one step that warms up")
    p.add_argument("--steps", type=int, default=0, help="steps of an epoch; 0: all")
    p.add_argument("--threads", type=int, default=0, help="0: what PyTorch takes by itself")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--json", action="store_true", help="the result as one line on stdout")
    return p.parse_args()


def read_sequences(path, min_count, length):
    """Training parts as lists of item numbers 1 .. n_items, and n_items."""
    text = subprocess.run(["zstd", "-dc", path], check=True, stdout=subprocess.PIPE).stdout.decode()
    raw = [line.split(",", 1)[1].split() for line in text.splitlines()[1:] if line]
    count = {}
    for items in raw:
        for item in items:
            count[item] = count.get(item, 0) + 1
    number = {item: i + 1 for i, item in enumerate(sorted(i for i, n in count.items() if n >= min_count))}
    kept = [[number[item] for item in items if item in number] for items in raw]
    train = [items[:-2][-(length + 1):] for items in kept]
    return [items for items in train if len(items) >= 2], len(number)


def make_batches(train, options, chance):
    """One epoch: input and target (batch, time), 0 where there is no event."""
    order = list(range(len(train)))
    chance.shuffle(order)
    if not options.padded:  # neighbours in length share a batch, and batches come in any order
        order.sort(key=lambda i: len(train[i]))
    starts = list(range(0, len(order), options.batch))
    chance.shuffle(starts)
    for start in starts:
        rows = [train[i] for i in order[start:start + options.batch]]
        time_steps = options.length if options.padded else max(len(row) for row in rows) - 1
        seen = torch.zeros(len(rows), time_steps, dtype=torch.long)
        target = torch.zeros(len(rows), time_steps, dtype=torch.long)
        for k, row in enumerate(rows):
            seen[k, :len(row) - 1] = torch.tensor(row[:-1])
            target[k, :len(row) - 1] = torch.tensor(row[1:])
        yield seen, target


class Block(nn.Module):
    def __init__(self, d, heads, dropout):
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_network = nn.LayerNorm(d), nn.LayerNorm(d)
        self.query_key_value, self.mix = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.network = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Dropout(dropout), nn.Linear(d, d))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, future):
        b, t, d = x.shape
        parts = self.query_key_value(self.norm_attention(x)).view(b, t, 3, self.heads, d // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (b, heads, t, d / heads)
        weight = query @ key.transpose(-1, -2) / math.sqrt(d // self.heads)
        weight = self.dropout(weight.masked_fill(future[:t, :t], -math.inf).softmax(-1))
        x = x + self.dropout(self.mix((weight @ value).transpose(1, 2).reshape(b, t, d)))
        return x + self.dropout(self.network(self.norm_network(x)))


class SasRec(nn.Module):
    def __init__(self, n_items, options):
        super().__init__()
        self.item = nn.Embedding(n_items + 1, options.d, padding_idx=0)
        self.position = nn.Embedding(options.length, options.d)
        self.blocks = nn.ModuleList(Block(options.d, options.heads, options.dropout)
                                    for _ in range(options.blocks))
        self.norm = nn.LayerNorm(options.d)
        self.dropout = nn.Dropout(options.dropout)
        self.register_buffer("future", torch.ones(options.length, options.length).triu(1).bool())
        for table in (self.item, self.position):
            nn.init.normal_(table.weight, std=0.02)
        with torch.no_grad():
            self.item.weight[0] = 0

    def forward(self, seen):
        x = self.item(seen) * math.sqrt(self.item.embedding_dim) + self.position.weight[:seen.shape[1]]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, self.future)
        return self.norm(x)

    def loss(self, seen, target, kind):
        real = target > 0
        x, wanted = self(seen)[real], target[real]  # (tokens, d), (tokens)
        if kind == "full":
            return functional.cross_entropy(x @ self.item.weight[1:].T, wanted - 1)
        n_items = self.item.num_embeddings - 1
        other = torch.randint(1, n_items, wanted.shape)  # n_items - 1 values, none of them the target
        other = other + (other >= wanted)
        score = [(x * self.item(item)).sum(-1) for item in (wanted, other)]
        return functional.softplus(-score[0]).mean() + functional.softplus(score[1]).mean()


def run_epoch(model, optimiser, batches, options):
    n_real = n_places = n_steps = 0
    total = 0.0
    clock, cpu = time.perf_counter(), time.process_time()
    for seen, target in batches:
        if options.steps and n_steps == options.steps:
            break
        optimiser.zero_grad(set_to_none=True)
        loss = model.loss(seen, target, options.loss)
        loss.backward()
        optimiser.step()
        n = int((target > 0).sum())
        n_real, n_places, n_steps = n_real + n, n_places + target.numel(), n_steps + 1
        total += n * loss.item()
    seconds = time.perf_counter() - clock
    return {"loss": total / n_real, "steps": n_steps, "seconds": seconds,
            "cpu_seconds": time.process_time() - cpu, "tokens": n_real,
            "tokens_per_s": n_real / seconds, "padded_tokens_per_s": n_places / seconds}


def blas_in_use():
    """The libraries of linear algebra in this process: the pthread build of OpenBLAS is no fair peer."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    return sorted(os.path.realpath(path) for path in paths
                  if any(word in os.path.basename(path) for word in ("blas", "mkl", "blis")))


def main():
    options = parse()
    if options.d % options.heads != 0:
        sys.exit(f"--d {options.d} is no multiple of --heads {options.heads}")
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    chance = random.Random(options.seed)
    train, n_items = read_sequences(options.sequences, options.min_count, options.length)
    if not train:
        sys.exit(f"{options.sequences}: nobody has the four events that training needs")
    model = SasRec(n_items, options)
    optimiser = torch.optim.Adam(model.parameters(), lr=options.lr, betas=(0.9, 0.98))
    print(f"{len(train)} customers, {n_items} items, {sum(map(len, train)) - len(train)} tokens; "
          f"{torch.get_num_threads()} threads, {' '.join(blas_in_use()) or 'BLAS within PyTorch'}",
          file=sys.stderr)

    warm = argparse.Namespace(**{**vars(options), "steps": 1})
    run_epoch(model, optimiser, make_batches(train, options, chance), warm)
    epochs = []
    for k in range(options.epochs):
        e = run_epoch(model, optimiser, make_batches(train, options, chance), options)
        epochs.append(e)
        print(f"epoch {k + 1}: loss {e['loss']:.4f}, {e['seconds']:.1f} s, "
              f"{e['tokens_per_s']:,.0f} real tokens/s, {e['padded_tokens_per_s']:,.0f} with padding",
              file=sys.stderr)
    if options.json:
        rates = [e["tokens_per_s"] for e in epochs]
        print(json.dumps({"peer": "PyTorch " + torch.__version__, "options": vars(options),
                          "n_items": n_items, "epochs": epochs, "threads": torch.get_num_threads(),
                          "blas": blas_in_use(), "tokens_per_s_median": statistics.median(rates),
                          "tokens_per_s_best": max(rates),
                          "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


main()
