use autotinyml_nn::{Activation, Layer, Model, Network, Padding};

use super::*;
use crate::compress::compress;
use crate::compression::Compression;

/// A small network with every kind of generated text.
fn with_project(check: impl Fn(&Project)) {
    let layers = [
        Layer::Conv2d {
            filters: 4,
            kernel: [3, 3],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Same,
        },
        Layer::Activation(Activation::Relu),
        Layer::MaxPool2d { window: [2, 2], stride: [2, 2] },
        Layer::Conv2d {
            filters: 5,
            kernel: [2, 2],
            stride: [1, 1],
            dilation: [1, 1],
            padding: Padding::Valid,
        },
        Layer::Activation(Activation::Tanh),
        Layer::Flatten,
        Layer::Dense { units: 3 },
        Layer::Activation(Activation::Softmax),
    ];
    let network = Network::chain(Shape::new(8, 8, 2), &layers).unwrap();
    let stored = compress(&Model::initialise(network, 0), Compression::X1);
    let example = vec![0.25; 128];
    let standardisation = Standardisation { mean: vec![0.5, -2.0], deviation: vec![1.5, 0.1] };
    let classes = ["left", "right"].map(String::from);
    let mut project = Project::new(&stored, &example).unwrap();
    project.standardisation = Some(&standardisation);
    project.classes = &classes;
    project.set_board(Board::named("stm32f303k8").unwrap()).unwrap();
    check(&project);
}

#[test]
fn the_interface() {
    with_project(|project| insta::assert_snapshot!(network_c::header(project)));
}

#[test]
fn the_network() {
    with_project(|project| {
        insta::assert_snapshot!(network_c::source(project, &project.weights_file().arrays));
    });
}

#[test]
fn a_streamed_map_and_its_dense_layer_run_by_turns() {
    let conv = Layer::Conv2d {
        filters: 8,
        kernel: [2, 2],
        stride: [1, 1],
        dilation: [1, 1],
        padding: Padding::Valid,
    };
    let pool = Layer::MaxPool2d { window: [2, 2], stride: [2, 2] };
    let layers = [conv, pool, Layer::Flatten, Layer::Dense { units: 3 }];
    let network = Network::chain(Shape::new(20, 3, 1), &layers).unwrap();
    let stored = compress(&Model::initialise(network, 0), Compression::X1);
    let example = vec![0.25; 60];
    let source = network_c::source(&Project::new(&stored, &example).unwrap(), &[]);
    let run = source.find("void network_run").unwrap();
    insta::assert_snapshot!(&source[run..], @r##"
    void network_run(const float *input, float *output)
    {
        const struct plan *plan = &numbers;
        /* Hidden from the compiler, so that the code is the same whatever the numbers. */
        __asm__("" : "+r"(plan));
        for (int first = 0; first < plan->conv2d_pixels; first += plan->conv2d_turn) {
            const int next = first + plan->conv2d_turn;
            const int end = next < plan->conv2d_pixels ? next : plan->conv2d_pixels;
            autotinyml_conv2d_max_pool2x2(&conv2d, first, end, 0, input, plan->conv2d_output);
            autotinyml_dense(&dense, first * plan->conv2d_channels, end * plan->conv2d_channels, plan->conv2d_output, output);
        }
    }
    "##);
}

#[test]
fn the_weights() {
    with_project(|project| insta::assert_snapshot!(project.weights_file().assembly()));
}

#[test]
fn the_readme_with_its_memory_map() {
    with_project(|project| {
        insta::assert_snapshot!(readme::readme(project, project.weights_file().bytes.len()))
    });
}

#[test]
fn the_readme_says_what_flashing_takes() {
    with_project(|project| {
        let board = Board::named("pico");
        let readme = readme::readme(&Project { board, ..project.clone() }, 0);
        assert!(readme.contains("\n\nTo flash it: the boot ROM runs what"), "{readme}");
    });
}

#[test]
fn the_linker_script() {
    let board = Board::named("stm32f303k8").unwrap();
    let [sram, ccm] = ["sram", "ccm"].map(String::from);
    let apart = Regions { arena: vec![sram.clone(), ccm.clone()], input: ccm, output: sram };
    insta::assert_snapshot!(linker_script::linker_script(board, &apart));
}

#[test]
fn nothing_of_an_earlier_project_stays() {
    with_project(|project| {
        let folder = tempfile::tempdir().unwrap();
        let earlier = folder.path().join("autotinyml/dense_shared8.c");
        write_project(project, folder.path()).unwrap();
        fs::write(&earlier, "#error from another network").unwrap();
        write_project(&Project { board: None, ..project.clone() }, folder.path()).unwrap();
        assert!(!earlier.exists() && !folder.path().join("chip.ld").exists());
        assert!(folder.path().join("autotinyml/dense.c").exists());
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    with_project(|project| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = write_project(project, file.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}", file.path().display())), "{error}");
    });
}

#[test]
fn only_the_kernels_in_use_are_there() {
    with_project(|project| {
        let names: Vec<&str> = project.kernel_files().iter().map(|(name, _)| *name).collect();
        let expected = [
            "activation.c",
            "autotinyml.h",
            "conv2d.c",
            "conv2d_max_pool2d.c",
            "conv2d_products.c",
            "conv2d_tile.c",
            "conv2d_tile.h",
            "dense.c",
            "load.h",
        ];
        assert_eq!(names, expected);
    });
}
