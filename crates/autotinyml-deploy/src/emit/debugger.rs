//! What probe-rs and OpenOCD call the chips of boards: known for STM32, left to the user for others.

use crate::board::Board;

/// As `probe-rs chip list` names it; a part number also matches a name with lower-case x in it.
pub fn probe_rs_chip(board: &Board) -> Option<&str> {
    let part = board.title.split_whitespace().next()?;
    part.starts_with("STM32").then_some(part)
}

/// OpenOCD's options: a probe as on ST's Nucleo boards, and the chip's family.
pub fn openocd_options(board: &Board) -> Option<String> {
    let family = probe_rs_chip(board)?.get(5..7)?.to_lowercase();
    let rest = if matches!(family.as_str(), "l0" | "l1") { "" } else { "x" };
    Some(format!("-f interface/stlink.cfg -f target/stm32{family}{rest}.cfg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that OpenOCD 0.12 has.
    const FAMILIES: [&str; 13] =
        ["f0x", "f1x", "f3x", "f4x", "f7x", "g0x", "g4x", "h7x", "l0", "l1", "l4x", "l5x", "u5x"];

    #[test]
    fn every_stm32_of_the_catalogue_has_a_name_and_a_file() {
        let boards = Board::catalogue().iter().filter(|board| board.name.starts_with("stm32"));
        for board in boards {
            let chip = probe_rs_chip(board).unwrap().to_lowercase();
            assert!(chip.starts_with(&board.name), "{chip}");
            let options = openocd_options(board).unwrap();
            let has = |family: &str| options.ends_with(&format!("target/stm32{family}.cfg"));
            assert!(FAMILIES.iter().any(|family| has(family)), "{options}");
        }
        assert_eq!(openocd_options(Board::named("pico").unwrap()), None);
    }
}
