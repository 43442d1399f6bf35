//! What the pages of the experiments have in common.

use super::comparison::{Comparison, TRAININGS};
use super::figures::{Figures, Measure, Pair, Spread, Winner};

/// A table in Markdown; all columns but the first `left` are aligned to the right.
pub fn table(header: &[String], left: usize, lines: &[Vec<String>]) -> String {
    let rule = (0..header.len()).map(|column| if column < left { "---" } else { "---:" });
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut text = line(&mut header.iter().map(String::as_str)) + &line(&mut rule.into_iter());
    lines.iter().for_each(|cells| text += &line(&mut cells.iter().map(String::as_str)));
    text + "\n"
}

/// Columns of texts.
pub fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The talk's table: the baseline and each searcher's best deployable networks, mean ± standard deviation.
pub fn networks(comparison: &Comparison, measures: &[Measure]) -> String {
    let winners = comparison.winners();
    let titles = measures.iter().map(|measure| measure.title().to_owned());
    let header: Vec<String> = header(&["", "deployable"]).into_iter().chain(titles).collect();
    let line = |name: &str, all: &[&Winner], of: usize| {
        let deployable = all.iter().filter(|winner| winner.deployable).count();
        let cell = |&measure: &Measure| {
            let spread = Spread::of_winners(all.iter().copied(), measure);
            spread.map_or("–".to_owned(), |spread| measure.print(spread))
        };
        let figures = measures.iter().map(cell);
        [name.to_owned(), format!("{deployable} of {of}")].into_iter().chain(figures).collect()
    };
    let mut lines: Vec<Vec<String>> = vec![];
    let baselines: Vec<&Winner> = winners.iter().filter(|w| w.searcher == "baseline").collect();
    if !baselines.is_empty() {
        lines.push(line("baseline", &baselines, baselines.len()));
    }
    for Figures { name, repeats, .. } in comparison.figures() {
        let found: Vec<&Winner> =
            winners.iter().filter(|w| w.searcher == name && w.among_deployable).collect();
        lines.push(line(&format!("`{name}`"), &found, repeats));
    }
    table(&header, 1, &lines)
}

/// How the searchers compare: medians, ranks, tests.
pub fn searchers(comparison: &Comparison) -> String {
    let [quarter, half] = [TRAININGS.div_ceil(4), TRAININGS.div_ceil(2)];
    let header = header(&[
        "",
        &format!("best after {quarter}"),
        &format!("after {half}"),
        &format!("after {TRAININGS} (quartiles)"),
        "first deployable",
        "wasted",
        "mean rank",
        "p",
    ]);
    let percent = |share: f64| match share > 0.0 {
        true => format!("{:.2}", 100.0 * share),
        false => "none".to_owned(),
    };
    let line = |figures: Figures| {
        let [quarter, half, all] = figures.best.map(percent);
        let [lower, upper] = figures.quartiles.map(percent);
        vec![
            format!("`{}`", figures.name),
            quarter,
            half,
            format!("{all} ({lower}–{upper})"),
            match figures.without {
                0 => format!("{:.0}", figures.first_deployable),
                none => format!("{:.0}; never in {none}", figures.first_deployable),
            },
            format!("{:.0}", figures.wasted),
            format!("{:.2}", figures.rank),
            figures.p_value.map_or("–".to_owned(), p_value),
        ]
    };
    table(&header, 1, &comparison.figures().into_iter().map(line).collect::<Vec<_>>())
}

/// A probability in print.
fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

/// "3 of 10 repeats", or the number alone if all are there.
pub fn repeats(comparison: &Comparison) -> String {
    match (comparison.repeats_done(), comparison.repeats) {
        (done, all) if done < all => format!("{done} of {all} repeats so far"),
        (done, _) => format!("{done} repeats"),
    }
}

/// Two searchers of a comparison, in a sentence.
pub fn duel(comparison: &Comparison, one: &str, other: &str) -> Option<String> {
    let Pair { mean_difference, wins_ties_losses: [wins, ties, losses], p_value: p, .. } =
        Pair::find(comparison.pairs(), one, other)?;
    Some(format!(
        "`{one}` − `{other}` = {:+.2} percentage points in the mean; better in {wins}, equal in {ties}, \
         worse in {losses} of {}; {}",
        // Not −0.00.
        (1e4 * mean_difference).round() / 100.0 + 0.0,
        wins + ties + losses,
        if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {}", p_value(p)) },
    ))
}

/// How many repeats of a searcher have a best network, deployable or not, that is not deployable.
pub fn undeployable_winners(comparison: &Comparison, searcher: &str) -> Option<(usize, usize)> {
    let winners = comparison.winners();
    let best: Vec<&Winner> =
        winners.iter().filter(|w| w.searcher == searcher && !w.among_deployable).collect();
    let refused = best.iter().filter(|winner| !winner.deployable).count();
    (!best.is_empty()).then_some((refused, best.len()))
}

/// Whether `cbo` is after half of the trainings where `svm-cbo` is after all, in the median: a
/// sentence. `None`: one of them was not run.
pub fn half_of_the_trainings(comparison: &Comparison) -> Option<String> {
    let figures = comparison.figures();
    let best = |name: &str| figures.iter().find(|figures| figures.name == name).map(|it| it.best);
    let (cbo, svm_cbo) = (best("cbo")?[1], best("svm-cbo")?[2]);
    Some(format!(
        "*`cbo` is after half of the trainings where `svm-cbo` is after all* {}: {:.2} % after 50, \
         {:.2} % after 100 (medians).",
        verdict(cbo >= svm_cbo),
        100.0 * cbo,
        100.0 * svm_cbo
    ))
}

/// A comparison under its title: its networks, if there are `measures` of them, its searchers, its pictures.
pub fn section(title: &str, comparison: &Comparison, measures: &[Measure]) -> String {
    let (networks, best) = match measures {
        [] => (String::new(), "the best deployable against trainings"),
        _ => (networks(comparison, measures), "the best deployable network against trainings"),
    };
    format!(
        "### {title}\n\n{}; `{}`\n\n{networks}{}{}{}\n",
        repeats(comparison),
        comparison.line(),
        searchers(comparison),
        comparison.picture_in_page("trials.svg", best),
        comparison.picture_in_page("time.svg", "the same against seconds of training"),
    )
}

/// A word for what was claimed.
pub fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "does not hold" }
}

/// What is not there yet.
pub fn missing(comparisons: &[Comparison]) -> String {
    let incomplete: Vec<String> = comparisons
        .iter()
        .filter(|comparison| !comparison.is_complete())
        .map(|comparison| match comparison.repeats_done() {
            0 => format!("`{}`: not begun, or no repeat of all searchers yet", comparison.name),
            done if done < comparison.repeats => {
                format!("`{}`: {done} of {} repeats", comparison.name, comparison.repeats)
            }
            _ => format!(
                "`{}`: {} of {} searchers",
                comparison.name,
                comparison.figures().len(),
                comparison.searchers.len()
            ),
        })
        .collect();
    match incomplete.is_empty() {
        true => "Everything planned has been run.\n".to_owned(),
        false => format!(
            "Not everything planned has been run. Still missing, and made by the same command:\n\n- {}\n",
            incomplete.join("\n- ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_rule_below_its_header() {
        let text = table(&header(&["", "n"]), 1, &[vec!["a".into(), "1".into()]]);
        assert_eq!(text, "|  | n |\n| --- | ---: |\n| a | 1 |\n\n");
    }
}
