use super::*;

fn conv(filters: usize, kernel: usize, padding: Padding) -> Layer {
    Layer::Conv2d { filters, kernel: [kernel; 2], stride: [1, 1], dilation: [1, 1], padding }
}

fn pool(window: usize, stride: usize) -> Layer {
    Layer::MaxPool2d { window: [window; 2], stride: [stride; 2] }
}

fn listing(input: Shape, layers: &[Layer]) -> String {
    listing_of(&Network::chain(input, layers).unwrap())
}

/// One line a kernel: name, what was fused, activation, shapes.
fn listing_of(network: &Network) -> String {
    let line = |kernel: Kernel| {
        let operation = match kernel.operation {
            Operation::Conv2d { pool: Some(pool), .. } => format!("conv+pool{:?}", pool.size),
            Operation::Conv2d { .. } => "conv".to_string(),
            Operation::DepthwiseConv2d(_) => "depthwise".to_string(),
            Operation::MaxPool2d(_) => "pool".to_string(),
            Operation::AveragePool2d(_) => "average".to_string(),
            Operation::GlobalAveragePool2d => "mean".to_string(),
            Operation::Dense => "dense".to_string(),
            Operation::Add => "add".to_string(),
            Operation::Copy => "copy".to_string(),
        };
        let activation = kernel.activation.map_or("linear", Activation::name);
        format!("{}: {operation} {activation} {} -> {}", kernel.name, kernel.input, kernel.output)
    };
    lower(network).unwrap().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

const RELU: Layer = Layer::Activation(Activation::Relu);

#[test]
fn the_first_baseline_becomes_four_kernels() {
    let layers = [
        conv(128, 2, Padding::Valid),
        RELU,
        pool(2, 2),
        Layer::Dropout { rate: 0.2 },
        Layer::Flatten,
        Layer::Dense { units: 128 },
        RELU,
        Layer::Dense { units: 128 },
        RELU,
        Layer::Dense { units: 6 },
        Layer::Activation(Activation::Softmax),
    ];
    insta::assert_snapshot!(listing(Shape::new(90, 3, 1), &layers), @r"
    conv2d: conv+pool[2, 2] relu 90×3×1 -> 44×1×128
    dense_1: dense relu 5632 -> 128
    dense_2: dense relu 128 -> 128
    dense_3: dense softmax 128 -> 6
    ");
}

#[test]
fn what_cannot_be_fused_stays_apart() {
    let [tanh, hard_swish] = [Activation::Tanh, Activation::HardSwish].map(Layer::Activation);
    // Windows that overlap; two activations in a row; a pooling of single values.
    let layers = [conv(2, 3, Padding::Same), pool(3, 2), RELU, tanh, pool(1, 1)];
    insta::assert_snapshot!(listing(Shape::new(9, 9, 1), &layers), @r"
    conv2d: conv linear 9×9×1 -> 9×9×2
    max_pool2d_1: pool relu 9×9×2 -> 4×4×2
    max_pool2d_1_tanh: copy tanh 4×4×2 -> 4×4×2
    ");
    // The largest value of a function that is not monotone is not that of the largest value.
    let layers = [conv(2, 3, Padding::Same), hard_swish, pool(2, 2)];
    insta::assert_snapshot!(listing(Shape::new(9, 9, 1), &layers), @r"
    conv2d: conv hard_swish 9×9×1 -> 9×9×2
    max_pool2d: pool linear 9×9×2 -> 4×4×2
    ");
}

#[test]
fn an_activation_behind_the_pooling_is_fused_too() {
    let layers = [conv(2, 3, Padding::Valid), pool(2, 2), RELU];
    insta::assert_snapshot!(
        listing(Shape::new(9, 9, 1), &layers),
        @"conv2d: conv+pool[2, 2] relu 9×9×1 -> 3×3×2"
    );
}

#[test]
fn a_softmax_over_a_flattened_map_is_not_a_softmax_per_pixel() {
    let softmax = Layer::Activation(Activation::Softmax);
    let layers = [conv(2, 3, Padding::Valid), Layer::Flatten, softmax];
    insta::assert_snapshot!(listing(Shape::new(4, 4, 1), &layers), @r"
    conv2d: conv linear 4×4×1 -> 2×2×2
    flatten_softmax: copy softmax 8 -> 8
    ");
}

#[test]
fn a_network_that_does_nothing_still_copies() {
    let layers = [Layer::Dropout { rate: 0.5 }, Layer::Flatten];
    insta::assert_snapshot!(
        listing(Shape::new(2, 2, 1), &layers),
        @"dropout: copy linear 2×2×1 -> 4"
    );
}

#[test]
fn what_a_shortcut_reads_too_stays_as_it_is() {
    let node = Source::Node;
    let tanh = Layer::Activation(Activation::Tanh);
    let layers = [
        (conv(2, 3, Padding::Same), vec![Source::Input]),
        (tanh, vec![node(0)]),
        (Layer::Dropout { rate: 0.5 }, vec![node(1)]),
        // Reads what the shortcut reads too, and so does the second sum, with the dropout between.
        (conv(2, 3, Padding::Same), vec![node(2)]),
        (RELU, vec![node(3)]),
        (Layer::Add, vec![node(4), node(3)]),
        (tanh, vec![node(5)]),
        (Layer::Add, vec![node(6), node(1)]),
        (pool(2, 2), vec![node(7)]),
        (Layer::Flatten, vec![node(8)]),
    ];
    let network = Network::graph(Shape::new(4, 4, 1), &layers).unwrap();
    insta::assert_snapshot!(listing_of(&network), @r"
    conv2d_1: conv tanh 4×4×1 -> 4×4×2
    conv2d_2: conv linear 4×4×2 -> 4×4×2
    conv2d_2_relu: copy relu 4×4×2 -> 4×4×2
    add_1: add tanh 4×4×2 -> 4×4×2
    add_2: add linear 4×4×2 -> 4×4×2
    max_pool2d: pool linear 4×4×2 -> 2×2×2
    ");
    let reads: Vec<_> = lower(&network).unwrap().into_iter().map(|k| k.inputs).collect();
    let (first, second) = (node(1), node(3));
    let expected = [
        vec![Source::Input],
        vec![first],
        vec![second],
        vec![node(4), second],
        vec![node(6), first],
        vec![node(7)],
    ];
    assert_eq!(reads, expected);
}

#[test]
fn a_broken_pass_is_named() {
    let network = Network::chain(Shape::vector(4), &[Layer::Dense { units: 2 }]).unwrap();
    let error = check("forgets-everything", &network, &[]).unwrap_err();
    insta::assert_snapshot!(
        error,
        @"lowering pass forgets-everything: the last kernel does not write the network's output"
    );
}

#[test]
fn zeros_come_from_relu_and_stay_below_max_pooling() {
    let [dense, flatten] = [Layer::Dense { units: 4 }, Layer::Flatten];
    let read = |layers: &[Layer]| {
        let network = Network::chain(Shape::new(8, 8, 2), layers).unwrap();
        let kernels = lower(&network).unwrap();
        kernels.into_iter().map(|kernel| kernel.reads_zeros).collect::<Vec<_>>()
    };
    let tanh = Layer::Activation(Activation::Tanh);
    let relu6 = Layer::Activation(Activation::Relu6);
    let mean = Layer::AveragePool2d { window: [2, 2], stride: [2, 2] };
    // Windows that overlap have a kernel of their own.
    let layers = [conv(3, 3, Padding::Same), RELU, pool(3, 2), flatten, dense, relu6, dense];
    assert_eq!(read(&layers), [false, true, true, true]);
    let layers = [conv(3, 3, Padding::Same), RELU, mean, flatten, dense, tanh, dense];
    assert_eq!(read(&layers), [false, true, false, false]);
}
