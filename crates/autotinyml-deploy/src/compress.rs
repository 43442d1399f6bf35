//! Weight sharing: a kernel becomes a small codebook of floats and an index for each weight (Han, Mao
//! and Dally, Deep Compression, ICLR 2016, section 3; no fine-tuning). Which kernels do is told in
//! [`crate::sharing`].

use autotinyml_nn::{Model, Network, Weights};

use crate::codebook::share_weights;
use crate::compression::{Compression, IndexBits};
use crate::fold::fold;
use crate::sharing::{SharedKernel, shared_kernels};

/// A network with its weights as the C program stores them.
#[derive(Clone, Debug, PartialEq)]
pub struct CompressedModel {
    /// What is computed, without batch normalisations.
    pub network: Network,
    /// How it was compressed.
    pub compression: Compression,
    /// One entry for each node; `None` for nodes without weights.
    pub weights: Vec<Option<StoredWeights>>,
}

/// A layer's weights as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredWeights {
    /// In the order of [`Weights::kernel`].
    pub kernel: StoredKernel,
    /// Always floats.
    pub bias: Vec<f32>,
}

/// A kernel as stored.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredKernel {
    /// Each weight as it is.
    Float(Vec<f32>),
    /// Weight i is `codebook[indices[i]]`.
    Shared {
        /// Of an index, as stored.
        bits: IndexBits,
        /// Ascending; at most [`IndexBits::codebook_len`] entries, fewer where fewer do.
        codebook: Vec<f32>,
        /// One for each weight, not packed.
        indices: Vec<u8>,
    },
}

impl StoredKernel {
    /// Bits of the indices that the weights are. `None`: they are floats.
    pub fn index_bits(&self) -> Option<IndexBits> {
        match self {
            Self::Float(_) => None,
            Self::Shared { bits, .. } => Some(*bits),
        }
    }

    /// The weights that the C program computes with.
    pub fn values(&self) -> Vec<f32> {
        match self {
            Self::Float(values) => values.clone(),
            Self::Shared { codebook, indices, .. } => {
                indices.iter().map(|&index| codebook[usize::from(index)]).collect()
            }
        }
    }
}

/// Stores a trained network, its batch normalisations [folded](mod@crate::fold) away. The same model gives
/// the same bytes.
pub fn compress(model: &Model, compression: Compression) -> CompressedModel {
    let model = fold(model);
    let shared = shared_kernels(&model.network, compression);
    let store = |(node, weights): (usize, &Option<Weights>)| {
        let Weights { kernel, bias, .. } = weights.as_ref()?;
        let kernel = match shared.iter().find(|shared| shared.node == node) {
            Some(&SharedKernel { bits, .. }) => {
                let (codebook, indices) = share_weights(kernel, bits.codebook_len());
                StoredKernel::Shared { bits, codebook, indices }
            }
            None => StoredKernel::Float(kernel.clone()),
        };
        Some(StoredWeights { kernel, bias: bias.clone() })
    };
    let weights = model.weights.iter().enumerate().map(store).collect();
    CompressedModel { network: model.network.clone(), compression, weights }
}

impl CompressedModel {
    /// The model that the C program computes: every weight replaced by its codebook's entry.
    pub fn decompressed(&self) -> Model {
        let restore = |stored: &StoredWeights| Weights {
            kernel: stored.kernel.values(),
            bias: stored.bias.clone(),
            moving: None,
        };
        let weights = self.weights.iter().map(|stored| stored.as_ref().map(restore)).collect();
        Model { network: self.network.clone(), weights }
    }
}

#[cfg(test)]
mod tests {
    use autotinyml_nn::{Activation, Layer, Shape};

    use super::*;

    /// 300 → 40 → 5; only the first kernel is worth compressing.
    fn model() -> Model {
        let [first, second] = [40, 5].map(|units| Layer::Dense { units });
        let relu = Layer::Activation(Activation::Relu);
        let layers = [first, relu, second, Layer::Activation(Activation::Softmax)];
        let mut model = Model::initialise(Network::chain(Shape::vector(300), &layers).unwrap(), 7);
        for weights in model.weights.iter_mut().flatten() {
            weights.bias.iter_mut().enumerate().for_each(|(i, bias)| *bias = i as f32 * 0.1);
        }
        model
    }

    #[test]
    fn x1_keeps_every_bit() {
        let model = model();
        assert_eq!(compress(&model, Compression::X1).decompressed(), model);
    }

    #[test]
    fn only_the_layers_of_the_rule_change_and_no_bias_does() {
        let model = model();
        for compression in [Compression::X4, Compression::X8] {
            let restored = compress(&model, compression).decompressed();
            let differs = |node: &usize| restored.weights[*node] != model.weights[*node];
            assert_eq!((0..4).filter(differs).collect::<Vec<_>>(), [0], "{compression}");
            for (restored, original) in restored.weights.iter().zip(&model.weights) {
                let bias = |weights: &Option<Weights>| weights.as_ref().map(|w| w.bias.clone());
                assert_eq!(bias(restored), bias(original));
            }
        }
    }

    #[test]
    fn what_is_stored_takes_the_rom_that_was_counted() {
        for compression in Compression::ALL {
            let stored = compress(&model(), compression);
            let kernel_bytes = |kernel: &StoredKernel| match kernel {
                StoredKernel::Float(values) => values.len() * 4,
                StoredKernel::Shared { bits: IndexBits::Eight, codebook, indices } => {
                    codebook.len() * 4 + indices.len()
                }
                StoredKernel::Shared { bits: IndexBits::Four, codebook, indices } => {
                    codebook.len() * 4 + indices.len() / 2
                }
            };
            let layers = stored.weights.iter().flatten();
            let bytes: usize = layers.map(|w| kernel_bytes(&w.kernel) + w.bias.len() * 4).sum();
            assert_eq!(bytes, crate::st::account(&stored.network, compression).rom_bytes);
        }
    }

    #[test]
    fn indices_stay_in_the_codebook_and_more_entries_lose_less() {
        let model = model();
        let [x4, x8] = [Compression::X4, Compression::X8].map(|compression| {
            let stored = compress(&model, compression);
            let kernel = &stored.weights[0].as_ref().unwrap().kernel;
            let StoredKernel::Shared { bits, codebook, indices } = kernel else {
                panic!("is shared")
            };
            assert_eq!(codebook.len(), bits.codebook_len());
            assert!(codebook.is_sorted());
            assert!(indices.iter().all(|&index| usize::from(index) < codebook.len()));
            let original = &model.weights[0].as_ref().unwrap().kernel;
            let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
            original.iter().zip(&kernel.values()).map(square).sum::<f64>()
        });
        assert!(x4 > 0.0 && x4 < x8 / 100.0, "{x4} {x8}");
    }

    #[test]
    fn names_go_both_ways() {
        for compression in Compression::ALL {
            assert_eq!(compression.to_string().parse(), Ok(compression));
            let json = serde_json::to_string(&compression).unwrap();
            assert_eq!(json, format!("\"{compression}\""));
        }
        insta::assert_snapshot!("x2".parse::<Compression>().unwrap_err(), @r#"unknown compression "x2", expected "x1", "x4", "x8", "x4-all" or "x8-all""#);
    }
}
