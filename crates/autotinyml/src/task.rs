//! From a configuration to what is trained: the study file's network and training recipe with every
//! `$name` filled in.

mod template;
mod training;

use autotinyml_nn::{Activation, Layer, Padding};
use autotinyml_search::{Configuration, Setting, Space};

pub use template::{Content, Part, Template, Unbuildable, When};
pub use training::{
    AugmentTemplate, ClassWeighting, ClassWeightsTemplate, EarlyStoppingTemplate, ScheduleKind,
    ScheduleTemplate, TrainingTemplate,
};

/// A value of the study file: written out, or the name of the hyperparameter that decides it.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot<T> {
    /// The same in every configuration.
    Fixed(T),
    /// `"$name"`: every setting of that hyperparameter was checked to mean a `T`.
    Parameter(String),
}

/// What a setting of the study file means in its place.
pub trait Meaning: Sized + Copy {
    /// What is expected there, in words.
    const EXPECTED: &'static str;

    /// None if the setting means nothing there.
    fn of(setting: &Setting) -> Option<Self>;
}

/// Units of a dense layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Units {
    /// So many.
    Count(usize),
    /// As many as the data has classes.
    Classes,
}

/// How often a part of the network is there: from 0 to 64 times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeats(pub usize);

/// A number of rows: from 0 to 65,536.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rows(pub usize);

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Switch(pub bool);

/// At least 0 and less than 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f32);

/// More than 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Positive(pub f32);

/// One layer of the study file.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerTemplate {
    /// See [`Layer::Conv2d`].
    Conv2d {
        /// Output channels.
        filters: Slot<usize>,
        /// Rows and columns of the window.
        kernel: [Slot<usize>; 2],
        /// Steps down and to the right.
        stride: [Slot<usize>; 2],
        /// Distances under the window.
        dilation: [Slot<usize>; 2],
        /// Beyond the edge.
        padding: Slot<Padding>,
    },
    /// See [`Layer::DepthwiseConv2d`].
    DepthwiseConv2d {
        /// Rows and columns of the window.
        kernel: [Slot<usize>; 2],
        /// Steps down and to the right.
        stride: [Slot<usize>; 2],
        /// Distances under the window.
        dilation: [Slot<usize>; 2],
        /// Beyond the edge.
        padding: Slot<Padding>,
    },
    /// See [`Layer::BatchNorm`].
    BatchNorm {
        /// What a moving average keeps at each step.
        momentum: Slot<Share>,
        /// Added to the variance.
        epsilon: Slot<Positive>,
    },
    /// See [`Layer::MaxPool2d`].
    MaxPool2d {
        /// Rows and columns of the window.
        window: [Slot<usize>; 2],
        /// Steps down and to the right; None: as the window.
        stride: Option<[Slot<usize>; 2]>,
    },
    /// See [`Layer::AveragePool2d`].
    AveragePool2d {
        /// Rows and columns of the window.
        window: [Slot<usize>; 2],
        /// Steps down and to the right; None: as the window.
        stride: Option<[Slot<usize>; 2]>,
    },
    /// See [`Layer::GlobalAveragePool2d`].
    GlobalAveragePool2d,
    /// See [`Layer::Dropout`].
    Dropout {
        /// Share of values dropped.
        rate: Slot<Share>,
    },
    /// See [`Layer::Flatten`].
    Flatten,
    /// See [`Layer::Series`]; nothing behind another one, since a series stays one.
    Series,
    /// See [`Layer::Dense`].
    Dense {
        /// Outputs.
        units: Slot<Units>,
    },
    /// See [`Layer::Activation`].
    Activation {
        /// Which.
        function: Slot<Activation>,
        /// Of leaky ReLU, where the function is that; None: its default.
        negative_slope: Option<Slot<Share>>,
    },
}

impl LayerTemplate {
    fn fill(&self, space: &Space, configuration: &Configuration, classes: usize) -> Layer {
        let pair = |pair: &[Slot<usize>; 2]| pair.each_ref().map(|s| s.fill(space, configuration));
        match self {
            Self::Conv2d { filters, kernel, stride, dilation, padding } => Layer::Conv2d {
                filters: filters.fill(space, configuration),
                kernel: pair(kernel),
                stride: pair(stride),
                dilation: pair(dilation),
                padding: padding.fill(space, configuration),
            },
            Self::DepthwiseConv2d { kernel, stride, dilation, padding } => Layer::DepthwiseConv2d {
                kernel: pair(kernel),
                stride: pair(stride),
                dilation: pair(dilation),
                padding: padding.fill(space, configuration),
            },
            Self::BatchNorm { momentum, epsilon } => Layer::BatchNorm {
                momentum: momentum.fill(space, configuration).0,
                epsilon: epsilon.fill(space, configuration).0,
            },
            Self::MaxPool2d { window, stride } => Layer::MaxPool2d {
                window: pair(window),
                stride: pair(stride.as_ref().unwrap_or(window)),
            },
            Self::AveragePool2d { window, stride } => Layer::AveragePool2d {
                window: pair(window),
                stride: pair(stride.as_ref().unwrap_or(window)),
            },
            Self::GlobalAveragePool2d => Layer::GlobalAveragePool2d,
            Self::Dropout { rate } => Layer::Dropout { rate: rate.fill(space, configuration).0 },
            Self::Flatten => Layer::Flatten,
            Self::Series => Layer::Series,
            Self::Dense { units } => Layer::Dense {
                units: match units.fill(space, configuration) {
                    Units::Count(units) => units,
                    Units::Classes => classes,
                },
            },
            Self::Activation { function, negative_slope } => {
                let mut activation = function.fill(space, configuration);
                if let (Activation::LeakyRelu { negative_slope }, Some(given)) =
                    (&mut activation, negative_slope)
                {
                    *negative_slope = given.fill(space, configuration).0;
                }
                Layer::Activation(activation)
            }
        }
    }
}

impl<T: Meaning> Slot<T> {
    fn fill(&self, space: &Space, configuration: &Configuration) -> T {
        match self {
            Self::Fixed(value) => *value,
            Self::Parameter(name) => space
                .setting(configuration, name)
                .and_then(|setting| T::of(&setting))
                .expect("the study file was checked: the parameter is active and means this"),
        }
    }
}

impl Meaning for usize {
    const EXPECTED: &'static str = "a whole number from 1 to 65,536";

    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Number(number)
                if (1.0..=65_536.0).contains(number) && number.fract() == 0.0 =>
            {
                Some(*number as usize)
            }
            _ => None,
        }
    }
}

impl Meaning for Repeats {
    const EXPECTED: &'static str = "a whole number from 0 to 64";

    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Number(number) if (0.0..=64.0).contains(number) && number.fract() == 0.0 => {
                Some(Self(*number as usize))
            }
            _ => None,
        }
    }
}

impl Meaning for Rows {
    const EXPECTED: &'static str = "a whole number from 0 to 65,536";

    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Number(0.0) => Some(Self(0)),
            _ => usize::of(setting).map(Self),
        }
    }
}

impl Meaning for Switch {
    const EXPECTED: &'static str = "true or false, of a hyperparameter \"yes\" or \"no\"";

    fn of(setting: &Setting) -> Option<Self> {
        [("yes", Self(true)), ("no", Self(false))]
            .into_iter()
            .find_map(|(name, switch)| is_text(setting, name).then_some(switch))
    }
}

impl Meaning for Share {
    const EXPECTED: &'static str = "a number from 0 to less than 1";

    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            // As the trainer will have it: near 1 it may round to 1.
            Setting::Number(number) if (0.0..1.0).contains(&(*number as f32)) => {
                Some(Self(*number as f32))
            }
            _ => None,
        }
    }
}

impl Meaning for Positive {
    const EXPECTED: &'static str = "a number of more than 0 and at most 3.4e38";

    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            // As the trainer will have it: it may round to 0 or to infinity.
            Setting::Number(number) => {
                Some(*number as f32).filter(|number| *number > 0.0 && number.is_finite()).map(Self)
            }
            _ => None,
        }
    }
}

impl Meaning for Units {
    const EXPECTED: &'static str = "a whole number from 1 to 65,536, or \"classes\"";

    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Text(text) if text == "classes" => Some(Self::Classes),
            _ => usize::of(setting).map(Self::Count),
        }
    }
}

impl Meaning for Activation {
    const EXPECTED: &'static str = "\"relu\", \"relu6\", \"leaky_relu\", \"hard_swish\", \
                                    \"sigmoid\", \"selu\", \"tanh\" or \"softmax\"";

    fn of(setting: &Setting) -> Option<Self> {
        Self::ALL.into_iter().find(|activation| is_text(setting, activation.name()))
    }
}

impl Meaning for Padding {
    const EXPECTED: &'static str = "\"valid\" or \"same\"";

    fn of(setting: &Setting) -> Option<Self> {
        [("valid", Self::Valid), ("same", Self::Same)]
            .into_iter()
            .find_map(|(name, padding)| is_text(setting, name).then_some(padding))
    }
}

fn is_text(setting: &Setting, name: &str) -> bool {
    matches!(setting, Setting::Text(text) if text == name)
}
