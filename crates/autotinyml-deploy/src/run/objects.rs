//! Objects of files that do not change from network to network (kernels, start-up code), compiled once
//! for as long as anyone keeps them. What an object was made of tells it: compiler, options, the file and
//! the headers that it includes.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::error::DeployError;

/// Compiled objects, in a folder that is removed when nobody keeps it any more.
#[derive(Debug)]
pub struct SharedObjects {
    folder: TempDir,
}

/// Those of this process, while anyone keeps them.
static SHARED: Mutex<Weak<SharedObjects>> = Mutex::new(Weak::new());

impl SharedObjects {
    /// Those of this process. Programs that are built while this is kept share them.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn keep() -> Result<Arc<Self>, DeployError> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = shared.upgrade() {
            return Ok(kept);
        }
        let made = Arc::new(Self { folder: super::temporary_folder()? });
        *shared = Arc::downgrade(&made);
        Ok(made)
    }

    /// Where the object of a `source` is, or is to be, when compiled so; headers in quotes are looked for
    /// beside the file that includes them and in the folders of `includes`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn place(
        &self,
        compiler: &Path,
        options: &[&str],
        source: &Path,
        includes: &[PathBuf],
    ) -> Result<PathBuf, DeployError> {
        let mut hasher = DefaultHasher::new();
        (compiler, options).hash(&mut hasher);
        let mut files = vec![source.to_path_buf()];
        let mut next = 0;
        while let Some(file) = files.get(next).cloned() {
            let text = fs::read_to_string(&file)
                .map_err(|source| DeployError::File { path: file.clone(), source })?;
            text.hash(&mut hasher);
            for name in included(&text) {
                let folders =
                    file.parent().into_iter().chain(includes.iter().map(PathBuf::as_path));
                let header = folders.map(|folder| folder.join(name)).find(|path| path.exists());
                files.extend(header.filter(|header| !files.contains(header)));
            }
            next += 1;
        }
        Ok(self.folder.path().join(format!("{:016x}.o", hasher.finish())))
    }

    /// Puts a compiled object in its place.
    ///
    /// # Errors
    /// It cannot be moved there.
    pub fn put(&self, object: &Path, place: &Path) -> Result<(), DeployError> {
        // In one step: another thread may put the same there at the same time.
        let beside = tempfile::NamedTempFile::new_in(self.folder.path())
            .map_err(|source| DeployError::File { path: place.to_path_buf(), source })?;
        fs::copy(object, beside.path())
            .map_err(|source| DeployError::File { path: object.to_path_buf(), source })?;
        beside.persist(place).map_err(|error| DeployError::File {
            path: place.to_path_buf(),
            source: error.error,
        })?;
        Ok(())
    }
}

/// Names of headers in quotes.
fn included(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let name = line.trim_start().strip_prefix("#include")?.trim_start().strip_prefix('"')?;
        name.split('"').next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_tells_compiler_options_file_and_headers_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let objects = SharedObjects::keep().unwrap();
        let source = file("a.c", "#include <math.h>\n#include \"a.h\"\n");
        file("a.h", "#include \"deep.h\"\n");
        file("deep.h", "int deep;\n");
        let place = |compiler: &str, options: &[&str]| {
            objects.place(Path::new(compiler), options, &source, &[]).unwrap()
        };
        let first = place("cc", &["-O3"]);
        assert_eq!(first, place("cc", &["-O3"]));
        let others = [place("gcc", &["-O3"]), place("cc", &["-O2"]), {
            file("deep.h", "long deep;\n");
            place("cc", &["-O3"])
        }];
        assert!(others.iter().all(|other| *other != first), "{others:?}");
        file("deep.h", "int deep;\n");
        assert_eq!(first, place("cc", &["-O3"]));
    }

    #[test]
    fn nothing_is_left_when_nobody_keeps_it() {
        let objects = Arc::new(SharedObjects { folder: crate::run::temporary_folder().unwrap() });
        let folder = objects.folder.path().to_path_buf();
        let object = tempfile::NamedTempFile::new().unwrap();
        fs::write(object.path(), "object").unwrap();
        objects.put(object.path(), &folder.join("1.o")).unwrap();
        objects.put(object.path(), &folder.join("1.o")).unwrap();
        assert_eq!(fs::read_to_string(folder.join("1.o")).unwrap(), "object");
        drop(objects);
        assert!(!folder.exists());
    }
}
