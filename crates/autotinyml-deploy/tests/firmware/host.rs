//! The C computes what the Rust model computes, on this computer.

use autotinyml_deploy::{Compression, Host, Runner, Tools};

use crate::support::{any_model, assert_near, inputs, lengths, project, tools};

/// Wrong accesses and undefined behaviour end the program; -O1 halves the time to compile.
const SANITIZED: [&str; 3] = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

#[test]
fn random_networks_compute_what_the_model_computes() {
    let Some(tools) = tools(|tools| tools.host_cc.is_some()) else { return };
    std::thread::scope(|scope| {
        for start in 0..2 {
            let tools = &tools;
            scope.spawn(move || (start..36).step_by(2).for_each(|seed| compare(tools, seed)));
        }
    });
}

fn compare(tools: &Tools, seed: u64) {
    let model = any_model(seed);
    let (reference, folder) = project(&model, Compression::X1);
    let lengths = lengths(&model.network);
    let compiler = tools.host_cc.as_deref().unwrap();
    let host = Host::build(compiler, &SANITIZED, folder.path(), lengths).unwrap();
    let inputs = inputs(&model.network, 7, seed);
    let outputs = host.run(&inputs).unwrap().outputs;
    let what = format!("seed {seed}, {:?}", model.network);
    assert_near(&outputs, &reference.predict(&inputs), 1e-4, &what);
}
