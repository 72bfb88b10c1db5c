"""A sweep in its storage: made or joined, asked for trials, told of results."""

from __future__ import annotations

import random
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cnnrun.config.search import Choice, Integers
from cnnrun.config.source import parse_source
from cnnrun.config.sweep_file import Hyperband, Median
from cnnrun.errors import RunError
from cnnrun.sweeps.plan import Plan
from cnnrun.sweeps.points import choose, decode, point_params
from cnnrun.sweeps.storage import open_storage, patiently, require_optuna
from cnnrun.sweeps.trials import ATTEMPT, POINT, TrialView, views

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import Trial

__all__ = ["Sweep", "create_sweep", "open_sweep"]

T = TypeVar("T")
PLAN, DIGEST, STOP, MISTAKE = "plan", "digest", "stop", "mistake"


class Sweep:
    """A plan and its storage; every call bears with a storage that is away for a while.

    Attributes:
        plan: what is to be done.
        url: of the storage.
        hurried: says whether there is no time to wait for the storage.
        plugins: Python files that its trials need here.
    """

    def __init__(self, study: Study, storage: BaseStorage, url: str, plan: Plan) -> None:
        """Take a study of a storage that `open_storage` has opened; it is closed with the sweep."""
        self.plan, self.url = plan, url
        self.hurried: Callable[[], bool] = lambda: False
        self.plugins: Sequence[Path | str] = ()
        self.study = study
        self.study.pruner = _pruner(plan)
        if (engine := getattr(storage, "engine", None)) is not None:
            weakref.finalize(self, engine.dispose)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.plan.name

    def call(self, call: Callable[[], T]) -> T:
        """Call the storage, as `patiently` does."""
        return patiently(call, hurried=lambda: self.hurried(), where=self.url)

    def trials(self) -> list[TrialView]:
        """Return every trial as it stands."""
        trials = self.call(lambda: self.study.get_trials(deepcopy=False))
        return views(trials, lambda params: decode(self.plan, params))

    def queue(self, point: int, attempt: int, settings: Mapping[str, Any] | None = None) -> None:
        """Queue a trial of a point.

        Args:
            point: its number.
            attempt: which it is.
            settings: Optuna's parameters of the attempt before, if there was one.
        """
        params = dict(settings or point_params(self.plan, point))
        attributes = {POINT: point, ATTEMPT: attempt}
        self.call(lambda: self.study.enqueue_trial(params, user_attrs=attributes))

    def params_of(self, number: int) -> dict[str, Any]:
        """Return the parameters of a trial as Optuna keeps them."""
        trial = self.call(lambda: self.study.get_trials(deepcopy=False)[number])
        return dict(trial.params or trial.system_attrs.get("fixed_params", {}))

    def ask(self) -> Trial:
        """Take the first trial that waits; a new one, of no point, if another process took it."""
        return self.call(self.study.ask)

    def choose(self, trial: Trial) -> bool:
        """Let a trial have its settings; return whether it was still open."""
        from optuna.exceptions import UpdateFinishedTrialError

        self.study.sampler = _sampler(self.plan, trial.number)
        try:
            self.call(lambda: choose(trial, self.plan.search))
        except UpdateFinishedTrialError:
            return False
        return True

    def tell(self, number: int, state: str, value: float | None = None) -> bool:
        """End a trial; return whether it was ours to end, and no other process had ended it."""
        from optuna.trial import TrialState

        wanted = TrialState[state]

        def ended() -> bool:
            try:
                self.study.tell(number, value, state=wanted)
            except (ValueError, RuntimeError):  # it is over already, maybe by our own lost call
                now = self.study.get_trials(deepcopy=False)[number]
                if not now.state.is_finished():
                    raise
                return now.state == wanted and value in (None, now.value)
            return True

        return self.call(ended)

    def note(self, trial: Trial, **attributes: Any) -> bool:
        """Write attributes of a trial; return whether it was still open."""
        from optuna.exceptions import UpdateFinishedTrialError

        for key, value in attributes.items():
            try:
                self.call(lambda key=key, value=value: trial.set_user_attr(key, value))  # type: ignore[misc]
            except UpdateFinishedTrialError:
                return False
        return True

    @property
    def stop_reason(self) -> str | None:
        """Why all processes of the sweep are asked to stop; None if they are not."""
        reason = self.call(lambda: self.study.user_attrs).get(STOP)
        return str(reason) if reason else None

    def require_going(self) -> None:
        """Refuse to join a sweep that was stopped.

        Raises:
            RunError: it was; the message says why.
        """
        if reason := self.stop_reason:
            raise RunError(
                f"{self.name} was stopped ({reason}); `cnnrun sweep FILE` goes on with it"
            )

    def stop(self, reason: str) -> None:
        """Ask all processes to stop; whoever comes later is refused."""
        self.call(lambda: self.study.set_user_attr(STOP, reason))

    def go_on(self) -> None:
        """Take back what `stop` asked."""
        if self.stop_reason:
            self.call(lambda: self.study.set_user_attr(STOP, ""))


def create_sweep(plan: Plan, url: str) -> Sweep:
    """Make a sweep, or open the one of that name if it has the same plan.

    Raises:
        ConfigError: the storage's URL is wrong, or a library is missing.
        RunError: the storage cannot be opened, or has another sweep of that name.
    """
    optuna = require_optuna()
    storage = open_storage(url, create=True)
    direction = "maximize" if plan.is_maximized else "minimize"

    def made() -> Any:
        return optuna.create_study(
            storage=storage, study_name=plan.name, direction=direction, load_if_exists=True
        )

    study = patiently(made, where=url)
    attributes = patiently(lambda: study.user_attrs, where=url)
    if PLAN not in attributes:
        patiently(lambda: study.set_user_attr(PLAN, plan.document), where=url)
        attributes = patiently(lambda: study.user_attrs, where=url)
    kept = Plan.from_document(attributes[PLAN], url)
    if kept.digest != plan.digest:
        raise RunError(
            f"{url}: a sweep called {plan.name} is there with {_difference(kept, plan)}; give this "
            "one another name, or another --storage"
        )
    return Sweep(study, storage, url, kept)


def open_sweep(url: str, name: str) -> Sweep:
    """Open a sweep that is there.

    Raises:
        ConfigError: the storage's URL is wrong, or a library is missing.
        RunError: there is no such sweep; the message says which there are.
    """
    optuna = require_optuna()
    storage = open_storage(url, create=False)
    names = patiently(lambda: optuna.get_all_study_names(storage), where=url)
    if name not in names:
        raise RunError(f"{url}: no sweep is called {name!r}; there: {', '.join(names) or 'none'}")
    study = patiently(lambda: optuna.load_study(study_name=name, storage=storage), where=url)
    attributes = patiently(lambda: study.user_attrs, where=url)
    if PLAN not in attributes:
        raise RunError(f"{url}: {name} is a study of Optuna, but no sweep of cnnrun")
    return Sweep(study, storage, url, Plan.from_document(attributes[PLAN], url))


def _difference(old: Plan, new: Plan) -> str:
    """Return in what two plans differ."""
    keys = [key for key in sorted({*old.tree, *new.tree}) if old.tree.get(key) != new.tree.get(key)]
    keys += ["the base"] if old.base != new.base else []
    return f"another {', '.join(keys)}" if keys else "other settings"


def _sampler(plan: Plan, number: int) -> Any:
    """Return what chooses a trial's settings; it follows from the trial's number and the history.

    Points of a grid, and those drawn beforehand, are queued with their settings.
    """
    optuna = require_optuna()
    if plan.options.chosen_sampler != "tpe":
        return optuna.samplers.RandomSampler(seed=number)
    seed = random.Random(f"{plan.options.sampler_seed} {number}").getrandbits(32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna 4.9 calls it experimental
        return optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=True)


def _pruner(plan: Plan) -> Any:
    optuna, pruner = require_optuna(), plan.options.pruner
    if isinstance(pruner, Median):
        return optuna.pruners.MedianPruner(pruner.startup_trials, pruner.warmup_epochs)
    if isinstance(pruner, Hyperband):
        return optuna.pruners.HyperbandPruner(
            pruner.min_epochs, _epochs(plan), reduction_factor=pruner.factor
        )
    return optuna.pruners.NopPruner()


def _epochs(plan: Plan) -> int:
    """Return how many epochs a trial has at most."""
    varied = plan.search.get("train.epochs")
    if isinstance(varied, Integers):
        return varied.high
    if isinstance(varied, Choice):
        return int(max(varied.values))
    return int(parse_source(plan.base, plan.name).tree["train"]["epochs"])
