"""Times `matfact` and a Python library on the same data, in alternation; see README.md."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

NAMES = {"sgdrandomized": "surprise", "svdarpack": "scipy, arpack",
         "minibatch-nmfgensim": "gensim, one pass", "alscholesky": "cmfrec, Cholesky",
         "alsconjugate-gradients": "cmfrec, conjugate gradients",
         "ialscholesky": "implicit, Cholesky",
         "ialsconjugate-gradients": "implicit, conjugate gradients"}
MODEL = os.path.join(tempfile.gettempdir(), "side_by_side.safetensors")
# The penalty and the confidence (times the value) of ials.
IALS_LAMBDA, IALS_ALPHA = 5.0, 5.0
NMF_LADDER = [5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 130, 160, 200, 300, 400]


def load(path):
    import numpy as np

    if path.endswith(".npy"):
        return np.load(path).astype(np.float32)
    from scipy.io import mmread

    return mmread(path).tocsr().astype(np.float32)


def relative_error(x, w, h):
    """In double precision; block by block for a dense matrix."""
    import numpy as np
    import scipy.sparse as sp

    w, h = w.astype(np.float64), h.astype(np.float64)
    if sp.issparse(x):
        squares = float((x.data.astype(np.float64) ** 2).sum())
        cross = float(((x.astype(np.float64) @ h.T) * w).sum())
        product = float(((w.T @ w) * (h @ h.T)).sum())
        return (max(squares - 2 * cross + product, 0.0) / squares) ** 0.5
    error = squares = 0.0
    for start in range(0, x.shape[0], 1000):
        block = x[start : start + 1000].astype(np.float64)
        error += ((block - w[start : start + 1000] @ h) ** 2).sum()
        squares += (block**2).sum()
    return float((error / squares) ** 0.5)


def peer(arguments):
    """One fit of the Python library in this process; prints one JSON object."""
    import warnings

    warnings.filterwarnings("ignore")
    if arguments.kind == "sgd":
        result = peer_ratings(arguments)
    elif arguments.kind == "als":
        print(json.dumps(peer_als(arguments)))
        return
    elif arguments.kind == "ials":
        print(json.dumps(peer_ials(arguments)))
        return
    else:
        x = load(arguments.files[0])
        if arguments.kind == "nmf":
            from sklearn.decomposition import NMF

            how = {"solver": "cd"}
            if arguments.loss == "kullback-leibler":
                how = {"solver": "mu", "beta_loss": "kullback-leibler"}
            model = NMF(arguments.rank, init="nndsvda", tol=0, random_state=0,
                        max_iter=arguments.iterations, **how)
        elif arguments.method == "gensim":
            print(json.dumps(peer_gensim(x, arguments)))
            return
        elif arguments.kind == "minibatch-nmf":
            from sklearn.decomposition import MiniBatchNMF

            model = MiniBatchNMF(arguments.rank, init="nndsvda", batch_size=1024, random_state=0)
        elif arguments.kind == "svd":
            print(json.dumps(peer_svd(x, arguments)))
            return
        start = time.perf_counter()
        w = model.fit_transform(x)
        seconds = time.perf_counter() - start
        result = {"seconds": seconds, "error": relative_error(x, w, model.components_)}
        if arguments.loss == "kullback-leibler":
            # The divergence itself, which both have to reach.
            result["error"] = float(model.reconstruction_err_) ** 2 / 2
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def peer_gensim(x, arguments):
    """One pass of gensim's online Nmf; the error is that of the best coordinates for its topics."""
    import numpy as np
    from gensim.models.nmf import Nmf
    from sklearn.decomposition import non_negative_factorization

    corpus = x.T.tocsc().astype(np.float64)
    words = {column: str(column) for column in range(x.shape[1])}
    start = time.perf_counter()
    model = Nmf(corpus=corpus, id2word=words, num_topics=arguments.rank, passes=1,
                random_state=0, normalize=False)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    h = model.get_topics(normalize=False).astype(x.dtype)
    w = np.full((x.shape[0], arguments.rank), 0.01, x.dtype)
    w = non_negative_factorization(x, W=w, H=h, n_components=arguments.rank, init="custom",
                                   update_H=False, max_iter=50)[0]
    return {"seconds": seconds, "error": relative_error(x, w, h), "peak_mb": peak}


def peer_svd(x, arguments):
    """Seconds and singular values."""
    start = time.perf_counter()
    if arguments.method == "arpack":
        from scipy.sparse.linalg import svds

        values = svds(x, arguments.rank, tol=arguments.arpack_tol)[1]
    else:
        from sklearn.decomposition import TruncatedSVD

        model = TruncatedSVD(arguments.rank, random_state=0)
        model.fit_transform(x)
        values = model.singular_values_
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "values": sorted(map(float, values), reverse=True),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def reference_values(arguments):
    """Singular values in double precision, to 1e-10."""
    import numpy as np
    from scipy.sparse.linalg import svds

    x = load(arguments.files[0]).astype(np.float64)
    return sorted(svds(x, arguments.rank, tol=1e-10, return_singular_vectors=False), reverse=True)


def model_values(path):
    """The singular values in a model file of f32."""
    import numpy as np

    data = open(path, "rb").read()
    length = int.from_bytes(data[:8], "little")
    start, end = json.loads(data[8 : 8 + length])["s"]["data_offsets"]
    return np.frombuffer(data[8 + length + start : 8 + length + end], "<f4").tolist()


def worst_error(values, reference):
    return max(abs(value / truth - 1) for value, truth in zip(values, reference))


def peer_ratings(arguments):
    import numpy as np
    import pandas as pd
    from surprise import SVD, Dataset, Reader

    def read(path):
        table = pd.read_csv(path, sep="\t", header=None, dtype=str)
        # A header has a word where the rating should be.
        table = table if table.iloc[0, 2].replace(".", "").isdigit() else table.iloc[1:]
        return table.astype({2: float})

    train, test = (read(path) for path in arguments.files)
    names = [0, 1, 2]
    scale = (train[names[2]].min(), train[names[2]].max())
    data = Dataset.load_from_df(train[names], Reader(rating_scale=scale)).build_full_trainset()
    model = SVD(n_factors=arguments.rank, random_state=0)
    start = time.perf_counter()
    model.fit(data)
    seconds = time.perf_counter() - start
    predictions = model.test(list(test[names].itertuples(index=False, name=None)))
    errors = np.array([p.est - p.r_ui for p in predictions])
    return {"seconds": seconds, "error": float(np.sqrt((errors**2).mean()))}


def peer_als(arguments):
    """cmfrec: user and item biases with the factors, one penalty."""
    import numpy as np
    import pandas as pd
    from cmfrec import CMF
    from scipy.sparse import coo_matrix

    train, test = (pd.read_csv(path, sep=r"\s+", header=None).to_numpy(np.float32)
                   for path in arguments.files)
    places = [np.concatenate([train[:, side], test[:, side]]).astype(np.int32) for side in (0, 1)]
    rows, columns = (np.unique(side, return_inverse=True)[1].astype(np.int32) for side in places)
    count = len(train)
    x = coo_matrix((train[:, 2], (rows[:count], columns[:count])),
                   shape=(rows.max() + 1, columns.max() + 1))
    model = CMF(k=arguments.rank, lambda_=arguments.peer_lambda, method="als", use_float=True,
                use_cg=arguments.method != "cholesky", finalize_chol=False, verbose=False,
                niter=arguments.iterations, nthreads=arguments.threads, random_state=1)
    start = time.perf_counter()
    model.fit(x)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # Kept in the range of the training ratings, as matfact's are.
    predicted = np.clip(model.predict(rows[count:], columns[count:]), train[:, 2].min(), train[:, 2].max())
    error = float(np.sqrt(((predicted - test[:, 2]) ** 2).mean()))
    return {"seconds": seconds, "error": error, "peak_mb": peak}


def peer_ials(arguments):
    """implicit, whose BLAS is to have one thread beside its own; the error is the objective that both lower."""
    import numpy as np
    import pandas as pd
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    table = pd.read_csv(arguments.files[0], sep="\t", header=None).to_numpy(np.float32)
    rows, columns = (np.unique(side.astype(np.int64), return_inverse=True)[1] for side in table.T[:2])
    x = csr_matrix((table[:, 2], (rows.astype(np.int32), columns.astype(np.int32))))
    del table, rows, columns
    model = AlternatingLeastSquares(
        factors=arguments.rank, iterations=arguments.iterations, regularization=IALS_LAMBDA,
        alpha=IALS_ALPHA, use_cg=arguments.method != "cholesky", use_gpu=False,
        num_threads=arguments.threads, random_state=0)
    start = time.perf_counter()
    with threadpool_limits(1, "blas"):
        model.fit(x, show_progress=False)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    p, q = (side.astype(np.float64) for side in (model.user_factors, model.item_factors))
    objective = ((p.T @ p) * (q.T @ q)).sum() + IALS_LAMBDA * ((p**2).sum() + (q**2).sum())
    for row in range(x.shape[0]):
        entries = slice(x.indptr[row], x.indptr[row + 1])
        scores = q[x.indices[entries]] @ p[row]
        objective += (IALS_ALPHA * x.data[entries] * (1 - scores) ** 2 - scores**2).sum()
    return {"seconds": seconds, "error": float(objective), "peak_mb": peak}


def run_peer(arguments, iterations=0):
    command = [sys.executable, __file__, arguments.kind, *arguments.files, "--rank",
               str(arguments.rank), "--peer", "--iterations", str(iterations), "--loss",
               arguments.loss, "--method", arguments.method, "--peer-lambda",
               str(arguments.peer_lambda), "--threads", str(arguments.threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def run_ours(arguments, *options):
    command = [arguments.program, "fit", arguments.kind, arguments.files[0], "--rank",
               str(arguments.rank), "--threads", str(arguments.threads), "--json", *options]
    if arguments.kind in ("sgd", "als"):
        command += ["--test", arguments.files[1]]
    if arguments.kind == "svd":
        command += ["--model", MODEL]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    if arguments.kind in ("sgd", "als"):
        error = result["test"]["rmse"]
    elif arguments.kind == "svd":
        return {"seconds": result["seconds"], "values": model_values(MODEL),
                "peak_mb": result["peak_memory_bytes"] / 2**20, "iterations": result["iterations"]}
    elif arguments.kind == "ials" or arguments.loss == "kullback-leibler":
        error = result["objective"]
    else:
        error = result["relative_error"]
    return {"seconds": result["seconds"], "error": error,
            "peak_mb": result["peak_memory_bytes"] / 2**20, "iterations": result["iterations"]}


def show(name, results):
    def spread(key):
        values = sorted(result[key] for result in results)
        return statistics.median(values), values[0], values[-1]

    median, low, high = spread("seconds")
    print(f"{name:<34}{median:9.3f} s ({low:.3f}-{high:.3f})  error {spread('error')[0]:.6g}"
          f"  peak {spread('peak_mb')[0]:.0f} MB  iterations {results[0].get('iterations', '')}")
    return median


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["nmf", "minibatch-nmf", "svd", "sgd", "als", "ials"])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--target", type=float, help="relative error that both have to reach (nmf)")
    parser.add_argument("--loss", choices=["frobenius", "kullback-leibler"], default="frobenius",
                        help="of nmf; for kullback-leibler, matfact runs to the divergence that "
                        "the peer has after --peer-iterations multiplicative updates")
    parser.add_argument("--peer-iterations", type=int, default=5,
                        help="for kullback-leibler; for frobenius the first step of the ladder")
    parser.add_argument("--method", choices=["randomized", "arpack", "gensim", "conjugate-gradients",
                                             "cholesky"],
                        default="randomized",
                        help="of the peer: scikit-learn's TruncatedSVD, or SciPy's svds (svd); "
                        "gensim's Nmf, one pass (minibatch-nmf); cmfrec's (als); implicit's, and "
                        "matfact's (ials)")
    parser.add_argument("--peer-lambda", type=float, default=30, help="of cmfrec (als)")
    parser.add_argument("--arpack-tol", type=float, default=0)
    parser.add_argument("--tol", default="1e-6", help="of matfact (svd)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--program", default="target/release/matfact")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--iterations", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments)
    iterations, variants = 0, [("matfact", [])]
    if arguments.kind == "nmf" and arguments.loss == "kullback-leibler":
        iterations = arguments.peer_iterations
        target = run_peer(arguments, iterations)["error"]
        variants = [("matfact", ["--loss", arguments.loss, "--target-objective", repr(target),
                                 "--tol", "0"])]
    elif arguments.kind == "als":
        iterations = 10
        target = run_peer(arguments, iterations)["error"]
        exactly = ["--tol", "0", "--max-iter"]
        for enough in range(1, iterations + 1):
            if run_ours(arguments, *exactly, str(enough))["error"] <= target:
                break
        gradients = ["--solver", "conjugate-gradients"]
        variants = [("matfact", [*exactly, str(iterations)]),
                    ("matfact, conjugate gradients", [*exactly, str(iterations), *gradients]),
                    ("matfact, to the peer's error", [*exactly, str(enough)])]
    elif arguments.kind == "ials":
        iterations = 5
        variants = [("matfact", ["--confidence", "proportional", "--alpha", str(IALS_ALPHA),
                                 "--regularization", str(IALS_LAMBDA), "--count-power", "0",
                                 "--unobserved-weight", "1", "--tol", "0", "--max-iter",
                                 str(iterations), "--solver", arguments.method])]
    elif arguments.method == "gensim":
        variants = [("matfact, one epoch", ["--max-iter", "1"]), ("matfact", [])]
    elif arguments.kind == "minibatch-nmf":
        variants = [("matfact", []), ("matfact, multiplicative", ["--solver", "multiplicative"])]
    elif arguments.kind == "nmf":
        for iterations in [step for step in NMF_LADDER if step >= arguments.peer_iterations]:
            if run_peer(arguments, iterations)["error"] <= arguments.target:
                break
        variants = [("matfact", ["--target-error", str(arguments.target), "--tol", "0"])]
    elif arguments.kind == "svd":
        variants = [(f"matfact, tol {arguments.tol}", ["--tol", arguments.tol])]
        if arguments.method == "randomized":
            variants.append(("matfact, 5 power iterations", ["--power-iterations", "5"]))
    peers, ours = [], [[] for _ in variants]
    for _ in range(arguments.runs):
        peers.append(run_peer(arguments, iterations) | {"iterations": iterations or ""})
        for results, (_, options) in zip(ours, variants):
            results.append(run_ours(arguments, *options))
    if arguments.kind == "svd":
        reference = reference_values(arguments)
        for result in [*peers, *sum(ours, [])]:
            result["error"] = worst_error(result["values"], reference)
    base = show(NAMES.get(arguments.kind + arguments.method, "scikit-learn"), peers)
    for results, (name, _) in zip(ours, variants):
        print(f"    {base / show(name, results):.2f} times as fast")


if __name__ == "__main__":
    main()
