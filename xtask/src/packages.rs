//! The Debian packages that the tests need.

use std::process::{Command, Stdio};

/// A program that must be there, and the package that brings it.
const NEEDED: [(&str, &[&str]); 5] = [
    ("arm-none-eabi-gcc", &["gcc-arm-none-eabi", "libnewlib-arm-none-eabi"]),
    ("qemu-system-arm", &["qemu-system-arm"]),
    ("make", &["make"]),
    ("cmake", &["cmake"]),
    ("clang", &["clang"]),
];

/// Installs what is missing through apt if this user may; otherwise says what to type.
pub fn install_missing() -> Result<(), String> {
    let mut packages: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, _)| !runs(program, &["--version"]))
        .flat_map(|(_, packages)| packages.iter().copied())
        .collect();
    let newlib = "libnewlib-arm-none-eabi";
    if !packages.contains(&newlib) && !has_c_library() {
        packages.push(newlib);
    }
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    let shell = match (runs("apt-get", &["--version"]), is_root(), runs("sudo", &["-n", "true"])) {
        (true, true, _) => line.clone(),
        (true, false, true) => format!("sudo sh -c '{line}'"),
        _ => return Err(format!("the tests need these packages:\n\n    sudo sh -c '{line}'\n")),
    };
    eprintln!("xtask: {shell}");
    let mut command = Command::new("sh");
    command.args(["-c", &shell]).env("DEBIAN_FRONTEND", "noninteractive");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shell}` ended with {status}")),
        Err(error) => Err(format!("`{shell}` could not be started: {error}")),
    }
}

/// GCC prints the path of a library that it has, and the bare name of one that it lacks.
fn has_c_library() -> bool {
    let output = Command::new("arm-none-eabi-gcc").arg("-print-file-name=libc.a").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"/"))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let status =
        Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
