"""egobox's Egor: Gaussian processes for the loss and each constraint, log EI weighted with the
probability of feasibility."""

import egobox
import numpy as np
from protocol import serve


def specification(levels=None, ordered=None, low=None, high=None, log=None):
    if levels is None:
        limits = np.log([low, high]) if log else [low, high]
        return egobox.XSpec(egobox.XType.FLOAT, list(limits))
    if ordered:
        return egobox.XSpec(egobox.XType.INT, [0, levels - 1])
    return egobox.XSpec(egobox.XType.ENUM, [levels])


class Peer:
    def __init__(self, parameters, constraints, seed):
        self.parameters = parameters
        self.egor = egobox.Egor(
            [specification(**p) for p in parameters], n_cstr=constraints, cstr_infill=True, seed=seed
        )
        self.points, self.outcomes = [], []

    def tell(self, point, loss, excess):
        self.points.append([np.log(x) if p.get("log") else x for x, p in zip(point, self.parameters)])
        self.outcomes.append([loss, *excess])

    def ask(self):
        found = self.egor.suggest(np.array(self.points, float), np.array(self.outcomes, float))[0]
        return [
            int(round(x)) if "levels" in p
            else min(max(float(np.exp(x) if p["log"] else x), p["low"]), p["high"])
            for x, p in zip(found, self.parameters)
        ]


serve(Peer)
