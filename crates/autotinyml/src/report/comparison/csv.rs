//! The comparison as tables for other programs. Scores are shares from 0 to 1.

use std::fmt::Display;

use autotinyml_search::Configuration;

use crate::compare::{Comparison, Figures, Pair, Quartiles, Step};

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

/// One line for each trial of each repeat. The score has the goal's name, as in a study's own trials.csv;
/// `share` is that of a full training's epochs.
pub fn trials(comparison: &Comparison) -> String {
    let goal = comparison.goal.name().replace('-', "_");
    let header =
        ["searcher", "seed", "trial", &goal, "deployable", "share", "seconds", "best_so_far"];
    let header = header.map(str::to_owned).into_iter().chain(parameters(comparison)).collect();
    let lines = comparison.searchers.iter().flat_map(|searched| {
        searched.repeats.iter().flat_map(move |repeat| {
            let mut best = 0.0;
            repeat.steps.iter().enumerate().map(move |(trial, step)| {
                let Step { configuration, score, deployable, share, seconds, .. } = step;
                best = f64::max(best, step.result().unwrap_or(0.0));
                let figures = vec![
                    searched.name.clone(),
                    repeat.seed.to_string(),
                    trial.to_string(),
                    optional(*score),
                    deployable.to_string(),
                    share.to_string(),
                    seconds.to_string(),
                    optional(Some(best).filter(|best| *best > 0.0)),
                ];
                figures.into_iter().chain(settings(comparison, configuration)).collect()
            })
        })
    });
    table(header, lines)
}

/// The best network of each repeat, once among those that are `deployable` and once among `all`; the
/// baseline, if there is one, comes first.
pub fn winners(comparison: &Comparison) -> String {
    let header = [
        "searcher",
        "seed",
        "among",
        "deployable",
        "validation",
        "test",
        "st_ram_bytes",
        "st_rom_bytes",
        "cross_accuracy",
        "macc",
        "seconds",
    ];
    let header = header.map(str::to_owned).into_iter().chain(parameters(comparison)).collect();
    let line = |searcher: &str, seed: u64, among: &str, step: &Step| -> Vec<String> {
        let footprint = step.footprint.as_ref();
        let figures = [
            searcher.to_owned(),
            seed.to_string(),
            among.to_owned(),
            step.deployable.to_string(),
            optional(step.score),
            optional(step.test_score),
            optional(footprint.map(|footprint| footprint.st_ram_bytes)),
            optional(footprint.map(|footprint| footprint.st_rom_bytes)),
            optional(footprint.and_then(|footprint| footprint.cross_accuracy)),
            optional(footprint.map(|footprint| footprint.macc)),
            step.seconds.to_string(),
        ];
        figures.into_iter().chain(settings(comparison, &step.configuration)).collect()
    };
    let baselines = comparison.baselines.iter();
    let mut lines: Vec<Vec<String>> =
        baselines.map(|(seed, step)| line("baseline", *seed, "all", step)).collect();
    for searched in &comparison.searchers {
        for repeat in &searched.repeats {
            for (among, deployable) in [("deployable", true), ("all", false)] {
                let winner = repeat.winner(deployable);
                lines.extend(winner.map(|step| line(&searched.name, repeat.seed, among, step)));
            }
        }
    }
    table(header, lines.into_iter())
}

/// One line for each pair of searchers: how their best deployable networks at the end compare.
pub fn pairs(comparison: &Comparison) -> String {
    let header = ["searcher", "other", "mean_difference", "wins", "ties", "losses", "p_value"];
    let line = |pair: Pair| {
        let Pair { names: [one, other], mean_difference, wins_ties_losses, p_value } = pair;
        let counts = wins_ties_losses.map(|count| count.to_string());
        let [wins, ties, losses] = counts;
        vec![one, other, mean_difference.to_string(), wins, ties, losses, p_value.to_string()]
    };
    table(header.map(str::to_owned).to_vec(), comparison.pairs().into_iter().map(line))
}

fn parameters(comparison: &Comparison) -> impl Iterator<Item = String> {
    comparison.space.parameters().iter().map(|parameter| parameter.name.clone())
}

/// Empty where a parameter is not active.
fn settings(
    comparison: &Comparison,
    configuration: &Configuration,
) -> impl Iterator<Item = String> {
    let parameters = comparison.space.parameters().iter();
    parameters.map(|it| optional(comparison.space.setting(configuration, &it.name)))
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
