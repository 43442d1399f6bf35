//! The talk's two baselines as they are: what they take, whether they meet the talk's limits, and whether
//! their programs link on the chips. Nothing is trained.

use super::page::{header, table};
use super::program::Program;

/// A board with the talk's limits, in bytes.
struct Board {
    name: &'static str,
    title: &'static str,
    ram_bytes: u64,
    rom_bytes: u64,
}

const BOARDS: [Board; 2] = [
    Board { name: "stm32l476rg", title: "Big Board", ram_bytes: 128_000, rom_bytes: 1_990_000 },
    Board { name: "stm32f303k8", title: "Tiny Board", ram_bytes: 16_000, rom_bytes: 60_000 },
];

/// A baseline, and what the talk says of it.
pub struct Baseline {
    /// In `examples/networks/`.
    pub file: &'static str,
    /// At ×1, ×4 and ×8: ROM in KB.
    pub talk_rom_kb: [&'static str; 3],
    /// RAM in KB.
    pub talk_ram_kb: &'static str,
    /// On the Big Board and the Tiny Board at ×1, ×4 and ×8.
    pub talk_deployable: [[bool; 3]; 2],
}

const COMPRESSIONS: [&str; 3] = ["x1", "x4", "x8"];

/// A table of one baseline on both boards.
pub fn page(program: &Program, baseline: &Baseline) -> Result<String, String> {
    let mut lines = vec![];
    for (place, board) in BOARDS.iter().enumerate() {
        for (column, compression) in COMPRESSIONS.into_iter().enumerate() {
            lines.push(line(program, baseline, board, place, column, compression)?);
        }
    }
    let header = header(&[
        "",
        "",
        "RAM, ST accounting (talk)",
        "ROM, ST accounting (talk)",
        "MACC",
        "meets the talk's limits",
        "deployable in the talk",
        "flash of the linked program",
        "RAM of the linked program",
        "links on the chip",
    ]);
    Ok(table(&header, 2, &lines))
}

fn line(
    program: &Program,
    baseline: &Baseline,
    board: &Board,
    place: usize,
    column: usize,
    compression: &str,
) -> Result<Vec<String>, String> {
    let file = super::folder().join("../../examples/networks").join(baseline.file);
    let file = file.display().to_string();
    let arguments =
        ["check", &file, "--board", board.name, "--compression", compression, "--format", "json"];
    let checked = program.json(&arguments.map(str::to_owned))?;
    let bytes = |name: &str| checked[name].as_u64();
    let kilobytes = |bytes: u64| format!("{:.2} KB", bytes as f64 / 1000.0);
    let [ram, rom] = ["st_ram_bytes", "st_rom_bytes"].map(|name| bytes(name).unwrap_or_default());
    let over = |what: &str, found: u64, limit: u64| {
        (found > limit).then(|| format!("{what} {} B too much", grouped(found - limit)))
    };
    let missing: Vec<String> =
        [over("RAM", ram, board.ram_bytes), over("ROM", rom, board.rom_bytes)]
            .into_iter()
            .flatten()
            .collect();
    let chip: Vec<String> = (checked["regions"].as_array().into_iter().flatten())
        .filter_map(|region| {
            let figure = |name: &str| region[name].as_u64();
            over(region["name"].as_str()?, figure("used_bytes")?, figure("length_bytes")?)
        })
        .collect();
    let yes_or = |missing: Vec<String>| match missing.is_empty() {
        true => "yes".to_owned(),
        false => format!("no: {}", missing.join(", ")),
    };
    let unknown = || "needs the cross compiler".to_owned();
    Ok(vec![
        board.title.to_owned(),
        compression.replace('x', "×"),
        format!("{} ({} KB)", kilobytes(ram), baseline.talk_ram_kb),
        format!("{} ({} KB)", kilobytes(rom), baseline.talk_rom_kb[column]),
        grouped(bytes("macc").unwrap_or_default()),
        yes_or(missing),
        if baseline.talk_deployable[place][column] { "yes" } else { "no" }.to_owned(),
        bytes("flash_bytes").map_or_else(unknown, kilobytes),
        bytes("ram_bytes").map_or_else(unknown, kilobytes),
        match checked["links_on_chip"].as_bool() {
            Some(_) => yes_or(chip),
            None => unknown(),
        },
    ])
}

/// With commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    grouped.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([7, 874_970, 20_863_612].map(grouped), ["7", "874,970", "20,863,612"]);
    }
}
