//! The `.csv` files that a path stands for.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use super::DataError;

/// What a folder of CSV files may look like, in print.
const LAYOUTS: &str = "a folder with one .csv file per class, or with one folder of .csv files per \
                       class";

/// What says which class a file's rows are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classes {
    /// A column.
    Column,
    /// The file's name.
    File,
    /// The name of the file's folder.
    Folder,
}

/// One file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvFile {
    /// Where.
    pub path: PathBuf,
    /// Name without ending.
    pub stem: String,
    /// Name of the folder that stands for its class ([`Classes::Folder`]).
    pub folder: Option<String>,
}

impl CsvFile {
    fn new(path: PathBuf, folder: Option<&str>) -> Self {
        Self { stem: stem(&path), path, folder: folder.map(str::to_string) }
    }

    /// For lists in print.
    pub fn name(&self) -> String {
        match &self.folder {
            Some(folder) => format!("{folder}/{}", self.stem),
            None => self.stem.clone(),
        }
    }
}

/// The files below `path`, in natural order (2 before 10): a single file or those of a folder if a
/// column has the labels; else those of a folder, or of the folders in it.
///
/// # Errors
/// There is nothing at `path`, or no `.csv` file.
pub fn csv_files(path: &Path, has_label: bool) -> Result<(Vec<CsvFile>, Classes), DataError> {
    let expected = if has_label { "a .csv file or a folder of them" } else { LAYOUTS };
    let kind = fs::metadata(path).map_err(|error| DataError::unreadable(path, &error, expected))?;
    if kind.is_file() && has_label {
        return Ok((vec![CsvFile::new(path.to_owned(), None)], Classes::Column));
    }
    if !kind.is_dir() {
        let cure = "name the folder, or the column with the classes by `label`";
        return Err(DataError::new(path, "is not a folder", expected, cure));
    }
    let (files, folders) = entries(path)?;
    if !files.is_empty() {
        let classes = if has_label { Classes::Column } else { Classes::File };
        return Ok((files.into_iter().map(|file| CsvFile::new(file, None)).collect(), classes));
    }
    let mut found = vec![];
    for folder in folders.iter().filter(|_| !has_label) {
        let name = file_name(folder);
        let (files, _) = entries(folder)?;
        found.extend(files.into_iter().map(|file| CsvFile::new(file, Some(&name))));
    }
    if found.is_empty() {
        let cure = "name another folder by `path` or --data, with files that end in .csv";
        return Err(DataError::new(path, "holds no .csv file", expected, cure));
    }
    Ok((found, Classes::Folder))
}

/// Whether a file of that name is a part of a whole, rather than a class.
pub fn is_part_of_a_split(name: &str) -> bool {
    const PARTS: [&str; 9] =
        ["train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"];
    PARTS.contains(&name.to_lowercase().as_str())
}

/// The `.csv` files and the folders in a folder, without hidden ones, in natural order.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let unreadable = |error| DataError::unreadable(folder, &error, "a folder that can be read");
    let (mut files, mut folders) = (vec![], vec![]);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_csv =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if file_name(&path).starts_with('.') {
        } else if path.is_dir() {
            folders.push(path);
        } else if is_csv && path.is_file() {
            files.push(path);
        }
    }
    files.sort_by(|a, b| natural_order(&stem(a), &stem(b)));
    folders.sort_by(|a, b| natural_order(&file_name(a), &file_name(b)));
    Ok((files, folders))
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Compares runs of digits by their value and everything else as text: `p2 < p10`, `9 < a`.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let key = |text: &str| -> Vec<(bool, Option<u128>, String)> {
        let is_digit = |c: char| c.is_ascii_digit();
        let chars: Vec<char> = text.chars().collect();
        chars
            .chunk_by(|&left, &right| is_digit(left) == is_digit(right))
            .map(|run| run.iter().collect::<String>())
            .map(|run| (run.parse::<u128>().is_err(), run.parse().ok(), run))
            .collect()
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_counts_in_names() {
        let mut names = ["p10", "p2", "p2b", "p", "10", "9", "a", "09"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["09", "9", "10", "a", "p", "p2", "p2b", "p10"]);
    }
}
