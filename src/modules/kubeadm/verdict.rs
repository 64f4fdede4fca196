use crate::connection::Output;
use crate::kube::Version;

/// How a `kubeadm upgrade apply` or `kubeadm upgrade node` ended, read from its exit status and its words together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It says so in its own words, with the version where it names one.
    Succeeded(Option<Version>),
    /// It exited with 0 but did not say that it succeeded.
    Silent,
    /// The cluster could not run the job that kubeadm tries it with; nothing was changed, and trying again is right.
    HealthCheckFailed(String),
    /// It failed, and put back what it had changed.
    RolledBack(String),
    /// It failed.
    Failed(String),
}

/// kubeadm's words for having put back what was there before.
const ROLLED_BACK: [&str; 4] = [
    "recover everything into the earlier state",
    "rolled the state back",
    "was rolled back",
    "rolled back to the previous",
];

impl Verdict {
    pub(super) fn of(output: &Output) -> Self {
        let stdout = output.stdout_text();
        if output.success() {
            return stdout.lines().rev().find_map(success).unwrap_or(Self::Silent);
        }
        let stderr = output.stderr_text();
        let reason = reason(&stderr, &stdout);
        let said = |words: &str| stderr.contains(words) || stdout.contains(words);
        if ROLLED_BACK.iter().any(|words| said(words)) {
            Self::RolledBack(reason)
        } else if said("[ERROR CreateJob]") {
            Self::HealthCheckFailed(reason)
        } else {
            Self::Failed(reason)
        }
    }
}

/// The success that a line tells of, if it does.
///
/// Up to 1.31: `SUCCESS! Your cluster was upgraded to "v1.28.2". Enjoy!`; later `SUCCESS! A control plane node of your
/// cluster was upgraded to "v1.32.0".`; `upgrade node` says that the node's configuration was successfully updated, or
/// upgraded.
fn success(line: &str) -> Option<Verdict> {
    if let Some((_, rest)) = line.split_once("SUCCESS!") {
        let version = rest.split('"').nth(1).and_then(|version| version.parse().ok());
        return Some(Verdict::Succeeded(version));
    }
    let is_node = line.contains("configuration for this node was successfully");
    is_node.then_some(Verdict::Succeeded(None))
}

/// The error in what kubeadm printed, without its log lines and its hint at a stack trace.
fn reason(stderr: &str, stdout: &str) -> String {
    let lines: Vec<_> = stderr.lines().filter(|line| is_told(line)).collect();
    if lines.is_empty() {
        return stdout
            .lines()
            .rev()
            .find(|line| is_told(line))
            .unwrap_or_default()
            .trim()
            .to_owned();
    }
    lines.join("\n").trim().to_owned()
}

fn is_told(line: &str) -> bool {
    !line.trim().is_empty() && !is_log_line(line) && !line.starts_with("To see the stack trace")
}

/// `W1123 11:20:51.123456   1234 configset.go:348] …`
fn is_log_line(line: &str) -> bool {
    let mut characters = line.chars();
    matches!(characters.next(), Some('I' | 'W'))
        && characters.by_ref().take(4).filter(char::is_ascii_digit).count() == 4
        && characters.next() == Some(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn output(status: i32, stdout: &str, stderr: &str) -> Output {
        Output {
            status,
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    #[rstest]
    #[case(
        "[upgrade/successful] SUCCESS! Your cluster was upgraded to \"v1.28.2\". Enjoy!\n\n[upgrade/kubelet] Now that …",
        Some("1.28.2")
    )]
    #[case(
        "[upgrade] SUCCESS! A control plane node of your cluster was upgraded to \"v1.32.1\".\n",
        Some("1.32.1")
    )]
    #[case("[upgrade] The configuration for this node was successfully updated!\n", None)]
    #[case(
        "[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!\n",
        None
    )]
    fn words_of_success(#[case] stdout: &str, #[case] version: Option<&str>) {
        let version = version.map(|text| text.parse().unwrap());
        assert_eq!(Verdict::of(&output(0, stdout, "")), Verdict::Succeeded(version));
    }

    #[test]
    fn an_exit_status_of_0_alone_is_not_enough() {
        assert_eq!(
            Verdict::of(&output(0, "[upgrade/version] You have chosen …\n", "")),
            Verdict::Silent
        );
    }

    #[test]
    fn failures_are_told_apart() {
        let log = "W1123 11:20:51.123456    1234 configset.go:348] warning\n";
        let hint = "To see the stack trace of this error execute with --v=5 or higher\n";
        let job = "[preflight] Some fatal errors occurred:\n\t[ERROR CreateJob]: Job \"upgrade-health-check\" in the \
                   namespace \"kube-system\" did not complete in 15s: no condition of type Complete\n";
        let Verdict::HealthCheckFailed(reason) = Verdict::of(&output(1, "", &format!("{log}{job}{hint}"))) else {
            panic!("the job failed")
        };
        assert!(
            reason.starts_with("[preflight] Some fatal") && reason.ends_with("type Complete"),
            "{reason}"
        );

        let back = "[upgrade/apply] FATAL: couldn't upgrade control plane. kubeadm has tried to recover everything \
                    into the earlier state. Errors faced: timed out\n";
        assert!(matches!(Verdict::of(&output(1, "", back)), Verdict::RolledBack(_)));
        assert_eq!(
            Verdict::of(&output(1, "", "couldn't parse config\n")),
            Verdict::Failed("couldn't parse config".to_owned())
        );
        assert_eq!(
            Verdict::of(&output(137, "last words\n", "")),
            Verdict::Failed("last words".to_owned())
        );
    }
}
