#![no_main]
use krun::inventory::Pattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // `@FILE` reads a file, which is another matter.
    if text.contains('@') {
        return;
    }
    let (inventory, _) = krun_fuzz::inventory();
    for pattern in [Pattern::parse(text), Pattern::parse_limit(text)] {
        match pattern.and_then(|pattern| pattern.select(inventory)) {
            Ok(hosts) => assert!(hosts.iter().all(|host| inventory.contains(host)
                || host == "localhost"
                || host.starts_with("127.")
                || host == "::1")),
            Err(error) => drop((error.to_string(), error.help())),
        }
    }
});
