//! `[[network]]`: one table per layer, named after its kind, or per block of layers.

use std::ops::Range;

use autotinyml_nn::{Activation, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, NODES_MAX, Padding};
use autotinyml_search::Setting;

use super::section::{Entry, InputError, Section, nearest};
use super::space::Parameters;
use crate::task::{
    Content, LayerTemplate, Part, Positive, Repeats, Share, Slot, Switch, Template, When,
};

const KINDS: [&str; 14] = [
    "conv1d",
    "conv2d",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "batch_norm",
    "max_pool1d",
    "max_pool2d",
    "average_pool1d",
    "average_pool2d",
    "global_average_pool2d",
    "dropout",
    "flatten",
    "dense",
    "activation",
];

/// The activation that has a slope.
const LEAKY_RELU: &str = "leaky_relu";

/// Keys of a table beside its layer.
const KEYS: [&str; 5] = ["when", "repeat", "block", "residual", "shortcut"];

/// All layers, in order, and where the last one stands in the file.
pub fn template(
    root: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<(Template, Range<usize>), InputError> {
    let example =
        "[[network]] with dense = { units = \"classes\", activation = \"softmax\" } below";
    let network = root.required("network", example)?;
    let cure = "start each layer with a line [[network]]";
    let parts = parts(&network, cure, parameters)?;
    check_number(&network, &parts, parameters)?;
    let last = parts.last().map_or(0..0, |part| part.place.clone());
    Ok((Template { parts }, last))
}

/// Complains about a network that can have more layers than one may have.
fn check_number(
    network: &Entry<'_>,
    parts: &[Part],
    parameters: &Parameters<'_>,
) -> Result<(), InputError> {
    let counts: Vec<usize> = parts.iter().map(|part| layers_max(part, parameters)).collect();
    let all = counts.iter().fold(0_usize, |all, &count| all.saturating_add(count));
    let tables = network.list().unwrap_or_default();
    match tables.iter().zip(&counts).max_by_key(|(_, count)| **count) {
        Some((table, most)) if all > NODES_MAX => Err(table.complain(
            format!("`network` can have {all} layers, expected at most {NODES_MAX}"),
            format!("{most} of them"),
            "lower `repeat`, here and in the blocks inside: one multiplies the other",
        )),
        _ => Ok(()),
    }
}

/// Layers that a part has at most, with those that stand around its own.
fn layers_max(part: &Part, parameters: &Parameters<'_>) -> usize {
    let all = |parts: &[Part]| {
        let counts = parts.iter().map(|part| layers_max(part, parameters));
        counts.fold(0_usize, usize::saturating_add)
    };
    let content = match &part.content {
        Content::Layers(layers) => layers.len(),
        Content::Block(parts) => all(parts),
    };
    if content == 0 {
        return 0;
    }
    let added = usize::from(part.residual != Slot::Fixed(Switch(false)));
    let once = content.saturating_add(all(&part.shortcut)).saturating_add(added);
    once.saturating_mul(match &part.repeat {
        Slot::Fixed(Repeats(repeats)) => *repeats,
        Slot::Parameter(name) => parameters.largest(name) as usize,
    })
}

/// A list of tables, each with a layer or a block.
fn parts(
    list: &Entry<'_>,
    cure: &str,
    parameters: &Parameters<'_>,
) -> Result<Vec<Part>, InputError> {
    let tables = list.list().filter(|tables| !tables.is_empty());
    let tables = tables.ok_or_else(|| list.unexpected("a list of layers", cure))?;
    tables.iter().map(|table| part(table, parameters)).collect()
}

/// A table with a layer or a block, `when` it is there, how often, and what leads around it.
fn part(table: &Entry<'_>, parameters: &Parameters<'_>) -> Result<Part, InputError> {
    let section = table.section()?;
    let when = condition(&section, parameters)?;
    parameters.given(when.as_ref(), || {
        let repeat = parameters.or(&section, "repeat", Repeats(1))?;
        let is_there = match &repeat {
            Slot::Parameter(name) => parameters.equals(name, Setting::Number(0.0)),
            Slot::Fixed(_) => None,
        };
        let is_there = is_there.map(|never| When { negated: true, ..never });
        parameters.given(is_there.as_ref(), || {
            let content = match section.optional("block") {
                Some(block) => Content::Block(self::block(&block, &section, parameters)?),
                None => Content::Layers(single(table, &section, parameters)?),
            };
            let (residual, shortcut) = self::residual(&section, parameters)?;
            let (when, place) = (when.clone(), table.span());
            Ok(Part { content, when, repeat, residual, shortcut, place })
        })
    })
}

/// Layers that belong together.
fn block(
    block: &Entry<'_>,
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<Vec<Part>, InputError> {
    if let Some((_, layer)) = section.entries().find(|(key, _)| !KEYS.contains(key)) {
        return Err(layer.complain(
            "a layer beside a block in one [[network]] table",
            "belongs into the block, or elsewhere",
            "write it into the block, or start a new [[network]] for it",
        ));
    }
    let cure = "block = [{ conv1d = { filters = 8, kernel = 3 } }, { dropout = { rate = 0.1 } }]";
    parts(block, cure, parameters)
}

/// Whether what a table reads is added to what it writes, and what it goes through before that.
fn residual(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<(Slot<Switch>, Vec<Part>), InputError> {
    let residual = match section.optional("residual") {
        None => Slot::Fixed(Switch(false)),
        Some(entry) => parameters.switch(&entry)?,
    };
    let Some(shortcut) = section.optional("shortcut") else { return Ok((residual, vec![])) };
    let is_residual = match &residual {
        Slot::Fixed(Switch(false)) => {
            return Err(shortcut.complain(
                "a shortcut that leads nowhere",
                "without effect",
                "write residual = true beside it, so that it is added to the block's output",
            ));
        }
        Slot::Fixed(Switch(true)) => None,
        Slot::Parameter(name) => parameters.equals(name, Setting::Text("yes".to_string())),
    };
    let cure = "shortcut = [{ conv2d = { filters = 32, kernel = 1, stride = 2 } }]";
    let shortcut = parameters.given(is_residual.as_ref(), || parts(&shortcut, cure, parameters))?;
    Ok((residual, shortcut))
}

fn condition(
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<Option<When>, InputError> {
    section.optional("when").map(|when| parameters.condition(&when)).transpose()
}

/// The one layer of a table, with what belongs to it.
fn single(
    table: &Entry<'_>,
    section: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<Vec<LayerTemplate>, InputError> {
    let (kind, settings) = kind(table, section)?;
    let settings = settings.section()?;
    let layers = layer(kind, &settings, parameters)?;
    settings.finish()?;
    Ok(layers)
}

/// The one key of a `[[network]]` table that names its layer.
fn kind<'a>(
    table: &Entry<'a>,
    section: &Section<'a>,
) -> Result<(&'static str, Entry<'a>), InputError> {
    let all = KINDS.join(", ");
    let mut found = None;
    for (key, entry) in section.entries().filter(|(key, _)| !KEYS.contains(key)) {
        let Some(kind) = KINDS.into_iter().find(|kind| *kind == key) else {
            let nearest = nearest(key, KINDS.into_iter())
                .map_or(String::new(), |nearest| format!("did you mean `{nearest}`? "));
            return Err(entry.complain(
                format!("`{key}` is not a layer"),
                "unknown layer",
                format!("{nearest}layers: {all}"),
            ));
        };
        if found.replace((kind, entry.clone())).is_some() {
            return Err(entry.complain(
                "two layers in one [[network]] table",
                "the second one",
                "start a new [[network]] for each layer",
            ));
        }
    }
    found.ok_or_else(|| {
        table.complain(
            "a [[network]] table without a layer",
            "which one?",
            format!("name one of: {all}; for example flatten = {{}}"),
        )
    })
}

/// A layer with what its table says of it: before it a series, if it reads one, and behind it the
/// activation, if it has one.
fn layer(
    kind: &str,
    settings: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<Vec<LayerTemplate>, InputError> {
    if kind == "activation" {
        let function = settings.required("function", "function = \"relu\"")?;
        return Ok(vec![activation(&function, settings, parameters)?]);
    }
    let one_dimensional = kind.ends_with("1d").then_some(LayerTemplate::Series);
    let layer = match kind {
        "batch_norm" => LayerTemplate::BatchNorm {
            momentum: parameters.or(settings, "momentum", Share(BATCH_NORM_MOMENTUM))?,
            epsilon: parameters.or(settings, "epsilon", Positive(BATCH_NORM_EPSILON))?,
        },
        "global_average_pool2d" => LayerTemplate::GlobalAveragePool2d,
        "dropout" => LayerTemplate::Dropout {
            rate: parameters.slot(&settings.required("rate", "rate = 0.2")?)?,
        },
        "flatten" => LayerTemplate::Flatten,
        "dense" => {
            let example = "units = 16, or units = \"classes\" for the last layer";
            LayerTemplate::Dense { units: parameters.slot(&settings.required("units", example)?)? }
        }
        _ => window(kind, settings, parameters)?,
    };
    let function = match kind {
        "conv2d" | "conv1d" | "depthwise_conv2d" | "depthwise_conv1d" | "batch_norm" | "dense" => {
            settings.optional("activation")
        }
        _ => None,
    };
    let activation = function.map(|function| activation(&function, settings, parameters));
    Ok([one_dimensional, Some(layer), activation.transpose()?].into_iter().flatten().collect())
}

/// A layer whose window slides over a map; over a series, if its kind ends in 1d.
fn window(
    kind: &str,
    settings: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<LayerTemplate, InputError> {
    let axes = |entry: &Entry<'_>| match kind.strip_suffix("1d") {
        Some(_) => Ok([parameters.slot(entry)?, Slot::Fixed(1)]),
        None => pair(entry, parameters),
    };
    let or_one = |key: &str| match settings.optional(key) {
        Some(entry) => axes(&entry),
        None => Ok([Slot::Fixed(1), Slot::Fixed(1)]),
    };
    let size = |key: &str, example: &str| axes(&settings.required(key, example)?);
    let kernel = || size("kernel", "kernel = 3");
    let pool_window = || size("window", "window = 2");
    let pool_stride = || settings.optional("stride").map(|entry| axes(&entry)).transpose();
    let padding = || parameters.or(settings, "padding", Padding::Valid);
    Ok(match kind {
        "conv2d" | "conv1d" => LayerTemplate::Conv2d {
            filters: parameters.slot(&settings.required("filters", "filters = 16")?)?,
            kernel: kernel()?,
            stride: or_one("stride")?,
            dilation: or_one("dilation")?,
            padding: padding()?,
        },
        "depthwise_conv2d" | "depthwise_conv1d" => LayerTemplate::DepthwiseConv2d {
            kernel: kernel()?,
            stride: or_one("stride")?,
            dilation: or_one("dilation")?,
            padding: padding()?,
        },
        "max_pool2d" | "max_pool1d" => {
            LayerTemplate::MaxPool2d { window: pool_window()?, stride: pool_stride()? }
        }
        _ => LayerTemplate::AveragePool2d { window: pool_window()?, stride: pool_stride()? },
    })
}

/// An activation and, if it can be leaky ReLU, the slope of that.
fn activation(
    entry: &Entry<'_>,
    settings: &Section<'_>,
    parameters: &Parameters<'_>,
) -> Result<LayerTemplate, InputError> {
    let function = parameters.slot::<Activation>(entry)?;
    let slope = match (settings.optional("negative_slope"), parameters.can_be(entry, LEAKY_RELU)) {
        (None, _) => None,
        (Some(slope), None) => return Err(slope.without_effect(LEAKY_RELU, entry)),
        (Some(slope), Some(when)) => {
            Some(parameters.given(when.as_ref(), || parameters.slot(&slope))?)
        }
    };
    Ok(LayerTemplate::Activation { function, negative_slope: slope })
}

/// Rows and columns: one value for both, or a list of two.
fn pair(entry: &Entry<'_>, parameters: &Parameters<'_>) -> Result<[Slot<usize>; 2], InputError> {
    match entry.list().as_deref() {
        None => parameters.slot(entry).map(|slot| [slot.clone(), slot]),
        Some([rows, columns]) => Ok([parameters.slot(rows)?, parameters.slot(columns)?]),
        Some(_) => Err(entry
            .unexpected("a whole number, or a list of two", "[rows, columns], or one for both")),
    }
}
