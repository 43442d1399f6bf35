//! Runs judged, and what they come to: means, ranks, and whether a lead is more than luck.

use autotinyml_search::compare::{average_ranks, wilcoxon_signed_rank};

use crate::problem::TableProblem;
use crate::run::{Regime, Run};

/// Trials after which regret is told.
const MILESTONES: [usize; 3] = [50, 100, 200];

/// The run of one searcher on one problem with one seed, judged.
pub struct Curve {
    /// Which problem, as an index.
    problem: usize,
    /// Normalised regret of the best so far, after each trial.
    regret: Vec<f64>,
    /// Counted from 1; one more than there were trials if none was feasible.
    first_feasible: usize,
    /// Share of infeasible trials.
    infeasible: f64,
    /// Per suggestion.
    milliseconds: f64,
}

impl Curve {
    /// Judges a run whose first `starts` trials were given.
    pub fn new(on: &TableProblem, problem: usize, starts: usize, run: &Run) -> Self {
        let count = run.rows.len();
        let infeasible = run.rows.iter().filter(|&&row| !on.feasible[row]).count();
        Self {
            problem,
            regret: on.regret(&run.rows),
            first_feasible: 1 + run.rows.iter().take_while(|&&row| !on.feasible[row]).count(),
            infeasible: infeasible as f64 / count as f64,
            milliseconds: 1e3 * run.seconds / count.saturating_sub(starts).max(1) as f64,
        }
    }

    /// Regret after `trials` trials, or at the end if the space was used up before.
    fn regret_after(&self, trials: usize) -> f64 {
        self.regret[trials.min(self.regret.len()) - 1]
    }
}

/// All runs of one searcher in one regime.
pub struct Entry<'a> {
    /// What it got to know.
    pub regime: Regime,
    /// Its name.
    pub searcher: &'a str,
    /// One per problem and seed, at least one.
    pub curves: Vec<Curve>,
}

impl Entry<'_> {
    fn mean(&self, of: impl Fn(&Curve) -> f64) -> f64 {
        self.curves.iter().map(of).sum::<f64>() / self.curves.len() as f64
    }

    fn regret_after(&self, trials: usize) -> f64 {
        self.mean(|curve| curve.regret_after(trials))
    }

    /// Mean regret of each problem over its seeds.
    fn by_problem(&self, problems: usize, trials: usize) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); problems];
        for curve in &self.curves {
            sums[curve.problem].0 += curve.regret_after(trials);
            sums[curve.problem].1 += 1.0;
        }
        sums.into_iter().map(|(sum, count)| sum / count).collect()
    }
}

fn milestones(trials: usize) -> impl Iterator<Item = usize> {
    MILESTONES.into_iter().filter(move |&milestone| milestone <= trials)
}

/// One line per entry.
pub fn print_means(entries: &[Entry], trials: usize) {
    let titles: Vec<String> =
        milestones(trials).map(|at| format!("{:>6}", format!("@{at}"))).collect();
    let titles = titles.join(" ");
    println!(
        "regime   searcher              {titles}   first feasible   infeasible   ms/suggestion"
    );
    for entry in entries {
        let regrets: Vec<String> =
            milestones(trials).map(|at| format!("{:.4}", entry.regret_after(at))).collect();
        println!(
            "{:<8} {:<21} {} {:>16.1} {:>11.1}% {:>15.2}",
            entry.regime.name(),
            entry.searcher,
            regrets.join(" "),
            entry.mean(|curve| curve.first_feasible as f64),
            100.0 * entry.mean(|curve| curve.infeasible),
            entry.mean(|curve| curve.milliseconds),
        );
    }
}

/// For the entries of one regime: average rank over the problems, and how the first entry fares against
/// each other one, problem by problem (seeds are averaged before, so that they don't count as problems).
pub fn print_ranks(entries: &[&Entry], problems: usize, trials: usize) {
    let [first, others @ ..] = entries else { return };
    if others.is_empty() {
        return;
    }
    println!(
        "\n{}, {problems} problems: average rank, p of {}",
        first.regime.name(),
        first.searcher
    );
    for at in milestones(trials) {
        let by_problem: Vec<Vec<f64>> =
            entries.iter().map(|entry| entry.by_problem(problems, at)).collect();
        let rounds: Vec<Vec<f64>> = (0..problems)
            .map(|problem| by_problem.iter().map(|regrets| regrets[problem]).collect())
            .collect();
        println!("after {at} trials");
        for ((entry, rank), regrets) in entries.iter().zip(average_ranks(&rounds)).zip(&by_problem)
        {
            let differences: Vec<f64> =
                by_problem[0].iter().zip(regrets).map(|(first, other)| first - other).collect();
            let wins = differences.iter().filter(|difference| **difference < 0.0).count();
            let losses = differences.iter().filter(|difference| **difference > 0.0).count();
            let p = wilcoxon_signed_rank(&differences).p_value;
            println!(
                "  {:<21} {rank:>5.2}   better on {wins:>2}, worse on {losses:>2}, p = {p:.2e}",
                entry.searcher
            );
        }
    }
    let mean_curve: Vec<f64> = (1..=trials).map(|trial| first.regret_after(trial)).collect();
    for other in others {
        let goal = other.regret_after(trials);
        let reached = mean_curve.iter().position(|&regret| regret <= goal);
        let reached = reached.map_or("never".to_owned(), |index| format!("at {}", index + 1));
        println!(
            "{}'s mean regret after {trials} trials: {} reaches it {reached}",
            other.searcher, first.searcher
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::folders;
    use crate::table::Table;

    #[test]
    fn a_run_is_judged() {
        let table = Table::read(&folders::sources().join("tests/tiny.json")).unwrap();
        let problem = TableProblem::new(&Arc::new(table), &["size", "time"], 0.5).unwrap();
        let run = Run { rows: vec![4, 0, 1, 2], seconds: 0.006 };
        let curve = Curve::new(&problem, 0, 1, &run);
        assert_eq!(curve.regret, [1.0, 1.0, 1.0, 0.0]);
        assert_eq!((curve.first_feasible, curve.infeasible), (2, 0.25));
        assert!((curve.milliseconds - 2.0).abs() < 1e-12);
        assert_eq!(curve.regret_after(200), 0.0);

        let never = Curve::new(&problem, 0, 0, &Run { rows: vec![4, 5], seconds: 0.0 });
        assert_eq!((never.first_feasible, never.infeasible), (3, 1.0));
    }

    #[test]
    fn seeds_are_averaged_before_problems_are_compared() {
        let curve = |problem, regret| Curve {
            problem,
            regret: vec![regret],
            first_feasible: 1,
            infeasible: 0.0,
            milliseconds: 0.0,
        };
        let curves = vec![curve(0, 0.2), curve(1, 1.0), curve(0, 0.4), curve(1, 0.0)];
        let entry = Entry { regime: Regime::Values, searcher: "any", curves };
        let found = entry.by_problem(2, 1);
        assert!((found[0] - 0.3).abs() < 1e-12 && (found[1] - 0.5).abs() < 1e-12);
    }
}
