use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::thread::{JoinHandle, spawn};

use super::*;

/// How the server answers a request.
#[derive(Clone, Copy)]
enum Answer {
    /// What is asked for, in part if in part.
    Honest,
    /// The same, but the connection breaks after so many bytes.
    Broken(usize),
    /// All of it, whatever is asked for.
    Whole,
    /// No such file.
    Missing,
}

/// Answers one request after the other, then is gone. Gives its address, and in the end the ranges
/// that it was asked for.
fn serve(content: &'static [u8], answers: Vec<Answer>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/folder/original.bin", listener.local_addr().unwrap());
    let server = spawn(move || {
        let connections = answers.into_iter().map(|answer| (answer, listener.accept().unwrap().0));
        connections.map(|(answer, stream)| respond(stream, content, answer)).collect()
    });
    (url, server)
}

fn respond(mut stream: TcpStream, content: &[u8], answer: Answer) -> String {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = request.iter().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_string)
    });
    let start = match (&range, answer) {
        (Some(range), Answer::Honest | Answer::Broken(_)) => {
            range.trim_end_matches('-').parse().unwrap()
        }
        _ => 0,
    };
    let (status, more) = match (answer, start) {
        (Answer::Missing, _) => ("404 Not Found", String::new()),
        (_, 0) => ("200 OK", String::new()),
        _ => {
            let (last, length) = (content.len() - 1, content.len());
            ("206 Partial Content", format!("Content-Range: bytes {start}-{last}/{length}\r\n"))
        }
    };
    let body = &content[start..];
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
        body.len()
    );
    let sent = match answer {
        Answer::Broken(bytes) => &body[..bytes],
        _ => body,
    };
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(sent).unwrap();
    range.unwrap_or_default()
}

const CONTENT: &[u8] = b"0,1,2\n3,4,5\n";

/// What `sha256sum` says of it.
const SHA256_OF_CONTENT: &str = "238a5cd9d60ef3370fc70e3e30855d885423ff0f27464fa247a43f053de24ff5";

fn published(url: String) -> PublishedFile {
    let (name, sha256) = ("ours.csv".to_string(), SHA256_OF_CONTENT.to_string());
    PublishedFile { name, url, bytes: CONTENT.len() as u64, sha256 }
}

fn get_into(folder: &Path, url: String, from: Option<&Path>) -> Result<Got, GetError> {
    get(&published(url), folder, from, &mut |_| {})
}

/// Names and contents of a folder's files.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

fn whole() -> Vec<(String, Vec<u8>)> {
    vec![("ours.csv".to_string(), CONTENT.to_vec())]
}

#[test]
fn a_file_is_fetched_once() {
    let folder = tempfile::tempdir().unwrap();
    let (url, server) = serve(CONTENT, vec![Answer::Honest]);
    assert_eq!(get_into(folder.path(), url.clone(), None).unwrap(), Got::Now);
    assert_eq!(get_into(folder.path(), url, None).unwrap(), Got::Already);
    assert_eq!(files(folder.path()), whole());
    assert_eq!(server.join().unwrap(), [""]);
}

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let (url, server) = serve(CONTENT, vec![Answer::Broken(5), Answer::Broken(2), Answer::Honest]);
    assert_eq!(get_into(folder.path(), url, None).unwrap(), Got::Now);
    assert_eq!(files(folder.path()), whole());
    assert_eq!(server.join().unwrap(), ["", "5-", "7-"]);
}

#[test]
fn what_has_arrived_is_kept_for_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let (url, server) = serve(CONTENT, vec![Answer::Broken(1); 4]);
    let error = get_into(folder.path(), url, None).unwrap_err();
    assert!(matches!(error, GetError::Publisher { .. }), "{error}");
    assert_eq!(server.join().unwrap(), ["", "1-", "2-", "3-"]);
    assert_eq!(files(folder.path()), [("ours.csv.partial".to_string(), CONTENT[..4].to_vec())]);
    let (url, server) = serve(CONTENT, vec![Answer::Honest]);
    assert_eq!(get_into(folder.path(), url, None).unwrap(), Got::Now);
    assert_eq!(files(folder.path()), whole());
    assert_eq!(server.join().unwrap(), ["4-"]);
}

#[test]
fn a_server_without_ranges_begins_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (url, server) = serve(CONTENT, vec![Answer::Broken(5), Answer::Whole]);
    assert_eq!(get_into(folder.path(), url, None).unwrap(), Got::Now);
    assert_eq!(files(folder.path()), whole());
    assert_eq!(server.join().unwrap(), ["", "5-"]);
}

#[test]
fn another_content_is_refused_and_nothing_is_kept() {
    for content in [&b"0,1,2\n3,4,6\n"[..], b"0,1,2\n3,4,5\n6,7,8\n"] {
        let folder = tempfile::tempdir().unwrap();
        let (url, server) = serve(content, vec![Answer::Honest]);
        let error = get_into(folder.path(), url.clone(), None).unwrap_err();
        assert!(matches!(error, GetError::Checksum { .. }), "{error}");
        assert!(error.to_string().contains(&url) && error.to_string().contains(SHA256_OF_CONTENT));
        assert_eq!(files(folder.path()), []);
        server.join().unwrap();
    }
}

#[test]
fn a_partial_file_of_something_else_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ours.csv.partial"), b"9,9,9").unwrap();
    let (url, server) = serve(CONTENT, vec![Answer::Honest, Answer::Honest]);
    assert!(matches!(get_into(folder.path(), url.clone(), None), Err(GetError::Checksum { .. })));
    assert_eq!(files(folder.path()), []);
    assert_eq!(get_into(folder.path(), url, None).unwrap(), Got::Now);
    assert_eq!(server.join().unwrap(), ["5-", ""]);
}

#[test]
fn a_file_that_is_not_there_is_not_asked_for_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (url, server) = serve(CONTENT, vec![Answer::Missing]);
    let error = get_into(folder.path(), url, None).unwrap_err();
    assert!(error.to_string().contains("the answer is 404 Not Found"), "{error}");
    assert_eq!(files(folder.path()), []);
    server.join().unwrap();
}

#[test]
fn a_file_of_the_users_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ours.csv"), b"my own").unwrap();
    let error = get_into(folder.path(), "http://127.0.0.1:1/".into(), None).unwrap_err();
    assert!(matches!(error, GetError::Another { .. }), "{error}");
    assert_eq!(files(folder.path()), [("ours.csv".to_string(), b"my own".to_vec())]);
}

#[test]
fn a_copy_is_checked_like_a_download() {
    let from = tempfile::tempdir().unwrap();
    let url = || "https://publisher.example/folder/original.bin".to_string();
    let folder = tempfile::tempdir().unwrap();
    let error = get_into(folder.path(), url(), Some(from.path())).unwrap_err();
    assert!(matches!(error, GetError::NotThere { .. }), "{error}");
    fs::write(from.path().join("original.bin"), b"altered").unwrap();
    let error = get_into(folder.path(), url(), Some(from.path())).unwrap_err();
    assert!(matches!(error, GetError::Checksum { .. }), "{error}");
    assert_eq!(files(folder.path()), []);
    fs::write(from.path().join("original.bin"), CONTENT).unwrap();
    assert_eq!(get_into(folder.path(), url(), Some(from.path())).unwrap(), Got::Now);
    assert_eq!(files(folder.path()), whole());
}
