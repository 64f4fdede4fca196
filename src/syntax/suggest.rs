/// The known name that the user most likely meant, if one is near enough to say so.
pub fn closest<'a, I>(name: &str, known: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let wanted = plain(name);
    // One edit for every three characters: `servce` finds `service`, `foo` does not find `bar`.
    let allowed = (wanted.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_near_names_only() {
        let known = ["delegate_to", "become", "serial", "when"];
        assert_eq!(closest("delegate-to", known), Some("delegate_to"));
        assert_eq!(closest("becom", known), Some("become"));
        assert_eq!(closest("sreial", known), Some("serial"));
        assert_eq!(closest("until", known), None);
    }
}
