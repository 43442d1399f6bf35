//! What a searcher is told of a study: each limit that is held against a number as a constraint with
//! that number, or nothing but the label "deployable".

use autotinyml_deploy::{Accounting, Footprint, Limits};
use autotinyml_nn::Metric;
use autotinyml_search::{Constraint, Known, Outcome};

use crate::record::TrialOutcome;
use crate::study_file::{Check, DeployPlan};

/// `search.evidence`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The number behind each limit. Searchers that learn from labels leave them unread.
    Values,
    /// The talk's black box: deployable or not.
    Labels,
}

/// A limit that is held against a number.
struct Limited {
    /// As [`Constraint::name`].
    name: &'static str,
    /// The greatest allowed number.
    limit: f64,
    /// The number. None: not measured.
    figure: fn(&Footprint) -> Option<f64>,
    /// Arithmetic on the network tells it: the prescreen is exact.
    by_arithmetic: bool,
}

/// RAM and ROM in bytes; MACC; the share of inputs on which compressed and original network
/// disagree, which is 1 − cross accuracy.
fn limited(limits: &Limits) -> Vec<Limited> {
    let Limits { ram_bytes, rom_bytes, cross_accuracy, macc, accounting } = *limits;
    let by_arithmetic = accounting == Accounting::St;
    let [ram, rom]: [fn(&Footprint) -> Option<f64>; 2] = match accounting {
        Accounting::St => [|f| Some(f.st_ram_bytes as f64), |f| Some(f.st_rom_bytes as f64)],
        Accounting::Elf => [|f| Some(f.ram_bytes? as f64), |f| Some(f.flash_bytes? as f64)],
    };
    let bytes = |name, limit: Option<usize>, figure| {
        limit.map(|limit| Limited { name, limit: limit as f64, figure, by_arithmetic })
    };
    let macc = macc.map(|limit| Limited {
        name: "MACC",
        limit: limit as f64,
        figure: |f| Some(f.macc as f64),
        by_arithmetic: true,
    });
    let disagreement = cross_accuracy.map(|limit| Limited {
        name: "disagreement",
        limit: 1.0 - limit,
        figure: |f| Some(1.0 - f.cross_accuracy?),
        by_arithmetic: false,
    });
    let all = [bytes("RAM", ram_bytes, ram), bytes("ROM", rom_bytes, rom), macc, disagreement];
    all.into_iter().flatten().collect()
}

/// What a trial of the study must satisfy. The last constraint has no number: it stands for all that
/// may still go wrong, such as a program that does not link or training that diverges.
pub fn constraints(deploy: &DeployPlan, evidence: Evidence) -> Vec<Constraint> {
    let numbered = |limited: Limited| Constraint {
        name: limited.name.to_owned(),
        limit: Some(limited.limit),
        known: match deploy.check {
            Check::BeforeTraining if limited.by_arithmetic => Known::BeforeTraining,
            _ => Known::Measured,
        },
    };
    let deployable = Constraint { name: "deployable".into(), limit: None, known: Known::Measured };
    let numbered: Vec<Constraint> = match evidence {
        Evidence::Values => limited(&deploy.limits).into_iter().map(numbered).collect(),
        Evidence::Labels => vec![],
    };
    numbered.into_iter().chain([deployable]).collect()
}

/// What a searcher sees of a trial: its score by the goal if it was trained, whether it is deployable, and the
/// number of each of the [`constraints`].
pub fn outcome(
    trial: &TrialOutcome,
    deploy: &DeployPlan,
    evidence: Evidence,
    goal: Metric,
) -> Outcome {
    let value = |limited: Limited| trial.footprint.as_ref().and_then(limited.figure);
    let values: Vec<Option<f64>> = match evidence {
        Evidence::Values => limited(&deploy.limits).into_iter().map(value).collect(),
        Evidence::Labels => vec![],
    };
    // A stopped trial is told of by what it had reached: less than it would have, but no less than other
    // stopped trials that were worse.
    let score = trial.score(goal).or(trial.stopped.as_ref().map(|stopped| stopped.score));
    Outcome {
        score,
        feasible: trial.verdict.deployable() && score.is_some(),
        values: values.into_iter().chain([None]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use autotinyml_deploy::{Board, Compression, Verdict};

    use super::*;

    fn plan(check: Check, accounting: Accounting) -> DeployPlan {
        let limits = Limits {
            ram_bytes: Some(16_000),
            rom_bytes: Some(60_000),
            cross_accuracy: Some(0.95),
            macc: None,
            accounting,
        };
        let board = Board::named("stm32f303k8").unwrap().clone();
        DeployPlan { board, limits, compression: Compression::X4, check }
    }

    fn trial(footprint: Footprint, deploy: &DeployPlan) -> TrialOutcome {
        let Verdict { meets_limits, links_on_chip, reasons, .. } = deploy.limits.judge(&footprint);
        TrialOutcome {
            accuracy: Some(0.9),
            balanced_accuracy: Some(0.8),
            macro_f1: Some(0.7),
            fold_accuracies: vec![0.9],
            fold_scores: vec![],
            learning_curve: vec![],
            validation_curve: vec![],
            stopped: None,
            footprint: Some(footprint),
            verdict: Verdict { meets_limits, links_on_chip, reasons, unchecked: vec![] },
        }
    }

    fn known(deploy: &DeployPlan) -> Vec<(String, Known)> {
        let constraints = constraints(deploy, Evidence::Values);
        constraints.into_iter().map(|constraint| (constraint.name, constraint.known)).collect()
    }

    #[test]
    fn a_trial_is_feasible_exactly_when_no_value_exceeds_its_limit() {
        let deploy = plan(Check::AfterTraining, Accounting::St);
        let constraints = constraints(&deploy, Evidence::Values);
        for (ram, rom, cross) in [
            (16_000, 60_000, 0.95),
            (16_001, 60_000, 0.95),
            (16_000, 60_001, 0.95),
            (16_000, 60_000, 0.949_999),
            (20_000, 10_000, 0.1),
        ] {
            let footprint = Footprint {
                st_ram_bytes: ram,
                st_rom_bytes: rom,
                cross_accuracy: Some(cross),
                ..Footprint::default()
            };
            let trial = trial(footprint, &deploy);
            let seen = outcome(&trial, &deploy, Evidence::Values, Metric::Accuracy);
            assert_eq!(seen.values.len(), constraints.len());
            assert_eq!(seen.score, Some(0.9), "a score is told, deployable or not");
            for (goal, score) in [(Metric::BalancedAccuracy, 0.8), (Metric::MacroF1, 0.7)] {
                let seen = outcome(&trial, &deploy, Evidence::Labels, goal);
                assert_eq!(seen.score, Some(score));
            }
            let held = constraints.iter().zip(&seen.values);
            let mut meets =
                held.filter_map(|(c, value)| Some(value.as_ref()? <= c.limit.as_ref()?));
            assert_eq!(seen.feasible, meets.all(|one| one), "{seen:?}");
        }
    }

    #[test]
    fn what_arithmetic_tells_is_known_before_training_unless_deployability_is_a_black_box() {
        let expected = |ram, rom| {
            [("RAM", ram), ("ROM", rom), ("disagreement", Known::Measured)]
                .into_iter()
                .chain([("deployable", Known::Measured)])
                .map(|(name, known)| (name.to_owned(), known))
                .collect::<Vec<_>>()
        };
        let (before, measured) = (Known::BeforeTraining, Known::Measured);
        assert_eq!(known(&plan(Check::BeforeTraining, Accounting::St)), expected(before, before));
        assert_eq!(
            known(&plan(Check::AfterTraining, Accounting::St)),
            expected(measured, measured)
        );
        // The prescreen knows a linked program's size to some bytes only.
        let elf = plan(Check::BeforeTraining, Accounting::Elf);
        assert_eq!(known(&elf), expected(measured, measured));
    }

    #[test]
    fn labels_alone_tell_no_number() {
        let deploy = plan(Check::AfterTraining, Accounting::St);
        let names = constraints(&deploy, Evidence::Labels);
        assert_eq!(names.iter().map(|c| c.limit).collect::<Vec<_>>(), [None]);
        let footprint = Footprint { st_ram_bytes: 20_000, ..Footprint::default() };
        let trial = trial(footprint, &deploy);
        let seen = outcome(&trial, &deploy, Evidence::Labels, Metric::Accuracy);
        assert_eq!((seen.feasible, seen.values), (false, vec![None]));
    }
}
