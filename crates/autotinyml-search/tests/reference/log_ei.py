"""Writes log_ei.json beside itself: what BoTorch computes of improvements that may be infeasible.

python3 -m venv /tmp/botorch && /tmp/botorch/bin/pip install botorch==0.18.1 torch==2.15.0
/tmp/botorch/bin/python crates/autotinyml-search/tests/reference/log_ei.py
"""

import itertools
import json
from pathlib import Path

import torch
from botorch.acquisition.analytic import LogConstrainedExpectedImprovement, LogExpectedImprovement
from botorch.models.model import Model
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.distributions import MultitaskMultivariateNormal, MultivariateNormal

# Limits are kept in it.
torch.set_default_dtype(torch.double)

BEST, LIMIT = 0.7, -0.2


class Told(Model):
    """Predicts what the point itself says: means in the first half of its coordinates, deviations in the second."""

    def __init__(self, outputs):
        super().__init__()
        self._outputs = outputs

    @property
    def num_outputs(self):
        return self._outputs

    def posterior(self, X, **_):
        means, deviations = X.split(self._outputs, dim=-1)
        each = [
            MultivariateNormal(means[..., i], torch.diag_embed(deviations[..., i] ** 2)) for i in range(self._outputs)
        ]
        joint = each[0] if self._outputs == 1 else MultitaskMultivariateNormal.from_independent_mvns(each)
        return GPyTorchPosterior(joint)


def points(*coordinates):
    return torch.tensor(list(itertools.product(*coordinates))).unsqueeze(1)


means, deviations = [-40.0, -3.0, -0.5, 0.6, 0.7, 1.5, 9.0], [0.01, 0.3, 1.0, 2.5]
improvement = points(means, deviations)
constrained = points([-3.0, 0.6, 1.5], [-5.0, -0.2, 0.1, 4.0], [0.3, 1.0], [0.05, 0.8])
log_ei = LogExpectedImprovement(Told(1), BEST)(improvement)
feasible = LogConstrainedExpectedImprovement(Told(2), BEST, objective_index=0, constraints={1: (None, LIMIT)})
dump = {
    "best": BEST, "limit": LIMIT,
    # Mean and deviation of the score.
    "improvement": improvement.squeeze(1).tolist(), "log_ei": log_ei.tolist(),
    # Means of score and constraint, then their deviations.
    "constrained": constrained.squeeze(1).tolist(), "log_constrained_ei": feasible(constrained).tolist(),
}
Path(__file__).with_name("log_ei.json").write_text(json.dumps(dump) + "\n")
