"""Optuna's TPESampler or GPSampler with constraints: python optuna_sampler.py tpe|gp"""

import sys
import warnings

import optuna
from protocol import serve

if sys.argv[1] == "gp":
    import torch  # noqa: F401  loading it takes seconds, which are no part of a suggestion

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")  # `group` is marked experimental


def distribution(levels=None, ordered=None, low=None, high=None, log=None):
    if levels is None:
        return optuna.distributions.FloatDistribution(low, high, log=log)
    if ordered:
        return optuna.distributions.IntDistribution(0, levels - 1)
    return optuna.distributions.CategoricalDistribution(range(levels))


def sampler(kind, seed):
    # The ten starting trials take the place of the sampler's own.
    if kind == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=10, multivariate=True, group=True)
    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=10, deterministic_objective=True)


class Peer:
    def __init__(self, parameters, constraints, seed):
        self.distributions = {f"p{i}": distribution(**p) for i, p in enumerate(parameters)}
        self.study = optuna.create_study(sampler=sampler(sys.argv[1], seed))
        self.asked = None

    def tell(self, point, loss, excess):
        if self.asked is None:
            named = {f"c{i}": value for i, value in enumerate(excess)}
            params = dict(zip(self.distributions, point))
            self.study.add_trial(
                optuna.trial.create_trial(
                    value=loss, params=params, distributions=self.distributions, constraints=named
                )
            )
            return
        for i, value in enumerate(excess):
            self.asked.set_constraint(f"c{i}", value)
        self.study.tell(self.asked, loss)
        self.asked = None

    def ask(self):
        self.asked = self.study.ask(self.distributions)
        return [self.asked.params[name] for name in self.distributions]


serve(Peer)
