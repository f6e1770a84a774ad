#!/usr/bin/env python3
"""The peer and our own learning by turns: events a second and the ratio, by the clock and by the processor.

    race.py ml-1m/sequences.csv.zst --rounds 5 --peer "--loss full --d 64 --steps 10" \\
        --own "attention 64 128 0 200 10" --own "decay 64 128 0 200 10"

Each round runs sasrec.py once and sequence_bench_peer once for each --own. The clock's ratio is what a
user of a quiet machine sees; that of events a processor second is steadier where others work too. PyTorch
is given the OpenMP build of OpenBLAS (README.md).
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OWN = os.path.join(HERE, "../../build/release/bench/sequence_bench_peer")
BLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"


def run(command, environment):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, **environment})
    return json.loads(done.stdout)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sequences")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--peer", default="--loss full --d 64 --steps 10", help="options of sasrec.py")
    p.add_argument("--own", action="append", required=True, help="arguments of sequence_bench_peer")
    o = p.parse_args()
    rates = {own: [] for own in o.own}
    for _ in range(o.rounds):
        peer = run(["/usr/bin/python3", os.path.join(HERE, "sasrec.py"), o.sequences, "--threads", str(o.threads),
                    "--epochs", "1", "--json", *shlex.split(o.peer)],
                   {"LD_LIBRARY_PATH": BLAS, "OMP_NUM_THREADS": str(o.threads)})["epochs"][0]
        theirs = peer["tokens_per_s"], peer["tokens"] / peer["cpu_seconds"]
        for own in o.own:
            r = run([OWN, o.sequences, *own.split()], {"CLADE_BENCH_THREADS": str(o.threads)})
            ours = r["tokens_per_s"], r["tokens_per_cpu_s"]
            rates[own].append((ours[0], theirs[0], ours[1], theirs[1]))
            print(f"{own}: {ours[0]:.0f} to {theirs[0]:.0f} by the clock ({ours[0] / theirs[0]:.2f}), "
                  f"{ours[1]:.0f} to {theirs[1]:.0f} by the processor ({ours[1] / theirs[1]:.2f})",
                  file=sys.stderr, flush=True)
    for own, rows in rates.items():
        clock = [a / b for a, b, _, _ in rows]
        processor = [c / d for _, _, c, d in rows]
        print(f"{own} | {o.peer} | {o.threads} threads, {o.rounds} rounds | clock "
              f"{statistics.median(clock):.2f} ({min(clock):.2f} to {max(clock):.2f}) | processor "
              f"{statistics.median(processor):.2f} ({min(processor):.2f} to {max(processor):.2f}) | "
              f"own {statistics.median(r[2] for r in rows):.0f}, peer {statistics.median(r[3] for r in rows):.0f} "
              f"events a processor second")


main()
