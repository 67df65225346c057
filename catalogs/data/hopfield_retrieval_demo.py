"""How `hopfield-retrieval-demo` was made, in a checkout: uv run python catalogs/data/hopfield_retrieval_demo.py"""

import subprocess

import isinglass

NAME = "hopfield-retrieval-demo"
LOADS = [0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2]
TEMPERATURES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]

if __name__ == "__main__":
    isinglass.run(
        "hopfield-retrieval",
        settings={"load": LOADS, "temperature": TEMPERATURES},
        samples=8,
        block={"load": 10, "temperature": 12, "sample": 8, "replica": 1},  # one chunk a variable: few files
        cluster="serial",
        figures=False,
        out=f"results/{NAME}",
    )
    subprocess.run(["isinglass", "publish", f"results/{NAME}", f"catalogs/data/{NAME}"], check=True)
    add = ["isinglass", "catalog", "add", f"catalogs/data/{NAME}", "--license", "BSD-3-Clause"]
    subprocess.run(add, check=True)
