#![no_main]
use std::sync::LazyLock;

use krun::vars::vault::{VaultPasswords, decrypt, is_encrypted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    static PASSWORDS: LazyLock<VaultPasswords> = LazyLock::new(|| {
        let mut passwords = VaultPasswords::default();
        passwords.add("default", "correct horse".into());
        passwords.add("prod", "other".into());
        passwords
    });
    let _ = is_encrypted(text);
    let _ = decrypt(text, &VaultPasswords::default()).map_err(|error| (error.to_string(), error.help()));
    let _ = decrypt(text, &PASSWORDS).map_err(|error| error.to_string());
});
