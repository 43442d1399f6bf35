//! The comparison as tables for other programs. Scores are shares from 0 to 1.

use std::fmt::Display;

use crate::compare::{Comparison, Figures, Quartiles, Step};

/// One line for each searcher; each figure as lower quartile, median and upper quartile. A best score
/// of 0 stands for none.
pub fn figures(comparison: &Comparison) -> String {
    let checkpoints = comparison.checkpoints();
    let best = checkpoints.iter().map(|trials| format!("best_after_{trials}"));
    let others = ["first_deployable", "wasted", "seconds"].map(str::to_owned);
    let quartiles = best
        .chain(others)
        .flat_map(|name| ["lower", "median", "upper"].map(|quartile| format!("{name}_{quartile}")));
    let header = ["searcher", "repeats"].map(str::to_owned).into_iter().chain(quartiles);
    let tail = ["without_deployable", "mean_rank", "p_value"].map(str::to_owned);
    let repeats = comparison.searchers.first().map_or(0, |searched| searched.repeats.len());
    let line = |figures: Figures| {
        let Figures { name, best, first_deployable, without, wasted, seconds, rank, p_value } =
            figures;
        let all = best.into_iter().chain([first_deployable, wasted, seconds]);
        let all = all.flat_map(|Quartiles(quartiles)| quartiles.map(|value| value.to_string()));
        [name, repeats.to_string()]
            .into_iter()
            .chain(all)
            .chain([without.to_string(), rank.to_string(), optional(p_value)])
            .collect()
    };
    table(header.chain(tail).collect(), comparison.figures().into_iter().map(line))
}

/// One line for each trial of each repeat. The score has the goal's name, as in a study's own trials.csv.
pub fn trials(comparison: &Comparison) -> String {
    let goal = comparison.goal.name().replace('-', "_");
    let header =
        ["searcher", "seed", "trial", &goal, "deployable", "in_full", "seconds", "best_so_far"];
    let lines = comparison.searchers.iter().flat_map(|searched| {
        searched.repeats.iter().flat_map(|repeat| {
            repeat.steps.iter().enumerate().map(|(trial, step)| {
                let Step { score, deployable, full, seconds } = step;
                let best = Some(repeat.best_after(trial + 1)).filter(|best| *best > 0.0);
                vec![
                    searched.name.clone(),
                    repeat.seed.to_string(),
                    trial.to_string(),
                    optional(*score),
                    deployable.to_string(),
                    full.to_string(),
                    seconds.to_string(),
                    optional(best),
                ]
            })
        })
    });
    table(header.map(str::to_owned).to_vec(), lines)
}

fn table(header: Vec<String>, lines: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = csv::Writer::from_writer(vec![]);
    let whole = "writing to memory does not fail, and all records are as long as the header";
    table.write_record(header).expect(whole);
    for line in lines {
        table.write_record(line).expect(whole);
    }
    String::from_utf8(table.into_inner().expect(whole)).expect("all fields are text")
}

fn optional(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
