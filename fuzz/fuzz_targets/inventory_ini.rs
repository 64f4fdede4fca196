#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| krun_fuzz::inventory_file("inventory.ini", text));
