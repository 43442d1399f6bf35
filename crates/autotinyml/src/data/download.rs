//! Published files on the user's disk: fetched or copied, checked, and only then given their name.
//!
//! A file arrives as `NAME.partial`. What is there of it when a connection breaks is not asked for
//! again. `NAME` appears at once and whole, after its length and SHA-256 have been found right.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use ring::digest::{Context, SHA256};
use ureq::Agent;
use ureq::http::{StatusCode, header};

use super::published::PublishedFile;

/// How often a broken download is taken up again before the user is asked to.
const ATTEMPTS: u32 = 4;

/// A file that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The publisher does not answer, or not with the file.
    #[error(
        "{url}: {problem}: expected the file; try again later (what has arrived is kept), or get it \
         in another way and give its folder by --from"
    )]
    Publisher {
        /// What was asked for.
        url: String,
        /// What the answer was.
        problem: String,
    },
    /// What arrived is not what was published.
    #[error(
        "{}: {bytes} bytes with SHA-256 {sha256}: expected {} with {}; nothing was kept: the file was \
         altered on its way or at its source",
        .place, .file.bytes, .file.sha256
    )]
    Checksum {
        /// Where it came from.
        place: String,
        /// What should have come.
        file: Box<PublishedFile>,
        /// Length of what came.
        bytes: u64,
        /// SHA-256 of what came.
        sha256: String,
    },
    /// A file of that name is there, and another.
    #[error(
        "{} is there already and is not the published file: expected SHA-256 {expected}; move it away \
         or choose another folder by --out",
        .path.display()
    )]
    Another {
        /// Which.
        path: PathBuf,
        /// What it should be.
        expected: String,
    },
    /// `--from` names a folder without the file.
    #[error("{}: {error}: expected the folder to hold it or {other}", .path.display())]
    NotThere {
        /// The file looked for.
        path: PathBuf,
        /// The publisher's name for it.
        other: String,
        /// What the operating system says.
        error: io::Error,
    },
    /// The disk.
    #[error("{}: {error}", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// It was there.
    Already,
    /// It is there now.
    Now,
}

/// Puts a published file into `folder`, from another folder or from its publisher; `on_bytes` hears
/// how many bytes are there.
///
/// # Errors
/// Nothing is in `folder` then under the file's name that was not there before.
pub fn get(
    file: &PublishedFile,
    folder: &Path,
    from: Option<&Path>,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<Got, GetError> {
    let path = folder.join(&file.name);
    if path.exists() {
        let (_, sha256) = checksum(&path).map_err(disk(&path))?;
        return match sha256 == file.sha256 {
            true => Ok(Got::Already),
            false => Err(GetError::Another { path, expected: file.sha256.clone() }),
        };
    }
    let partial = folder.join(format!("{}.partial", file.name));
    let place = match from {
        Some(from) => copy(file, from, &partial, on_bytes)?,
        None => download(file, &partial, on_bytes)?,
    };
    let (bytes, sha256) = checksum(&partial).map_err(disk(&partial))?;
    if (bytes, &sha256) != (file.bytes, &file.sha256) {
        fs::remove_file(&partial).map_err(disk(&partial))?;
        return Err(GetError::Checksum { place, file: Box::new(file.clone()), bytes, sha256 });
    }
    fs::rename(&partial, &path).map_err(disk(&path))?;
    Ok(Got::Now)
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> GetError {
    let path = path.to_owned();
    move |error| GetError::Disk { path, error }
}

/// Length and SHA-256 of a file.
fn checksum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        context.update(&buffer[..length]);
        bytes += length as u64;
    }
    let hexadecimal = context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok((bytes, hexadecimal))
}

/// Copies a file that the user has, under our name or the publisher's.
fn copy(
    file: &PublishedFile,
    from: &Path,
    partial: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<String, GetError> {
    let other = file.url.rsplit('/').next().unwrap_or_default();
    let ours = from.join(&file.name);
    let source = match File::open(&ours) {
        Err(error) if error.kind() == ErrorKind::NotFound => File::open(from.join(other)),
        opened => opened,
    };
    let source = source.map_err(|error| {
        let other = other.to_string();
        GetError::NotThere { path: ours.clone(), other, error }
    })?;
    let mut target = File::create(partial).map_err(disk(partial))?;
    // One byte more than there should be is enough to tell.
    let copied = io::copy(&mut source.take(file.bytes + 1), &mut target).map_err(disk(partial))?;
    target.sync_all().map_err(disk(partial))?;
    on_bytes(copied);
    Ok(ours.display().to_string())
}

/// Fetches a file, or what is missing of it; takes a broken download up again.
fn download(
    file: &PublishedFile,
    partial: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<String, GetError> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .into();
    let mut problem = String::new();
    for attempt in 0..ATTEMPTS {
        sleep(Duration::from_millis(500) * attempt);
        match fetch(&agent, file, partial, on_bytes) {
            Ok(()) => return Ok(file.url.clone()),
            Err(Stopped::Forever(error)) => return Err(error),
            Err(Stopped::ForNow(what)) => problem = what,
        }
    }
    Err(GetError::Publisher { url: file.url.clone(), problem })
}

/// Why a request did not bring the whole file.
enum Stopped {
    /// Another one may.
    ForNow(String),
    /// No other will.
    Forever(GetError),
}

/// One request for what is missing.
fn fetch(
    agent: &Agent,
    file: &PublishedFile,
    partial: &Path,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<(), Stopped> {
    let on_disk = |error| Stopped::Forever(disk(partial)(error));
    let for_now = |error: ureq::Error| Stopped::ForNow(error.to_string());
    let mut have = fs::metadata(partial).map_or(0, |metadata| metadata.len());
    if have == file.bytes {
        return Ok(());
    }
    if have > file.bytes {
        fs::remove_file(partial).map_err(on_disk)?;
        have = 0;
    }
    let mut request = agent.get(&file.url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.call().map_err(for_now)?;
    let continues = response
        .headers()
        .get(header::CONTENT_RANGE)
        .and_then(|range| range.to_str().ok())
        .is_some_and(|range| range.starts_with(&format!("bytes {have}-")));
    let mut target = match response.status() {
        StatusCode::PARTIAL_CONTENT if continues => {
            OpenOptions::new().append(true).open(partial).map_err(on_disk)?
        }
        // A server that knows no ranges begins from the start.
        StatusCode::OK => {
            have = 0;
            File::create(partial).map_err(on_disk)?
        }
        StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
            fs::remove_file(partial).map_err(on_disk)?;
            return Err(Stopped::ForNow("it does not continue where the download broke".into()));
        }
        status => {
            let problem = format!("the answer is {status}");
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                return Err(Stopped::ForNow(problem));
            }
            let url = file.url.clone();
            return Err(Stopped::Forever(GetError::Publisher { url, problem }));
        }
    };
    // One byte more than there should be is enough to tell.
    let mut body = response.into_body().into_reader().take(file.bytes + 1 - have);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = match body.read(&mut buffer) {
            Ok(length) => length,
            Err(error) => return Err(Stopped::ForNow(format!("the connection broke ({error})"))),
        };
        if length == 0 {
            break;
        }
        target.write_all(&buffer[..length]).map_err(on_disk)?;
        have += length as u64;
        on_bytes(have);
    }
    target.sync_all().map_err(on_disk)?;
    if have < file.bytes {
        return Err(Stopped::ForNow(format!("only {have} of {} bytes came", file.bytes)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
