//! `autotinyml boards` and `autotinyml searchers`: what there is.

use std::process::ExitCode;

use autotinyml_deploy::{Board, RegionKind};
use autotinyml_search::CATALOGUE;

use super::{Failure, print};

/// Every board with its memory and where the figures come from.
pub fn boards() -> Result<ExitCode, Failure> {
    let mut text = String::new();
    for board in Board::catalogue() {
        let megahertz = board.clock_hz / 1_000_000;
        let core = board.core.name();
        text += &format!("{}  {}, {core} at {megahertz} MHz\n", board.name, board.title);
        for region in &board.regions {
            let kind = match region.kind {
                RegionKind::Flash => "flash",
                RegionKind::Ram => "RAM",
            };
            text += &format!(
                "    {:<6} {kind:<5} {:>5} KiB at 0x{:08x}  ({})\n",
                region.name,
                region.length_bytes / 1024,
                region.origin,
                region.source
            );
        }
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Every searcher with what it does.
pub fn searchers() -> Result<ExitCode, Failure> {
    let lines = CATALOGUE.iter().map(|(name, what)| format!("{name:<10} {what}\n"));
    print(&lines.collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}
