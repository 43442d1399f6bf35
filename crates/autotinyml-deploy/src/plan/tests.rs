mod properties;

use autotinyml_nn::{Activation, Layer, Network, Padding, Shape, Source};

use super::cascade::{least_extent, turns};
use super::reach::Reach;
use super::*;
use crate::lower::{Operation, Window, lower};

fn kernels(input: Shape, layers: &[Layer]) -> Vec<Kernel> {
    lower(&Network::chain(input, layers).unwrap()).unwrap()
}

fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> Layer {
    Layer::Conv2d { filters, kernel: [kernel; 2], stride: [stride; 2], dilation: [1, 1], padding }
}

fn lead(kernels: &[Kernel], k: usize) -> usize {
    lead::lead(kernels, k..k + 1)
}

fn pool(window: usize) -> Layer {
    Layer::MaxPool2d { window: [window; 2], stride: [window; 2] }
}

const RELU: Layer = Layer::Activation(Activation::Relu);

/// Experiment 1's baseline has 128 filters and units.
fn experiment_1(size: usize) -> Vec<Kernel> {
    let dense = Layer::Dense { units: size };
    let conv = conv(size, 2, 1, Padding::Valid);
    let layers = [conv, RELU, pool(2), Layer::Flatten, dense, RELU, dense, RELU, dense];
    kernels(Shape::new(90, 3, 1), &layers)
}

#[test]
fn the_first_baseline_keeps_one_pixel_of_its_pooled_map_and_the_sums_it_is_added_to() {
    insta::assert_snapshot!(plan(&experiment_1(128)).unwrap(), @r"
    output                       offset     bytes  place in the arena
    conv2d, a pixel at a time         0       512  ████████████████████····················
    dense_1                         512       512  ····················████████████████████
    dense_2                           0       512  ████████████████████····················
    arena                                    1024
    ");
    insta::assert_snapshot!(plan(&experiment_1(8)).unwrap(), @r"
    output                        offset     bytes  place in the arena
    conv2d, 8 pixels at a time         0       256  ████████████████████████████████████····
    dense_1                          256        32  ···································█████
    dense_2                            0        32  █████···································
    arena                                      288
    ");
}

/// The Keras example for CIFAR-10, with 4 classes.
fn experiment_2() -> Vec<Kernel> {
    let block = |filters| {
        let [same, valid] = [Padding::Same, Padding::Valid].map(|p| conv(filters, 3, 1, p));
        [same, RELU, valid, RELU, pool(2)]
    };
    let dense = [Layer::Dense { units: 512 }, RELU, Layer::Dense { units: 4 }];
    let layers = [&block(32)[..], &block(64), &[Layer::Flatten], &dense].concat();
    kernels(Shape::new(32, 32, 3), &layers)
}

#[test]
fn the_second_baseline_keeps_some_rows_of_each_map() {
    insta::assert_snapshot!(plan(&experiment_2()).unwrap(), @r"
    output                         offset     bytes  place in the arena
    conv2d_1, its last 4 rows       23424     16384  ·······················█████████████████
    conv2d_2, its last 3 rows       17664      5760  ·················███████················
    conv2d_3, its last 4 rows        2304     15360  ··████████████████······················
    conv2d_4, a pixel at a time      2048       256  ··█·····································
    dense_1                             0      2048  ███·····································
    arena                                     39808
    ");
}

#[test]
fn too_few_rows_are_refused() {
    let kernels = experiment_2();
    let plan = plan(&kernels).unwrap();
    for k in 0..3 {
        let mut plan = plan.clone();
        let Extent::Rows(rows) = plan.buffers[k].extent else { panic!("{plan}") };
        plan.buffers[k].extent = Extent::Rows(rows - 1);
        let error = plan.check(&kernels).unwrap_err().to_string();
        assert!(error.contains(&format!("too little of the output of {}", kernels[k].name)));
    }
}

#[test]
fn a_map_is_not_streamed_if_that_saves_nothing() {
    // Around the shortcut there are two whole maps in any case, and later maps go over them.
    let kernels = residual();
    let plan = plan(&kernels).unwrap();
    assert!(least_extent(&kernels, 1) != Extent::Whole);
    assert!(plan.buffers.iter().all(|buffer| buffer.extent == Extent::Whole), "{plan}");
}

#[test]
fn a_map_that_is_needed_as_a_whole_must_not_be_streamed() {
    let kernels = residual();
    let mut plan = plan(&kernels).unwrap();
    plan.buffers[0].extent = Extent::Pixels(4);
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: the output of conv2d_1 is needed as a whole");
}

#[test]
fn a_convolution_writes_over_its_dying_input() {
    // A 3×3 window on 32×32×32 and 2×2 pooling: each step reads what begins two rows further,
    // and only the first pixel is written before its input was read for the last time.
    let layers = [conv(32, 3, 1, Padding::Same), conv(32, 3, 1, Padding::Valid), pool(2), pool(1)];
    let kernels = kernels(Shape::new(32, 32, 3), &layers);
    assert_eq!(kernels.len(), 2);
    assert_eq!(lead(&kernels, 1), 32);
}

#[test]
fn a_max_pooling_needs_no_lead() {
    let layers = [
        pool(2),
        conv(3, 1, 1, Padding::Valid),
        Layer::MaxPool2d { window: [2, 3], stride: [1, 2] },
    ];
    let kernels = kernels(Shape::new(20, 20, 3), &layers);
    assert_eq!(lead(&kernels, 0), 0);
    assert_eq!(lead(&kernels, 2), 0);
}

/// Two convolutions with a shortcut around them, and a dense layer.
fn residual() -> Vec<Kernel> {
    let node = Source::Node;
    let same = conv(4, 3, 1, Padding::Same);
    let layers = [
        (same, vec![Source::Input]),
        (same, vec![node(0)]),
        (same, vec![node(1)]),
        (Layer::Add, vec![node(2), node(0)]),
        (RELU, vec![node(3)]),
        (Layer::Flatten, vec![node(4)]),
        (Layer::Dense { units: 3 }, vec![node(5)]),
    ];
    lower(&Network::graph(Shape::new(8, 8, 1), &layers).unwrap()).unwrap()
}

#[test]
fn a_shortcut_takes_one_map_more_and_the_sum_is_written_over_a_summand() {
    let kernels = residual();
    let plan = plan(&kernels).unwrap();
    let map = 8 * 8 * 4 * 4;
    let lead = lead(&kernels, 2) * 4;
    assert_eq!(plan.arena_bytes, 2 * map + lead);
    insta::assert_snapshot!(plan, @r"
    output      offset     bytes  place in the arena
    conv2d_1         0      1024  ███████████████████·····················
    conv2d_2      1232      1024  ·····················███████████████████
    conv2d_3      1024      1024  ··················███████████████████···
    add              0      1024  ███████████████████·····················
    arena                   2256
    ");
}

#[test]
fn what_a_shortcut_still_needs_is_not_overwritten() {
    let kernels = residual();
    let mut plan = plan(&kernels).unwrap();
    plan.buffers[1].offset_bytes = plan.buffers[0].offset_bytes;
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: conv2d_2 would overwrite the output of conv2d_1");
}

#[test]
fn a_plan_that_overwrites_is_refused() {
    let layers = [Layer::Dense { units: 8 }, Layer::Dense { units: 4 }, Layer::Dense { units: 2 }];
    let kernels = kernels(Shape::vector(3), &layers);
    let mut plan = plan(&kernels).unwrap();
    plan.buffers[1].offset_bytes = plan.buffers[0].offset_bytes + 4;
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: dense_2 would overwrite its own input");
    plan.arena_bytes -= 1;
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: the output of dense_1 leaves the arena");
}

#[test]
fn no_buffer_is_in_both_pieces_of_an_arena() {
    let layers = [8, 4, 2].map(|units| Layer::Dense { units });
    let kernels = kernels(Shape::vector(3), &layers);
    let mut plan = plan_in_pieces(&kernels, [16, usize::MAX]).unwrap().unwrap();
    assert_eq!((plan.pieces(), plan.buffers[0].offset_bytes), (vec![16, 32], 16), "{plan}");
    plan.border_bytes = Some(20);
    insta::assert_snapshot!(plan.check(&kernels).unwrap_err(), @"memory plan: the output of dense_1 is in both pieces");
    // Nothing is behind a border that is high enough.
    assert_eq!(plan_in_pieces(&kernels, [48, usize::MAX]).unwrap().unwrap().pieces(), [48]);
}
