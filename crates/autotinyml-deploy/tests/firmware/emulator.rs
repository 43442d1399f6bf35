//! The C under the emulator.

use crate::support::{assert_near, baseline, inputs, lengths, project, tools};
use autotinyml_deploy::{Compression, Core, Emulator, Host, Runner};

#[test]
fn the_baseline_gives_the_same_outputs_as_on_this_computer() {
    let Some(tools) = tools(|tools| tools.missing().is_empty()) else { return };
    let model = baseline();
    for compression in [Compression::X1, Compression::X4, Compression::X8] {
        let (reference, folder) = project(&model, compression);
        let lengths = lengths(&model.network);
        let host = Host::build(tools.host_cc.as_deref().unwrap(), &[], folder.path(), lengths);
        let cross_cc = tools.cross_cc.as_deref().unwrap();
        let qemu = tools.emulator.as_deref().unwrap();
        let emulator =
            Emulator::build(cross_cc, qemu, Core::CortexM4f, folder.path(), lengths).unwrap();
        let inputs = inputs(&model.network, 3, 9);
        let expected = host.unwrap().run(&inputs).unwrap().outputs;
        let run = emulator.run(&inputs).unwrap();
        assert_near(&run.outputs, &expected, 1e-5, "emulator against host");
        assert_near(&run.outputs, &reference.predict(&inputs), 1e-4, "emulator against model");
        let (instructions, stack) = (run.instructions.unwrap(), run.stack_bytes.unwrap());
        let each = instructions as f64 / 829_184.0;
        println!(
            "{compression}: {instructions} instructions, {each:.2} per multiply-add, stack {stack} bytes"
        );
    }
}
