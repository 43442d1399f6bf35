"""SMAC3's facade for hyperparameters (random forest, log EI), which knows no constraints: a trial that
violates one costs the spread of the first losses more, and that again times its excess."""

import tempfile
from pathlib import Path

from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, Configuration
from ConfigSpace import UniformFloatHyperparameter, UniformIntegerHyperparameter
from protocol import serve
from smac import HyperparameterOptimizationFacade as Facade
from smac import Scenario
from smac.runhistory import TrialInfo, TrialValue

STARTING_TRIALS = 10


def hyperparameter(name, levels=None, ordered=None, low=None, high=None, log=None):
    if levels is None:
        return UniformFloatHyperparameter(name, low, high, log=log)
    if ordered and levels > 1:
        return UniformIntegerHyperparameter(name, 0, levels - 1)
    return CategoricalHyperparameter(name, list(range(levels)))


class Peer:
    def __init__(self, parameters, constraints, seed):
        self.space = ConfigurationSpace(seed=seed)
        self.names = [f"p{i:02}" for i in range(len(parameters))]
        self.space.add([hyperparameter(n, **p) for n, p in zip(self.names, parameters)])
        self.folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            self.space,
            deterministic=True,
            n_trials=10_000,
            seed=seed,
            output_directory=Path(self.folder.name),
        )
        self.facade = Facade(
            scenario,
            lambda configuration, seed=0: 0.0,
            initial_design=Facade.get_initial_design(scenario, n_configs=0),
            intensifier=Facade.get_intensifier(scenario, max_config_calls=1),
            logging_level=False,
            overwrite=True,
        )
        self.first_losses = []
        self.held_back = []
        self.asked = None

    def tell(self, point, loss, excess):
        # What a violation costs is known once the starting trials are.
        if len(self.first_losses) < STARTING_TRIALS:
            self.first_losses.append(loss)
            self.held_back.append((point, loss, excess))
            if len(self.first_losses) == STARTING_TRIALS:
                for trial in self.held_back:
                    self.record(*trial)
        else:
            self.record(point, loss, excess)

    def record(self, point, loss, excess):
        spread = max(self.first_losses) - min(self.first_losses)
        violation = sum(max(0.0, value) for value in excess)
        cost = loss + (spread * (1 + violation) if violation > 0 else 0.0)
        info = self.asked
        if info is None:
            settings = {name: value for name, value in zip(self.names, point)}
            info = TrialInfo(Configuration(self.space, values=settings), seed=0)
        self.facade.tell(info, TrialValue(cost=cost), save=False)
        self.asked = None

    def ask(self):
        self.asked = self.facade.ask()
        return [self.asked.config[name] for name in self.names]


serve(Peer)
