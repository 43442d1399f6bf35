//! The network of a study file before its hyperparameters are known, and after.

use std::mem;
use std::ops::Range;

use autotinyml_nn::{Activation, BuildError, Layer, NODES_MAX, Network, Shape, Source};
use autotinyml_search::{Configuration, Setting, Space};

use super::{LayerTemplate, Repeats, Slot, Switch, Units};

/// Layers that are there in some configurations only.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// The hyperparameter that decides.
    pub parameter: String,
    /// Its settings that keep the layer (or, if `negated`, drop it).
    pub is: Vec<Setting>,
    /// `!=` instead of `==`.
    pub negated: bool,
}

/// Layers that come and go together.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What is there, if it is.
    pub content: Content,
    /// Without it, none of it is there.
    pub when: Option<When>,
    /// All of it in order, so many times.
    pub repeat: Slot<Repeats>,
    /// Whether what it reads is added to what it writes, each time that it is there.
    pub residual: Slot<Switch>,
    /// What that goes through before it is added.
    pub shortcut: Vec<Part>,
    /// Where it stands in the file, in bytes.
    pub place: Range<usize>,
}

/// What a part is made of, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A layer of the file, with what belongs to it.
    Layers(Vec<LayerTemplate>),
    /// Other parts.
    Block(Vec<Part>),
}

/// The network of a study file before its hyperparameters are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// In order.
    pub parts: Vec<Part>,
}

/// A configuration whose layers cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unbuildable {
    /// Why.
    pub reason: BuildError,
    /// Where the part of the layer that does not fit stands in the file, in bytes.
    pub place: Range<usize>,
}

impl Template {
    /// Whether it ends, in every configuration, in a softmax over the data's classes.
    pub fn chooses_a_class(&self) -> bool {
        let mut tail = vec![];
        unconditional_tail(&self.parts, &mut tail);
        matches!(
            tail[..],
            [
                LayerTemplate::Activation { function: Slot::Fixed(Activation::Softmax), .. },
                LayerTemplate::Dense { units: Slot::Fixed(Units::Classes) },
                ..
            ]
        )
    }

    /// The network of one configuration.
    ///
    /// # Errors
    /// The layers cannot be put together: an outcome of the trial, not a mistake of the user.
    pub fn network(
        &self,
        space: &Space,
        configuration: &Configuration,
        input: Shape,
        classes: usize,
    ) -> Result<Network, Unbuildable> {
        let here = End { source: Source::Input, is_series: false };
        let (layers, places) = (vec![], vec![]);
        let mut assembly = Assembly { space, configuration, classes, layers, places, here };
        assembly.parts(&self.parts);
        let Assembly { layers, places, .. } = assembly;
        Network::graph(input, &layers).map_err(|reason| {
            let names = Network::names(&layers);
            let index = names.iter().position(|name| Some(name.as_str()) == reason.layer());
            let place = index.map_or(places.last(), |index| places.get(index));
            Unbuildable { reason, place: place.cloned().unwrap_or(0..0) }
        })
    }
}

/// The layers that are there in every configuration, from the last one back; whether all are.
fn unconditional_tail<'a>(parts: &'a [Part], tail: &mut Vec<&'a LayerTemplate>) -> bool {
    parts.iter().rev().all(|part| {
        let always = part.when.is_none()
            && part.repeat == Slot::Fixed(Repeats(1))
            && part.residual == Slot::Fixed(Switch(false));
        always
            && match &part.content {
                Content::Layers(layers) => {
                    tail.extend(layers.iter().rev());
                    true
                }
                Content::Block(parts) => unconditional_tail(parts, tail),
            }
    })
}

/// A network in the making.
struct Assembly<'a> {
    space: &'a Space,
    configuration: &'a Configuration,
    classes: usize,
    /// In order, each with what it reads.
    layers: Vec<(Layer, Vec<Source>)>,
    /// Where the part of each layer stands in the file, in bytes.
    places: Vec<Range<usize>>,
    /// What the next layer reads.
    here: End,
}

/// The end of what is assembled.
#[derive(Clone, Copy)]
struct End {
    source: Source,
    /// A series stays one.
    is_series: bool,
}

impl Assembly<'_> {
    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            if part.when.as_ref().is_some_and(|when| !when.holds(self.space, self.configuration)) {
                continue;
            }
            let Repeats(repeats) = part.repeat.fill(self.space, self.configuration);
            for _ in 0..repeats {
                let layers = self.layers.len();
                self.part(part);
                // Nothing comes of a part without layers, nor of more than a network may have.
                if self.layers.len() == layers || self.layers.len() > NODES_MAX {
                    break;
                }
            }
        }
    }

    fn part(&mut self, part: &Part) {
        let Switch(residual) = part.residual.fill(self.space, self.configuration);
        let (start, layers) = (self.here, self.layers.len());
        self.content(part);
        if !residual || self.layers.len() == layers {
            return;
        }
        if self.here.is_series && !start.is_series {
            // What the part reads has to be a series before it is added to one.
            self.layers.truncate(layers);
            self.places.truncate(layers);
            self.here = start;
            self.push(Layer::Series, vec![start.source], part);
            return self.part(part);
        }
        let end = mem::replace(&mut self.here, start);
        self.parts(&part.shortcut);
        let shortcut = mem::replace(&mut self.here, end);
        self.push(Layer::Add, vec![end.source, shortcut.source], part);
    }

    fn content(&mut self, part: &Part) {
        match &part.content {
            Content::Block(parts) => self.parts(parts),
            Content::Layers(layers) => {
                for layer in layers {
                    let layer = layer.fill(self.space, self.configuration, self.classes);
                    if layer != Layer::Series || !self.here.is_series {
                        self.push(layer, vec![self.here.source], part);
                    }
                }
            }
        }
    }

    fn push(&mut self, layer: Layer, inputs: Vec<Source>, part: &Part) {
        self.here.source = Source::Node(self.layers.len());
        self.here.is_series |= layer == Layer::Series;
        self.layers.push((layer, inputs));
        self.places.push(part.place.clone());
    }
}

impl When {
    /// Whether it holds where its hyperparameter is there and has this setting.
    pub fn allows(&self, setting: &Setting) -> bool {
        self.is.contains(setting) != self.negated
    }

    fn holds(&self, space: &Space, configuration: &Configuration) -> bool {
        let setting = space.setting(configuration, &self.parameter);
        setting.is_some_and(|setting| self.allows(&setting))
    }
}
