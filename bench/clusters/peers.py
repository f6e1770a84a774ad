#!/usr/bin/env python3
"""k-means beside scikit-learn and faiss: same data, same start, same number of passes, by turns.

    peers.py PROGRAM DATA_FOLDER ROUNDS OUT.md

PROGRAM is the clusters_bench_kmeans of a release build, DATA_FOLDER what its --write wrote. Peers that
are not installed are left out, and the page says so. Each round runs every contestant once, after one
round that warms up; medians over rounds are compared, since a busy machine slows all of them alike.
Processor seconds (of all threads) are given beside seconds by the clock for the same reason.
"""
import json
import os
import platform
import statistics
import subprocess
import sys
import time

PROGRAM, FOLDER, ROUNDS, OUT = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
SHAPES = [("noise", 32, 50), ("groups", 32, 50), ("groups", 64, 100)]
PASSES = 20

try:
    import numpy
    import sklearn
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    import warnings

    warnings.simplefilter("ignore", ConvergenceWarning)
except ImportError:
    numpy = KMeans = None
try:
    import faiss
except ImportError:
    faiss = None


def timed(work):
    clock, cpu = time.perf_counter(), time.process_time()
    objective = work()
    return time.perf_counter() - clock, time.process_time() - cpu, objective


def run_sklearn(x, k):
    model = KMeans(k, init=x[:k], n_init=1, max_iter=PASSES, tol=0, algorithm="lloyd", copy_x=False)
    return timed(lambda: model.fit(x).inertia_)


def run_faiss(x, k):
    model = faiss.Kmeans(x.shape[1], k, niter=PASSES, max_points_per_centroid=len(x))
    return timed(lambda: model.train(x, init_centroids=x[:k].copy()))


def run_clade(name):
    env = dict(os.environ, BENCH_SAY="1")
    done = subprocess.run([PROGRAM, "--json", "--repeat", "1", name], env=env, check=True,
                          capture_output=True, text=True)
    got = json.loads(done.stdout.strip().splitlines()[-1])
    said = [line for line in done.stderr.splitlines() if "objective" in line]
    objective = float(said[-1].split("objective ")[1].split(",")[0]) if said else None
    return got["median_s"], got["median_cpu_s"], objective, got["units"]


def main():
    seen = {}  # (shape, who) -> [(clock, cpu, objective)]
    flop = {}

    def note(key, result):
        seen.setdefault(key, []).append(result)

    for kind, d, k in SHAPES:
        x = None
        if numpy is not None:
            x = numpy.fromfile(f"{FOLDER}/{kind}_{d}.f32", dtype=numpy.float32).reshape(-1, d)
        for turn in range(ROUNDS + 1):
            results = {}
            for label, case in (("clade", "lloyd"), ("clade, every search", "search-all")):
                *result, flop[label, kind, d] = run_clade(f"{case}/{kind}/{d}x{k}")
                results[label] = tuple(result)
            *result, flop["peak"] = run_clade("peak")
            results["peak"] = tuple(result)
            if KMeans is not None:
                results["scikit-learn"] = run_sklearn(x, k)
            if faiss is not None:
                results["faiss"] = run_faiss(x, k)
            print(kind, d, k, {who: round(r[0], 3) for who, r in results.items()}, file=sys.stderr)
            for who, result in results.items():
                if turn > 0:
                    note(((kind, d, k), who), result)

    lines = [
        "# k-means beside scikit-learn and faiss",
        "",
        f"1,000,000 rows of float32, the first k rows as the start, {PASSES} passes and one that labels; "
        f"medians of {ROUNDS} rounds by turns on {os.cpu_count()} processors ({cpu_name()}), which other "
        "work shared.",
        f"Peers: scikit-learn {sklearn.__version__ if KMeans else 'not installed'}, "
        f"faiss {faiss.__version__ if faiss else 'not installed'}, both with the OpenMP build of "
        "OpenBLAS." if KMeans or faiss else "No peer is installed here.",
        "`noise` is one Gaussian cloud, where bounds help least; `groups` is a hundred overlapping groups.",
        "Made by `bench/run_clusters`.",
        "",
        "| data | d | k | who | seconds | ratio | processor seconds | ratio | objective |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    shares = []
    for shape in SHAPES:
        medians = {who: [statistics.median(r[i] for r in rows) for i in (0, 1)]
                   for (s, who), rows in seen.items() if s == shape}
        base = medians["clade"]
        for who, (clock, cpu) in medians.items():
            if who == "peak":
                continue
            objective = seen[shape, who][-1][2]
            lines.append(f"| {shape[0]} | {shape[1]} | {shape[2]} | {who} | {clock:.3f} | "
                         f"{clock / base[0]:.2f} | {cpu:.3f} | {cpu / base[1]:.2f} | "
                         f"{objective:.6g} |")
        peak_rate = flop["peak"] / medians["peak"][1]
        rate = flop["clade, every search", shape[0], shape[1]] * 21 / 20 / medians["clade, every search"][1]
        shares.append(f"- {shape[0]} {shape[1]} x {shape[2]}: {rate / 1e9:.0f} Gflop in a processor second, "
                      f"{100 * rate / peak_rate:.0f} % of the multiply-adds that the same processor does "
                      f"when they wait for nothing ({peak_rate / 1e9:.0f}).")
    lines += ["", "Objectives differ in the fifth digit: the peers sum a cluster's rows in float32, clade in "
              "double. \"Every search\" is clade without bounds; its answer is the same to the bit.", "",
              "Ratios are to clade. The whole of a fit (search, sums, checks, objective) against the peak, "
              "with every search made:", "", *shares, ""]
    with open(OUT, "w", encoding="utf-8") as page:
        page.write("\n".join(lines))
    print("\n".join(lines))


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


main()
