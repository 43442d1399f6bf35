"""How a peer talks to the benchmark: one JSON object per line, requests in, suggestions out.

    {"begin": {"parameters": [...], "constraints": 2, "seed": 0}}     a new run; no answer
    {"tell": {"point": [...], "loss": 0.3, "excess": [-0.1, 0.4]}}    a trial; no answer
    {"ask": true}                                                      {"point": [...], "seconds": 0.01}

A parameter is {"levels": 4, "ordered": true} (a point holds the index of a level) or
{"low": 1e-4, "high": 0.1, "log": true} (a point holds the number). Less loss is better. A constraint
holds where its excess is at most 0: the logarithm of value / limit, or -1 and 1 where only that is known. Seconds are those of the processor.
"""

import json
import sys
import time


def serve(peer_of):
    """Answers until the input ends. `peer_of(parameters, constraints, seed)` has tell and ask."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    peer = None
    for line in sys.stdin:
        request = json.loads(line)
        if "begin" in request:
            peer = peer_of(**request["begin"])
        elif "tell" in request:
            peer.tell(**request["tell"])
        else:
            start = time.process_time()
            point = [number.item() if hasattr(number, "item") else number for number in peer.ask()]
            seconds = time.process_time() - start
            print(json.dumps({"point": point, "seconds": seconds}), file=answers, flush=True)
