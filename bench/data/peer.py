"""The Python side of the data path's benchmark: from a CSV to vocabularies and encoded Parquet.

`--style fuxictr` does what FuxiCTR's preprocessing does, step by step, in code of our own: a lazy polars
scan that is collected for one column at a time, counts by pandas, one dictionary a column, values mapped
by a Python function, numbers standardised, the vocabularies written as JSON, one pandas frame written by
pyarrow. `--style vectorised` does the same work in polars expressions throughout (joins instead of
dictionaries), as somebody would who cares for speed; it is reported beside the other.

Prints one JSON object: seconds, peakBytes, versions.
"""

import argparse
import json
import os
import pickle
import resource
import shutil
import time

NUMBERS = [f"n{k}" for k in range(13)]
CATEGORIES = [f"c{k}" for k in range(26)]


def fuxictr(path, out):
    import polars as pl

    scan = pl.scan_csv(path, schema_overrides={**{n: pl.Float64 for n in NUMBERS}, **{c: pl.String for c in CATEGORIES}})
    filled = scan.with_columns(
        [pl.col(n).fill_null(0.0) for n in NUMBERS] + [pl.col(c).fill_null("") for c in CATEGORIES]
    ).select(["label"] + NUMBERS + CATEGORIES)
    moments, vocabularies = {}, {}
    for name in NUMBERS + CATEGORIES:
        series = filled.select(name).collect().to_series().to_pandas()
        if name in NUMBERS:
            values = series.dropna().values
            moments[name] = (values.mean(), values.std())
        else:
            counts = sorted(dict(series.value_counts()).items(), key=lambda pair: -pair[1])
            tokens = [token for token, _ in counts if token != ""]
            vocabulary = {token: index for index, token in enumerate(tokens, 1)}
            vocabulary["__PAD__"] = 0
            vocabulary["__OOV__"] = len(tokens) + 1
            vocabularies[name] = vocabulary
    with open(os.path.join(out, "processor.pkl"), "wb") as file:
        pickle.dump((moments, vocabularies), file)
    with open(os.path.join(out, "vocabulary.json"), "w") as file:
        file.write(json.dumps(vocabularies, indent=4))
    frame = filled.collect().to_pandas()
    for name in NUMBERS:
        mean, deviation = moments[name]
        frame[name] = (frame[name].values - mean) / deviation
    for name in CATEGORIES:
        vocabulary = vocabularies[name]
        unknown = vocabulary["__OOV__"]
        frame[name] = frame[name].map(lambda token: vocabulary.get(token, unknown)).values
    frame.to_parquet(os.path.join(out, "train.parquet"), index=False, engine="pyarrow")
    return pl.__version__


def vectorised(path, out):
    import polars as pl

    frame = pl.read_csv(path, schema_overrides={**{n: pl.Float64 for n in NUMBERS}, **{c: pl.String for c in CATEGORIES}})
    vocabularies = {}
    columns = [frame["label"]]
    for name in NUMBERS:
        column = frame[name].fill_null(0.0)
        columns.append(((column - column.mean()) / column.std()).cast(pl.Float32))
    for name in CATEGORIES:
        counts = frame[name].drop_nulls().value_counts(sort=True)
        tokens = counts.select(name).with_row_index("id", offset=1).with_columns(pl.col("id").cast(pl.Int32))
        vocabularies[name] = tokens[name].to_list()
        ids = frame.select(name).join(tokens, on=name, how="left", maintain_order="left")["id"]
        columns.append(ids.fill_null(0).alias(name))
    with open(os.path.join(out, "vocabulary.json"), "w") as file:
        json.dump(vocabularies, file)
    pl.DataFrame(columns).write_parquet(os.path.join(out, "train.parquet"))
    return pl.__version__


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("csv")
    parser.add_argument("out")
    parser.add_argument("--style", choices=["fuxictr", "vectorised"], default="fuxictr")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    os.makedirs(arguments.out)
    start = time.perf_counter()
    version = {"fuxictr": fuxictr, "vectorised": vectorised}[arguments.style](arguments.csv, arguments.out)
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpuSeconds": usage.ru_utime + usage.ru_stime,
                "peakBytes": usage.ru_maxrss * 1024,
                "polars": version,
            }
        )
    )


main()
