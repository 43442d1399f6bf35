//! What `--out` names, before anything is written there.

use std::path::Path;

use super::Failure;

/// Refuses a folder where a command would replace files that are not its own: it holds some of what
/// the command writes, but not the files that tell it from a folder of the user's.
///
/// # Errors
/// [`Failure::Usage`] with the files in the way, also if `folder` is a file.
pub fn refuse_occupied(folder: &Path, written: &[&str], its_mark: &str) -> Result<(), Failure> {
    let usage = |message: String, help: String| Err(Failure::Usage { message, help });
    if folder.exists() && !folder.is_dir() {
        let help = "choose a folder, there already or not, by --out".into();
        return usage(format!("{} is not a folder", folder.display()), help);
    }
    let there: Vec<&str> =
        written.iter().copied().filter(|name| folder.join(name).exists()).collect();
    if there.is_empty() || folder.join(its_mark).exists() {
        return Ok(());
    }
    let there = there.join(", ");
    let message = format!(
        "{} holds {there}, but no {its_mark}: files of something else would be replaced",
        folder.display()
    );
    usage(message, format!("choose another folder by --out, or move {there} away"))
}
