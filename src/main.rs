//! krun's binary: parse the arguments, run, exit with the code.

fn main() {
    std::process::exit(krun::cli::main());
}
