//! The binary: hands over to the library, which says how the process ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    partctl::cli::main()
}
