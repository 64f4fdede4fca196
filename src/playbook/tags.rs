/// Which tasks `--tags` and `--skip-tags` choose.
#[derive(Clone, Debug, Default)]
pub struct TagSelection {
    /// `--tags`; empty means `all`.
    pub only: Vec<String>,
    /// `--skip-tags`
    pub skip: Vec<String>,
}

impl TagSelection {
    /// Whether a task with these tags is run. Skipping wins; `always` runs unless it is skipped by name; `never` runs
    /// only when it or another of the task's tags was asked for by name.
    pub fn selects(&self, tags: &[String]) -> bool {
        let has = |tag: &str| tags.iter().any(|own| own == tag);
        let asked = |list: &[String], word: &str| list.iter().any(|entry| entry == word);
        let named = |list: &[String]| tags.iter().any(|tag| list.contains(tag));
        let only_all = self.only.is_empty() || asked(&self.only, "all");

        let wanted = named(&self.only)
            || has("always")
            || (only_all && !has("never"))
            || (asked(&self.only, "tagged") && !tags.is_empty() && !has("never"))
            || (asked(&self.only, "untagged") && tags.is_empty());
        if !wanted {
            return false;
        }
        let skipped = named(&self.skip)
            || (asked(&self.skip, "all") && (!has("always") || asked(&self.skip, "always")))
            || (asked(&self.skip, "tagged") && !tags.is_empty())
            || (asked(&self.skip, "untagged") && tags.is_empty());
        !skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", "", "", true)]
    #[case("a", "", "a,b", true)]
    #[case("a", "", "b", false)]
    #[case("a", "", "", false)]
    #[case("a", "", "always", true)]
    #[case("", "always", "always", false)]
    #[case("", "", "never", false)]
    #[case("x", "", "never,x", true)]
    #[case("never", "", "never", true)]
    #[case("all", "", "never,x", false)]
    #[case("tagged", "", "x", true)]
    #[case("tagged", "", "", false)]
    #[case("untagged", "", "", true)]
    #[case("a", "a", "a", false)]
    #[case("", "all", "always", true)]
    #[case("", "tagged", "a", false)]
    fn as_ansible_chooses(#[case] only: &str, #[case] skip: &str, #[case] tags: &str, #[case] expected: bool) {
        let list = |text: &str| {
            text.split(',')
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let selection = TagSelection {
            only: list(only),
            skip: list(skip),
        };
        assert_eq!(selection.selects(&list(tags)), expected);
    }
}
