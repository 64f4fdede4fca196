use super::Failure;

/// A word that nobody can guess, for names of temporary files.
pub(crate) fn random_word() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("this machine gives no random bytes: {error}")))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
