//! Published data sets that can be fetched: `published.toml`, read at build time.

use std::sync::LazyLock;

use serde::Deserialize;

/// A data set and where its publisher keeps it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// What `data get` calls it.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Under which terms it may be used.
    pub license: String,
    /// Whom to cite.
    pub citation: String,
    /// Who publishes it, or whose copy this is.
    pub source: String,
    /// What to write in `[data]` of a study, beside `path`.
    pub study: String,
    /// All of it.
    pub files: Vec<PublishedFile>,
}

/// A file of a published data set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFile {
    /// What it is called here, so that a reader knows it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Catalogue {
    set: Vec<Published>,
}

impl Published {
    /// All sets.
    pub fn catalogue() -> &'static [Self] {
        static SETS: LazyLock<Vec<Published>> = LazyLock::new(|| {
            let catalogue: Catalogue =
                toml::from_str(include_str!("published.toml")).expect("its test reads it");
            catalogue.set
        });
        &SETS
    }

    /// Length of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_can_be_told_apart_and_checked() {
        let sets = Published::catalogue();
        let mut names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
        assert!(names.contains(&"uiwad") && names.contains(&"fashion-mnist"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), sets.len());
        for file in sets.iter().flat_map(|set| &set.files) {
            assert!(file.url.starts_with("https://"), "{}", file.url);
            assert_eq!(file.sha256.len(), 64);
            assert!(file.sha256.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
            assert!(file.bytes > 0 && !file.name.contains('/'));
        }
    }
}
