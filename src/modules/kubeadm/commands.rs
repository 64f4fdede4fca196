use crate::kube::Version;

use super::options::Kubeadm;

/// kubeadm's arguments, put together from a task's options.
impl Kubeadm {
    pub(super) fn plan_arguments(&self, target: Option<&Version>) -> Vec<String> {
        let mut arguments = words(["upgrade", "plan"]);
        arguments.extend(target.map(Version::tag));
        self.add_common(&mut arguments);
        arguments
    }

    pub(super) fn diff_arguments(&self, target: Option<&Version>) -> Vec<String> {
        let mut arguments = words(["upgrade", "diff"]);
        arguments.extend(target.map(Version::tag));
        add(&mut arguments, "--config", self.config.as_deref());
        add(&mut arguments, "--kubeconfig", self.kubeconfig.as_deref());
        arguments
    }

    /// Never asks: `-y`, and the script closes standard input.
    pub(super) fn apply_arguments(&self, target: &Version, kubeadm: &Version) -> Vec<String> {
        let mut arguments = words(["upgrade", "apply"]);
        arguments.push(target.tag());
        arguments.push("-y".to_owned());
        if *self.force {
            arguments.push("--force".to_owned());
        }
        self.add_upgrade(&mut arguments, kubeadm);
        arguments
    }

    pub(super) fn node_arguments(&self, kubeadm: &Version) -> Vec<String> {
        let mut arguments = words(["upgrade", "node"]);
        self.add_upgrade(&mut arguments, kubeadm);
        arguments
    }

    fn add_upgrade(&self, arguments: &mut Vec<String>, kubeadm: &Version) {
        let flag = |flag: Option<crate::modules::args::Flag>| flag.map(|flag| flag.0.to_string());
        add(
            arguments,
            "--certificate-renewal",
            flag(self.certificate_renewal).as_deref(),
        );
        add(arguments, "--etcd-upgrade", flag(self.etcd_upgrade).as_deref());
        // The option lost its prefix in 1.22.
        let patches = if (kubeadm.major, kubeadm.minor) < (1, 22) {
            "--experimental-patches"
        } else {
            "--patches"
        };
        add(arguments, patches, self.patches.as_deref());
        self.add_common(arguments);
    }

    fn add_common(&self, arguments: &mut Vec<String>) {
        add(arguments, "--config", self.config.as_deref());
        let ignored = self.ignore_preflight_errors.join(",");
        add(arguments, "--ignore-preflight-errors", Some(ignored.as_str()));
        add(arguments, "--kubeconfig", self.kubeconfig.as_deref());
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(ToOwned::to_owned).to_vec()
}

fn add(arguments: &mut Vec<String>, option: &str, value: Option<&str>) {
    arguments.extend(
        value
            .filter(|value| !value.is_empty())
            .map(|value| format!("{option}={value}")),
    );
}
