//! Reading TOML with its places: every complaint names the file, the line, what stands there, what
//! was expected and the cure.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;

use autotinyml_search::Setting;
use miette::{Diagnostic, NamedSource, SourceSpan};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A file that the user wrote and that cannot be used as it is.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub struct InputError(Box<Complaint>);

#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
struct Complaint {
    message: String,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("{label}")]
    place: SourceSpan,
    label: String,
    #[help]
    help: String,
}

/// The text of a file, to point into.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Path as the user gave it.
    pub name: String,
    /// Content.
    pub text: String,
}

impl SourceText {
    /// A complaint about a place in this file.
    pub fn complain(
        &self,
        place: Range<usize>,
        message: impl Display,
        label: impl Display,
        help: impl Display,
    ) -> InputError {
        InputError(Box::new(Complaint {
            message: message.to_string(),
            source_code: NamedSource::new(&self.name, self.text.clone()).with_language("TOML"),
            place: place.into(),
            label: label.to_string(),
            help: help.to_string(),
        }))
    }

    /// Parses the file as TOML.
    pub fn parse(&self) -> Result<Spanned<DeTable<'_>>, InputError> {
        DeTable::parse(&self.text).map_err(|error| {
            self.complain(
                error.span().unwrap_or(0..0),
                format!("not valid TOML: {}", error.message()),
                "here",
                "TOML is explained at https://toml.io; strings need quotes: \"relu\"",
            )
        })
    }
}

/// A table of the file; remembers which keys were asked for, so that [`Section::finish`] can name
/// those that nobody knows.
pub struct Section<'a> {
    source: &'a SourceText,
    path: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    known: RefCell<Vec<String>>,
}

impl<'a> Section<'a> {
    /// The file's outermost table.
    pub fn root(source: &'a SourceText, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            source,
            path: String::new(),
            table: table.get_ref(),
            span: 0..0,
            known: RefCell::default(),
        }
    }

    /// Where the table stands in the file, in bytes.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// A complaint about the table as a whole.
    pub fn complain(
        &self,
        message: impl Display,
        label: impl Display,
        help: impl Display,
    ) -> InputError {
        self.source.complain(self.span(), message, label, help)
    }

    /// A key that may be missing.
    pub fn optional(&self, key: &str) -> Option<Entry<'a>> {
        self.known.borrow_mut().push(key.to_string());
        self.entries().find(|(name, _)| *name == key).map(|(_, entry)| entry)
    }

    /// A key that must be there; `example` is a line that would do.
    pub fn required(&self, key: &str, example: &str) -> Result<Entry<'a>, InputError> {
        self.optional(key).ok_or_else(|| {
            if let Some((word, entry)) = self.misspelt(key) {
                return self.unknown(word, &entry, format!("did you mean `{key}`?"));
            }
            let message = if self.path.is_empty() {
                format!("`{key}` is missing")
            } else {
                format!("`{key}` is missing in [{}]", self.path)
            };
            self.complain(message, "belongs here", format!("add for example: {example}"))
        })
    }

    /// All keys with their values, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Entry<'a>)> + '_ {
        self.table.iter().map(|(key, value)| {
            let path = match self.path.as_str() {
                "" => key.get_ref().to_string(),
                path => format!("{path}.{}", key.get_ref()),
            };
            let entry = Entry { source: self.source, path, key_span: key.span(), value };
            (key.get_ref().as_ref(), entry)
        })
    }

    /// Complains about the first key that was never asked for.
    pub fn finish(&self) -> Result<(), InputError> {
        let known = self.known.borrow();
        let Some((key, entry)) =
            self.entries().find(|(key, _)| !known.iter().any(|known| known == key))
        else {
            return Ok(());
        };
        let nearest = nearest(key, known.iter().map(String::as_str))
            .map_or(String::new(), |nearest| format!("did you mean `{nearest}`? "));
        Err(self.unknown(key, &entry, format!("{nearest}known here: {}", known.join(", "))))
    }

    /// A key like `key` that nobody has asked for yet.
    fn misspelt(&self, key: &str) -> Option<(&'a str, Entry<'a>)> {
        let known = self.known.borrow();
        self.entries().find(|(word, _)| {
            !known.iter().any(|known| known == word) && nearest(word, [key].into_iter()).is_some()
        })
    }

    fn unknown(&self, key: &str, entry: &Entry<'a>, help: String) -> InputError {
        let place = match self.path.as_str() {
            "" => "a study file".to_string(),
            path => format!("[{path}]"),
        };
        let message = format!("`{key}` is not a key of {place}");
        self.source.complain(entry.key_span.clone(), message, "unknown key", help)
    }
}

/// The candidate most like `word`, if any is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A value of the file in its place.
#[derive(Clone)]
pub struct Entry<'a> {
    source: &'a SourceText,
    /// Dotted path of the key: `data.window`.
    pub path: String,
    key_span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Entry<'a> {
    /// Where the value stands in the file, in bytes.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// "`data.window` is "ten", expected …", with the cure.
    pub fn unexpected(&self, expected: impl Display, help: impl Display) -> InputError {
        let found = match self.value.get_ref() {
            DeValue::Array(_) => "a list".to_string(),
            DeValue::Table(_) => "a table".to_string(),
            _ => self.source.text[self.value.span()].to_string(),
        };
        self.complain(
            format!("`{}` is {found}, expected {expected}", self.path),
            "this value",
            help,
        )
    }

    /// Any other complaint about this value.
    pub fn complain(
        &self,
        message: impl Display,
        label: impl Display,
        help: impl Display,
    ) -> InputError {
        self.source.complain(self.value.span(), message, label, help)
    }

    /// A setting that is of use only where `other` is the text `of`, which it never is.
    pub fn without_effect(&self, of: &str, other: &Self) -> InputError {
        self.complain(
            format!("`{}` is for \"{of}\", which `{}` never is", self.path, other.path),
            "without effect",
            format!("leave it out, or let `{}` be \"{of}\"", other.path),
        )
    }

    /// A string.
    pub fn text(&self) -> Result<&'a str, InputError> {
        self.value
            .get_ref()
            .as_str()
            .ok_or_else(|| self.unexpected("text", "put it in quotes: \"…\""))
    }

    /// A finite number, whole or not.
    pub fn number(&self) -> Result<f64, InputError> {
        match self.setting() {
            Some(Setting::Number(number)) => Ok(number),
            _ => Err(self.unexpected("a number", "write it without quotes")),
        }
    }

    /// A whole number of at least `least`.
    pub fn whole_number(&self, least: u64) -> Result<u64, InputError> {
        let wanted = || {
            let expected = format!("a whole number of at least {least}");
            self.unexpected(expected, "write it without quotes or decimal point")
        };
        let DeValue::Integer(integer) = self.value.get_ref() else { return Err(wanted()) };
        u64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|number| *number >= least)
            .ok_or_else(wanted)
    }

    /// true or false.
    pub fn truth(&self) -> Result<bool, InputError> {
        let truth = self.value.get_ref().as_bool();
        truth.ok_or_else(|| self.unexpected("true or false", "write it without quotes"))
    }

    /// A number or text, as a hyperparameter may take it.
    pub fn setting(&self) -> Option<Setting> {
        let number = match self.value.get_ref() {
            DeValue::String(text) => return Some(Setting::Text(text.to_string())),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok()? as f64
            }
            DeValue::Float(float) => float.as_str().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(Setting::Number(number))
    }

    /// A table.
    pub fn section(&self) -> Result<Section<'a>, InputError> {
        let table = self.value.get_ref().as_table().ok_or_else(|| {
            self.unexpected("a table", format!("write [{0}], or {0} = {{ … }}", self.path))
        })?;
        Ok(Section {
            source: self.source,
            path: self.path.clone(),
            table,
            span: self.value.span(),
            known: RefCell::default(),
        })
    }

    /// The elements, if the value is a list.
    pub fn list(&self) -> Option<Vec<Entry<'a>>> {
        let list: &DeArray = self.value.get_ref().as_array()?;
        let entry = |value| Entry {
            source: self.source,
            path: self.path.clone(),
            key_span: self.key_span.clone(),
            value,
        };
        Some(list.iter().map(entry).collect())
    }

    /// The value's `$name`, if it is one.
    pub fn parameter(&self) -> Option<&'a str> {
        self.value.get_ref().as_str()?.strip_prefix('$')
    }
}
