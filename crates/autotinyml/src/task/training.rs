//! From a configuration to a training recipe.

use std::ops::Range;

use autotinyml_nn::{
    Augmentation, ClassWeights, EarlyStopping, Monitor, Optimizer, Schedule, Shape, Training,
};
use autotinyml_search::{Configuration, Domain, Setting, Space};

use super::{Meaning, Positive, Rows, Share, Slot, Switch, is_text};
use crate::in_print::counted;

/// The training recipe before its hyperparameters are known.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingTemplate {
    /// Passes over the training samples.
    pub epochs: Slot<usize>,
    /// Samples per step.
    pub batch: Slot<usize>,
    /// What is changed in samples each time they are learned.
    pub augment: AugmentTemplate,
    /// Which, at Keras' defaults.
    pub optimizer: Slot<Optimizer>,
    /// Instead of the optimizer's default.
    pub learning_rate: Option<Slot<Positive>>,
    /// Of SGD; other optimizers have none.
    pub momentum: Option<Slot<Share>>,
    /// How the learning rate goes on.
    pub schedule: ScheduleTemplate,
    /// λ of the penalty on kernels.
    pub l2: Slot<Share>,
    /// Share of each label that is spread over all classes.
    pub label_smoothing: Slot<Share>,
    /// How much each class counts.
    pub class_weights: ClassWeightsTemplate,
    /// Longest gradient; None: any.
    pub clip_norm: Option<Slot<Positive>>,
    /// None: all epochs.
    pub early_stopping: Option<EarlyStoppingTemplate>,
}

/// See [`Augmentation`].
#[derive(Clone, Debug, PartialEq)]
pub struct AugmentTemplate {
    /// Rows and columns that a sample moves by at most.
    pub shift: [Slot<Rows>; 2],
    /// Whether every other sample is mirrored.
    pub mirror: Slot<Switch>,
    /// Deviation of a factor.
    pub scale: Slot<Share>,
    /// Deviation of what is added.
    pub noise: Slot<Share>,
    /// Rows and columns that are blotted out; None: so many rows of all columns.
    pub mask: (Slot<Rows>, Option<Slot<Rows>>),
    /// Where it stands in the study file, in bytes.
    pub place: Range<usize>,
}

/// See [`Schedule`].
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleTemplate {
    /// Which.
    pub kind: Slot<ScheduleKind>,
    /// Epochs between two steps down; there if the kind can be `Step`.
    pub every: Option<Slot<usize>>,
    /// What the rate is multiplied by at a step down.
    pub factor: Slot<Share>,
}

/// See [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScheduleKind {
    /// Always the same.
    Constant,
    /// Along half a cosine to 0.
    Cosine,
    /// Down from time to time.
    Step,
}

/// See [`ClassWeights`].
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeightsTemplate {
    /// By a rule.
    Rule(Slot<ClassWeighting>),
    /// Names of classes with their weights, and where they stand in the file, in bytes; the others weigh 1.
    PerClass(Vec<(String, Slot<Positive>)>, Range<usize>),
}

/// A rule for the weights of classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClassWeighting {
    /// All the same.
    Equal,
    /// The rarer, the more.
    Balanced,
}

/// See [`EarlyStopping`].
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStoppingTemplate {
    /// What has to get better.
    pub monitor: Slot<Monitor>,
    /// Epochs without a better one that end a training.
    pub patience: Slot<usize>,
    /// Share of the training samples that are put aside to tell.
    pub hold_out: f64,
    /// Where `early_stopping` stands in the file, in bytes.
    pub place: Range<usize>,
}

impl TrainingTemplate {
    /// Epochs of a full training, where they are the same in every configuration.
    pub fn fixed_epochs(&self) -> Option<usize> {
        match self.epochs {
            Slot::Fixed(epochs) => Some(epochs),
            Slot::Parameter(_) => None,
        }
    }

    /// Share of the training samples that tell when to stop, if any.
    pub fn hold_out(&self) -> Option<f64> {
        self.early_stopping.as_ref().map(|stopping| stopping.hold_out)
    }

    /// The first name of a class that the data does not have, and where it stands in the file.
    pub fn unknown_class(&self, classes: &[String]) -> Option<(&str, Range<usize>)> {
        let ClassWeightsTemplate::PerClass(weights, place) = &self.class_weights else {
            return None;
        };
        let unknown = weights.iter().find(|(name, _)| !classes.contains(name));
        unknown.map(|(name, _)| (name.as_str(), place.clone()))
    }

    /// The recipe of one configuration for data with these classes.
    pub fn fill(
        &self,
        space: &Space,
        configuration: &Configuration,
        classes: &[String],
    ) -> Training {
        let epochs = self.epochs.fill(space, configuration);
        Training {
            epochs,
            batch: self.batch.fill(space, configuration),
            augmentation: self.augment.fill(space, configuration),
            optimizer: self.optimizer(space, configuration),
            schedule: self.schedule.fill(space, configuration, epochs),
            l2: self.l2.fill(space, configuration).0,
            label_smoothing: self.label_smoothing.fill(space, configuration).0,
            class_weights: self.class_weights.fill(space, configuration, classes),
            clip_norm: self.clip_norm.as_ref().map(|norm| norm.fill(space, configuration).0),
            early_stopping: self.early_stopping.as_ref().map(|stopping| EarlyStopping {
                monitor: stopping.monitor.fill(space, configuration),
                patience: stopping.patience.fill(space, configuration),
            }),
        }
    }

    fn optimizer(&self, space: &Space, configuration: &Configuration) -> Optimizer {
        let mut optimizer = self.optimizer.fill(space, configuration);
        if let (Optimizer::Sgd { momentum, .. }, Some(given)) = (&mut optimizer, &self.momentum) {
            *momentum = given.fill(space, configuration).0;
        }
        match &self.learning_rate {
            Some(rate) => optimizer.with_learning_rate(rate.fill(space, configuration).0),
            None => optimizer,
        }
    }
}

impl Default for AugmentTemplate {
    /// Nothing is changed.
    fn default() -> Self {
        let (still, unchanged) = (Slot::Fixed(Rows(0)), Slot::Fixed(Share(0.0)));
        Self {
            shift: [still.clone(), still.clone()],
            mirror: Slot::Fixed(Switch(false)),
            scale: unchanged.clone(),
            noise: unchanged,
            mask: (still.clone(), Some(still)),
            place: 0..0,
        }
    }
}

impl AugmentTemplate {
    /// What can move or blot out more than a sample of this shape has, in print.
    pub fn excess(&self, space: &Space, shape: Shape) -> Option<String> {
        let most = |slot: &Slot<Rows>| match slot {
            Slot::Fixed(Rows(rows)) => *rows,
            Slot::Parameter(name) => {
                let parameter = space.parameters().iter().find(|parameter| parameter.name == *name);
                match parameter.map(|parameter| &parameter.domain) {
                    Some(Domain::Ordered(numbers)) => {
                        numbers.iter().fold(0.0_f64, |a, b| a.max(*b)) as usize
                    }
                    Some(Domain::Range { high, .. }) => *high as usize,
                    Some(Domain::Unordered(_)) | None => 0,
                }
            }
        };
        let [down, right] = &self.shift;
        let (rows, columns) = &self.mask;
        let Shape { height, width, .. } = shape;
        // A shift by all rows would leave nothing; a mask of all rows is a choice.
        [
            ("shift", Some(down), "row", height - 1, height),
            ("shift", Some(right), "column", width - 1, width),
            ("mask", Some(rows), "row", height, height),
            ("mask", columns.as_ref(), "column", width, width),
        ]
        .into_iter()
        .find_map(|(key, slot, what, allowed, there)| {
            let found = slot.map(most).filter(|&found| found > allowed)?;
            let (found, there) = (counted(found, what), counted(there, what));
            Some(format!(
                "`training.augment.{key}` can be {found}, but a sample of {shape} has {there}"
            ))
        })
    }

    fn fill(&self, space: &Space, configuration: &Configuration) -> Augmentation {
        let (rows, columns) = &self.mask;
        Augmentation {
            shift: self.shift.each_ref().map(|slot| slot.fill(space, configuration).0),
            mirror: self.mirror.fill(space, configuration).0,
            scale: self.scale.fill(space, configuration).0,
            noise: self.noise.fill(space, configuration).0,
            mask: [
                rows.fill(space, configuration).0,
                columns.as_ref().map_or(usize::MAX, |slot| slot.fill(space, configuration).0),
            ],
        }
    }
}

impl ScheduleTemplate {
    /// `epochs` are those of a full training: one with fewer is its beginning.
    fn fill(&self, space: &Space, configuration: &Configuration, epochs: usize) -> Schedule {
        match self.kind.fill(space, configuration) {
            ScheduleKind::Constant => Schedule::Constant,
            ScheduleKind::Cosine => Schedule::Cosine { epochs },
            ScheduleKind::Step => Schedule::Step {
                every: self.every.as_ref().map_or(epochs, |every| every.fill(space, configuration)),
                factor: self.factor.fill(space, configuration).0,
            },
        }
    }
}

impl ClassWeightsTemplate {
    fn fill(
        &self,
        space: &Space,
        configuration: &Configuration,
        classes: &[String],
    ) -> ClassWeights {
        let weights = match self {
            Self::Rule(rule) => {
                return match rule.fill(space, configuration) {
                    ClassWeighting::Equal => ClassWeights::Equal,
                    ClassWeighting::Balanced => ClassWeights::Balanced,
                };
            }
            Self::PerClass(weights, _) => weights,
        };
        let weight = |class: &String| {
            let given = weights.iter().find(|(name, _)| name == class);
            given.map_or(1.0, |(_, weight)| weight.fill(space, configuration).0)
        };
        ClassWeights::PerClass(classes.iter().map(weight).collect())
    }
}

impl Meaning for Optimizer {
    const EXPECTED: &'static str =
        "\"adam\", \"sgd\", \"rmsprop\", \"adagrad\", \"adadelta\" or \"adamax\"";

    fn of(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Text(text) => Self::from_name(text),
            Setting::Number(_) => None,
        }
    }
}

impl Meaning for ScheduleKind {
    const EXPECTED: &'static str = "\"constant\", \"cosine\" or \"step\"";

    fn of(setting: &Setting) -> Option<Self> {
        [("constant", Self::Constant), ("cosine", Self::Cosine), ("step", Self::Step)]
            .into_iter()
            .find_map(|(name, kind)| is_text(setting, name).then_some(kind))
    }
}

impl Meaning for ClassWeighting {
    const EXPECTED: &'static str =
        "\"equal\", \"balanced\", or a table of classes with their weights";

    fn of(setting: &Setting) -> Option<Self> {
        [("equal", Self::Equal), ("balanced", Self::Balanced)]
            .into_iter()
            .find_map(|(name, rule)| is_text(setting, name).then_some(rule))
    }
}

impl Meaning for Monitor {
    const EXPECTED: &'static str = "\"loss\" or \"accuracy\"";

    fn of(setting: &Setting) -> Option<Self> {
        [("loss", Self::ValidationLoss), ("accuracy", Self::ValidationAccuracy)]
            .into_iter()
            .find_map(|(name, monitor)| is_text(setting, name).then_some(monitor))
    }
}
