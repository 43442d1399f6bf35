use super::*;

/// Experiment 1's baseline at ×4.
fn baseline() -> Footprint {
    Footprint {
        parameters: 738_950,
        macc: 874_970,
        st_ram_bytes: 24_576,
        st_rom_bytes: 794_136,
        ..Footprint::default()
    }
}

fn linked(used_bytes: [usize; 3]) -> Footprint {
    let region = |name: &str, kind, used_bytes, length_bytes| RegionUse {
        name: name.into(),
        kind,
        used_bytes,
        length_bytes,
    };
    Footprint {
        flash_bytes: Some(used_bytes[0]),
        ram_bytes: Some(used_bytes[1] + used_bytes[2]),
        instructions: Some(1_000_000),
        cross_accuracy: Some(0.98),
        regions: vec![
            region("flash", RegionKind::Flash, used_bytes[0], 65_536),
            region("sram", RegionKind::Ram, used_bytes[1], 12_288),
            region("ccm", RegionKind::Ram, used_bytes[2], 4_096),
        ],
        ..baseline()
    }
}

fn limits(accounting: Accounting) -> Limits {
    Limits {
        ram_bytes: Some(16_000),
        rom_bytes: Some(60_000),
        cross_accuracy: Some(0.95),
        macc: None,
        accounting,
    }
}

fn told(limits: &Limits, footprint: &Footprint) -> String {
    let verdict = limits.judge(footprint);
    let Verdict { meets_limits, links_on_chip, .. } = verdict;
    let mut lines = vec![format!(
        "meets {meets_limits}, links {links_on_chip:?}, deployable {}",
        verdict.deployable()
    )];
    lines.extend(verdict.reasons.iter().map(|reason| format!("- {reason}")));
    lines.extend(verdict.unchecked.iter().map(|gap| format!("? {gap}")));
    lines.join("\n")
}

#[test]
fn the_baseline_is_refused_by_the_tiny_board_before_anything_is_linked() {
    insta::assert_snapshot!(told(&limits(Accounting::St), &baseline()), @r"
    meets false, links None, deployable false
    - RAM 24.6 KB is 8,576 B over the limit of 16.0 KB (ST accounting)
    - ROM 794.1 KB is 734,136 B over the limit of 60.0 KB (ST accounting)
    ? X-CROSS accuracy limit of 95.00 %: needs a trained network and inputs to run it on
    ? whether it fits the chip: needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
    ? instructions and stack of an inference: needs a linked program, and an emulator to run it: sudo apt install qemu-system-arm
    ");
}

#[test]
fn a_limit_on_the_linked_program_is_unchecked_until_it_is_linked() {
    insta::assert_snapshot!(told(&limits(Accounting::Elf), &baseline()), @r"
    meets true, links None, deployable true
    ? RAM limit of 16.0 KB (ELF accounting): needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
    ? ROM limit of 60.0 KB (ELF accounting): needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
    ? X-CROSS accuracy limit of 95.00 %: needs a trained network and inputs to run it on
    ? whether it fits the chip: needs a board, and a cross compiler to link for it: sudo apt install gcc-arm-none-eabi libnewlib-arm-none-eabi
    ? instructions and stack of an inference: needs a linked program, and an emulator to run it: sudo apt install qemu-system-arm
    ");
}

#[test]
fn the_linked_program_is_judged_by_elf_accounting() {
    insta::assert_snapshot!(told(&limits(Accounting::Elf), &linked([61_000, 10_000, 4_000])), @r"
    meets false, links Some(true), deployable false
    - ROM 61.0 KB is 1,000 B over the limit of 60.0 KB (ELF accounting)
    ");
    insta::assert_snapshot!(told(&limits(Accounting::Elf), &linked([59_000, 14_000, 4_000])), @r"
    meets false, links Some(false), deployable false
    - RAM 18.0 KB is 2,000 B over the limit of 16.0 KB (ELF accounting)
    - does not fit the chip: sram 14.0 KB is 1,712 B over the 12.3 KB that there are
    ");
    insta::assert_snapshot!(told(&limits(Accounting::Elf), &linked([59_000, 10_000, 4_000])), @r"meets true, links Some(true), deployable true");
}

#[test]
fn st_accounting_and_the_chip_are_two_verdicts() {
    let small =
        Footprint { st_ram_bytes: 13_000, st_rom_bytes: 59_000, ..linked([63_000, 13_000, 4_000]) };
    insta::assert_snapshot!(told(&limits(Accounting::St), &small), @r"
    meets true, links Some(false), deployable false
    - does not fit the chip: sram 13.0 KB is 712 B over the 12.3 KB that there are
    ");
    let big = Footprint { st_ram_bytes: 16_001, ..linked([63_000, 10_000, 4_000]) };
    insta::assert_snapshot!(told(&limits(Accounting::St), &big), @r"
    meets false, links Some(true), deployable false
    - RAM 16.0 KB is 1 B over the limit of 16.0 KB (ST accounting)
    - ROM 794.1 KB is 734,136 B over the limit of 60.0 KB (ST accounting)
    ");
}

#[test]
fn cross_accuracy_and_macc_have_limits_too() {
    let only = Limits { cross_accuracy: Some(0.95), macc: Some(500_000), ..Limits::default() };
    let footprint = |share| Footprint { cross_accuracy: Some(share), ..linked([1, 1, 1]) };
    insta::assert_snapshot!(told(&only, &footprint(0.949_999)), @r"
    meets false, links Some(true), deployable false
    - MACC 874,970 is 374,970 over the limit of 500,000
    - X-CROSS accuracy 94.99 % is below the limit of 95.00 %
    ");
    insta::assert_snapshot!(told(&only, &footprint(0.95)), @r"
    meets false, links Some(true), deployable false
    - MACC 874,970 is 374,970 over the limit of 500,000
    ");
}

#[test]
fn a_figure_at_its_limit_meets_it_and_one_beyond_does_not() {
    let fp = linked([60_000, 12_000, 4_000]);
    assert!(limits(Accounting::Elf).judge(&fp).deployable());
    for (rom, ram, cross_accuracy, macc) in
        [(1, 0, 0.95, 0), (0, 1, 0.95, 0), (0, 0, 0.94, 0), (0, 0, 0.95, 1)]
    {
        let beyond = Footprint {
            flash_bytes: Some(60_000 + rom),
            ram_bytes: Some(16_000 + ram),
            cross_accuracy: Some(cross_accuracy),
            macc: 900_000 + macc,
            ..fp.clone()
        };
        let limits = Limits { macc: Some(900_000), ..limits(Accounting::Elf) };
        let verdict = limits.judge(&beyond);
        assert!(!verdict.meets_limits && verdict.reasons.len() == 1, "{verdict:?}");
    }
}

#[test]
fn what_no_emulator_can_hold_is_unchecked() {
    let huge = Footprint { instructions: None, emulated_inputs: Some(0), ..linked([70_000, 1, 1]) };
    insta::assert_snapshot!(told(&Limits::default(), &huge), @r"
    meets true, links Some(false), deployable false
    - does not fit the chip: flash 70.0 KB is 4,464 B over the 65.5 KB that there are
    ? instructions and stack of an inference: the program is larger than the memory of the emulated machine
    ");
}

#[test]
fn without_limits_only_the_chip_speaks() {
    insta::assert_snapshot!(told(&Limits::default(), &linked([70_000, 1, 5_000])), @r"
    meets true, links Some(false), deployable false
    - does not fit the chip: flash 70.0 KB is 4,464 B over the 65.5 KB that there are
    - does not fit the chip: ccm 5.0 KB is 904 B over the 4.1 KB that there are
    ");
    assert!(Limits::default().judge(&baseline()).deployable());
}
