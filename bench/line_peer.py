"""The Python side of `line-peer.ts`: jobs as JSON lines on stdin, one JSON line on stdout for each."""

import argparse
import json
import sys

import torch


def serve(peer):
    """
    The first line out is {"ready": true, "torch", "threads"}; then, for each job, the job with what `peer.run` says of it
    and those two, or "error".

    Options: --threads N (default 2).
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    about = {"torch": torch.__version__, "threads": threads}
    run = peer().run
    print(json.dumps({"ready": True, **about}), flush=True)
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            job = json.loads(line)
            answer = {**job, **run(job), **about}
        except Exception as error:  # one bad job must not end the others' turns
            answer = {"error": f"{type(error).__name__}: {error}", "line": line.strip(), **about}
        print(json.dumps(answer), flush=True)
