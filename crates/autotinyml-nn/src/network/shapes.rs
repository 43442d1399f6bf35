//! What each layer writes from what it reads, and whether it can.

use super::{Activation, BuildError, Layer, Padding, Shape};

/// Weights of a layer, and values between two layers, at most: hundreds of megabytes, so that
/// descriptions gone wrong are refused before anybody reserves memory for them.
pub const COUNT_MAX: usize = 100_000_000;

impl Shape {
    /// Whether no axis is 0 and its values are no more than the [`COUNT_MAX`] that a network here may
    /// read.
    pub fn is_possible(&self) -> bool {
        let Self { height, width, channels } = *self;
        let values = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels));
        values.is_some_and(|values| (1..=COUNT_MAX).contains(&values))
    }
}

impl Layer {
    pub(super) fn check_size(
        &self,
        name: &str,
        input: Shape,
        output: Shape,
    ) -> Result<(), BuildError> {
        let values = |shape: Shape| {
            [shape.height, shape.width, shape.channels]
                .iter()
                .fold(1_u128, |product, &axis| product.saturating_mul(axis as u128))
        };
        let weights = match *self {
            Self::Conv2d { filters, kernel, .. } => [kernel[0], kernel[1], input.channels, filters]
                .iter()
                .fold(1_u128, |product, &axis| product.saturating_mul(axis as u128)),
            Self::DepthwiseConv2d { kernel, .. } => [kernel[0], kernel[1], input.channels]
                .iter()
                .fold(1_u128, |product, &axis| product.saturating_mul(axis as u128)),
            Self::Dense { units } => input.channels as u128 * units as u128,
            _ => 0,
        };
        // Nobody needs more zeros around a map than this, and they take memory.
        let padded = match *self {
            Self::Conv2d { kernel, dilation, padding: Padding::Same, .. }
            | Self::DepthwiseConv2d { kernel, dilation, padding: Padding::Same, .. } => {
                let extent = extent(kernel, dilation).map(|axis| axis as u128);
                let channels = input.channels.max(output.channels) as u128;
                (input.height as u128 + extent[0])
                    .saturating_mul(input.width as u128 + extent[1])
                    .saturating_mul(channels)
            }
            _ => 0,
        };
        let counts: [(&'static str, u128); 4] = [
            ("weights", weights),
            ("inputs", values(input)),
            ("outputs", values(output)),
            ("values between its zeros", padded),
        ];
        match counts.into_iter().find(|(_, count)| *count > COUNT_MAX as u128) {
            Some((what, count)) => {
                Err(BuildError::TooLarge { layer: name.to_string(), count, what })
            }
            None => Ok(()),
        }
    }

    pub(super) fn output(&self, name: &str, input: Shape) -> Result<Shape, BuildError> {
        let positive = |setting: &'static str, values: &[usize]| match values.iter().min() {
            Some(0) => Err(BuildError::Setting {
                layer: name.to_string(),
                setting,
                value: "0".to_string(),
                expected: "a whole number of at least 1",
            }),
            _ => Ok(()),
        };
        match *self {
            Self::Conv2d { filters, kernel, stride, dilation, padding } => {
                positive("filters", &[filters])?;
                positive("kernel", &kernel)?;
                positive("stride", &stride)?;
                positive("dilation", &dilation)?;
                let window = extent(kernel, dilation);
                let (height, width) = slide(name, input, window, stride, padding)?;
                Ok(Shape::new(height, width, filters))
            }
            Self::DepthwiseConv2d { kernel, stride, dilation, padding } => {
                positive("kernel", &kernel)?;
                positive("stride", &stride)?;
                positive("dilation", &dilation)?;
                let window = extent(kernel, dilation);
                let (height, width) = slide(name, input, window, stride, padding)?;
                Ok(Shape::new(height, width, input.channels))
            }
            Self::BatchNorm { momentum, .. } if !(0.0..1.0).contains(&momentum) => {
                Err(BuildError::Setting {
                    layer: name.to_string(),
                    setting: "momentum",
                    value: momentum.to_string(),
                    expected: "at least 0 and less than 1",
                })
            }
            Self::BatchNorm { epsilon, .. } if !(epsilon > 0.0 && epsilon.is_finite()) => {
                Err(BuildError::Setting {
                    layer: name.to_string(),
                    setting: "epsilon",
                    value: epsilon.to_string(),
                    expected: "more than 0",
                })
            }
            Self::BatchNorm { .. } => Ok(input),
            Self::MaxPool2d { window, stride } | Self::AveragePool2d { window, stride } => {
                positive("window", &window)?;
                positive("stride", &stride)?;
                let (height, width) = slide(name, input, window, stride, Padding::Valid)?;
                Ok(Shape::new(height, width, input.channels))
            }
            Self::GlobalAveragePool2d => Ok(Shape::vector(input.channels)),
            Self::Dropout { rate } if !(0.0..1.0).contains(&rate) => Err(BuildError::Setting {
                layer: name.to_string(),
                setting: "rate",
                value: rate.to_string(),
                expected: "at least 0 and less than 1",
            }),
            Self::Dropout { .. } => Ok(input),
            Self::Flatten => Ok(Shape::vector(input.len())),
            Self::Series => Ok(Shape::new(input.height, 1, input.width * input.channels)),
            Self::Dense { .. } | Self::Activation(Activation::Softmax) if !input.is_vector() => {
                Err(BuildError::NeedsVector { layer: name.to_string(), input })
            }
            Self::Dense { units } => positive("units", &[units]).map(|()| Shape::vector(units)),
            Self::Activation(Activation::LeakyRelu { negative_slope })
                if !(0.0..1.0).contains(&negative_slope) =>
            {
                Err(BuildError::Setting {
                    layer: name.to_string(),
                    setting: "negative_slope",
                    value: negative_slope.to_string(),
                    expected: "at least 0 and less than 1",
                })
            }
            Self::Activation(_) | Self::Add => Ok(input),
        }
    }
}

/// Rows and columns of what a window writes that slides over `input`.
fn slide(
    name: &str,
    input: Shape,
    window: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Result<(usize, usize), BuildError> {
    let fits = window[0] <= input.height && window[1] <= input.width;
    match padding {
        Padding::Same => Ok((input.height.div_ceil(stride[0]), input.width.div_ceil(stride[1]))),
        Padding::Valid if fits => Ok((
            (input.height - window[0]) / stride[0] + 1,
            (input.width - window[1]) / stride[1] + 1,
        )),
        Padding::Valid => Err(BuildError::WindowTooLarge {
            layer: name.to_string(),
            window_height: window[0],
            window_width: window[1],
            input,
        }),
    }
}

/// Rows and columns from the first to the last pixel under a window.
pub fn extent(kernel: [usize; 2], dilation: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| (kernel[axis] - 1).saturating_mul(dilation[axis]).saturating_add(1))
}

impl Padding {
    /// Rows (or columns) of zeros before the first row of an input with so many.
    pub fn before(self, input: usize, window: usize, stride: usize) -> usize {
        match self {
            Self::Valid => 0,
            Self::Same => {
                let output = input.div_ceil(stride);
                ((output - 1) * stride).saturating_add(window).saturating_sub(input) / 2
            }
        }
    }
}
