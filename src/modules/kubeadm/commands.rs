//! kubeadm's arguments, and the configuration that it needs from 1.31 on, put together from a task's options for the
//! kubeadm that is on the node.

use serde_json::{Map, Value, json};

use crate::kube::Version;
use crate::modules::Failure;
use crate::modules::args::Flag;

use super::options::Kubeadm;

/// How kubeadm is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) arguments: Vec<String>,
    /// A configuration that goes into a file beside it; empty: none.
    pub(super) configuration: String,
}

/// The minor from which kubeadm reads an `UpgradeConfiguration`, and takes no other flags beside `--config`.
const UPGRADE_CONFIGURATION: u64 = 31;

impl Kubeadm {
    pub(super) fn plan_arguments(&self, target: Option<&Version>) -> Vec<String> {
        let mut arguments = words(["upgrade", "plan"]);
        arguments.extend(target.map(Version::tag));
        add(&mut arguments, "--config", self.config.as_deref());
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
    ///
    /// # Errors
    /// This kubeadm knows no such option; the failure tells the way out.
    pub(super) fn apply_call(&self, target: &Version, kubeadm: &Version, kinds: &[String]) -> Result<Call, Failure> {
        let mut arguments = words(["upgrade", "apply"]);
        arguments.push(target.tag());
        arguments.push("-y".to_owned());
        self.call(arguments, "apply", kubeadm, kinds)
    }

    /// # Errors
    /// As [`Kubeadm::apply_call`].
    pub(super) fn node_call(&self, kubeadm: &Version, kinds: &[String]) -> Result<Call, Failure> {
        self.call(words(["upgrade", "node"]), "node", kubeadm, kinds)
    }

    fn call(
        &self,
        mut arguments: Vec<String>,
        verb: &'static str,
        kubeadm: &Version,
        kinds: &[String],
    ) -> Result<Call, Failure> {
        self.check_known(verb, kubeadm, kinds)?;
        let is_new = kubeadm.minor >= UPGRADE_CONFIGURATION;
        let mut configuration = String::new();
        if let Some(config) = self.config.as_deref().filter(|config| !config.is_empty()) {
            if is_new {
                self.check_beside_config(verb, kubeadm)?;
            } else {
                self.add_flags(&mut arguments, kubeadm);
            }
            add(&mut arguments, "--config", Some(config));
            self.add_common(&mut arguments);
        } else if self.needs_configuration() {
            configuration = self.upgrade_configuration(verb, &arguments);
            add(&mut arguments, "--kubeconfig", self.kubeconfig.as_deref());
        } else {
            self.add_flags(&mut arguments, kubeadm);
            self.add_common(&mut arguments);
        }
        Ok(Call {
            arguments,
            configuration,
        })
    }

    /// Something is asked for that no flag says.
    fn needs_configuration(&self) -> bool {
        !self.timeouts.is_empty() || self.image_pull_policy.is_some() || self.image_pull_serial.is_some()
    }

    /// Refuses what this kubeadm would not know, or take and ignore.
    fn check_known(&self, verb: &str, kubeadm: &Version, kinds: &[String]) -> Result<(), Failure> {
        let minor = kubeadm.minor;
        let refuse = |what: &str, way_out: &str| {
            Err(Failure::new(format!("kubeadm {kubeadm} {what}; nothing was started")).help(way_out))
        };
        let has = |kind: &str| kinds.iter().any(|known| known == kind);
        if self.patches.as_deref().is_some_and(|patches| !patches.is_empty()) && minor < 19 {
            return refuse(
                "cannot patch manifests (`patches`): that came with 1.19",
                "leave `patches` out for this version, and edit the manifests after it",
            );
        }
        let first = if verb == "apply" { 32 } else { 18 };
        if !self.skip_phases.is_empty() && minor < first {
            return refuse(
                &format!("cannot leave out phases of `upgrade {verb}` (`skip_phases`): that came with 1.{first}"),
                "leave `skip_phases` out for this version",
            );
        }
        if verb == "node" && !self.ignore_preflight_errors.is_empty() && minor < 18 {
            return refuse(
                "has no checks before `upgrade node` (`ignore_preflight_errors`): they came with 1.18",
                "leave `ignore_preflight_errors` out for this version",
            );
        }
        if self.needs_configuration() && minor < UPGRADE_CONFIGURATION {
            return refuse(
                "takes no `timeouts`, `image_pull_policy` and `image_pull_serial`: they came with the \
                 UpgradeConfiguration of 1.31",
                "leave them out for this version",
            );
        }
        if self.config.as_deref().is_none_or(str::is_empty) {
            return Ok(());
        }
        if minor < UPGRADE_CONFIGURATION {
            if verb == "node" {
                return refuse(
                    "takes no configuration for `upgrade node` (`config`): that came with 1.31",
                    "leave `config` out for this version; the node takes the cluster's configuration",
                );
            }
            if has("UpgradeConfiguration") && !has("ClusterConfiguration") {
                return refuse(
                    "knows no UpgradeConfiguration, which is in the file that `config` names: that came with 1.31",
                    "say the same with the task's own options, or leave `config` out for this version",
                );
            }
        } else if !kinds.is_empty() && !has("UpgradeConfiguration") {
            return refuse(
                &format!(
                    "reads only an UpgradeConfiguration, and the file that `config` names holds {}, which it would ignore",
                    kinds.join(" and ")
                ),
                "from 1.31 on the cluster's configuration is changed in the ConfigMap kubeadm-config before the upgrade: \
                 `action: configure`, or `kubectl -n kube-system edit configmap kubeadm-config`; then leave `config` out",
            );
        }
        if self.needs_configuration() {
            return refuse(
                "takes one configuration only: `config` names one, and `timeouts`, `image_pull_policy` or \
                 `image_pull_serial` need another",
                "write them into the file that `config` names",
            );
        }
        Ok(())
    }

    /// From 1.31 on flags and `--config` do not go together. What says the same as no flag at all is left out; the
    /// rest belongs into the file.
    fn check_beside_config(&self, verb: &str, kubeadm: &Version) -> Result<(), Failure> {
        let is_off = |flag: Option<Flag>| flag.is_some_and(|flag| !flag.0);
        let is_given = [
            (
                "certificate_renewal",
                "certificateRenewal",
                is_off(self.certificate_renewal),
            ),
            ("etcd_upgrade", "etcdUpgrade", is_off(self.etcd_upgrade)),
            ("force", "forceUpgrade", verb == "apply" && *self.force),
            (
                "patches",
                "patches.directory",
                self.patches.as_deref().is_some_and(|patches| !patches.is_empty()),
            ),
        ];
        let given: Vec<_> = is_given.iter().filter(|(_, _, given)| *given).collect();
        if given.is_empty() {
            return Ok(());
        }
        let options: Vec<_> = given.iter().map(|(option, _, _)| format!("`{option}`")).collect();
        let fields: Vec<_> = given.iter().map(|(_, field, _)| format!("{verb}.{field}")).collect();
        Err(Failure::new(format!(
            "kubeadm {kubeadm} takes no {} beside a configuration file (`config`); nothing was started",
            options.join(", ")
        ))
        .help(format!(
            "write {} into that file, or leave `config` out and say it with the task's options",
            fields.join(", ")
        )))
    }

    fn add_flags(&self, arguments: &mut Vec<String>, kubeadm: &Version) {
        if *self.force && arguments.iter().any(|word| word == "apply") {
            arguments.push("--force".to_owned());
        }
        let flag = |flag: Option<Flag>| flag.map(|flag| flag.0.to_string());
        add(
            arguments,
            "--certificate-renewal",
            flag(self.certificate_renewal).as_deref(),
        );
        add(arguments, "--etcd-upgrade", flag(self.etcd_upgrade).as_deref());
        // The option lost its prefix in 1.22.
        let patches = if kubeadm.minor < 22 {
            "--experimental-patches"
        } else {
            "--patches"
        };
        add(arguments, patches, self.patches.as_deref());
        add(arguments, "--skip-phases", Some(&self.skip_phases.join(",")));
    }

    /// What goes with `--config` in every version.
    fn add_common(&self, arguments: &mut Vec<String>) {
        let ignored = self.ignore_preflight_errors.join(",");
        add(arguments, "--ignore-preflight-errors", Some(ignored.as_str()));
        add(arguments, "--kubeconfig", self.kubeconfig.as_deref());
    }

    /// All of the task's options as a configuration; JSON is YAML.
    fn upgrade_configuration(&self, verb: &str, arguments: &[String]) -> String {
        let mut step = Map::new();
        let mut set = |name: &str, value: Option<Value>| step.extend(value.map(|value| (name.to_owned(), value)));
        let list = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        let flag = |flag: Option<Flag>| flag.map(|flag| json!(flag.0));
        if verb == "apply" {
            set("kubernetesVersion", arguments.get(2).map(|version| json!(version)));
            set("forceUpgrade", self.force.then(|| json!(true)));
        }
        set("certificateRenewal", flag(self.certificate_renewal));
        set("etcdUpgrade", flag(self.etcd_upgrade));
        set("ignorePreflightErrors", list(&self.ignore_preflight_errors));
        set("skipPhases", list(&self.skip_phases));
        let patches = self.patches.as_deref().filter(|patches| !patches.is_empty());
        set("patches", patches.map(|folder| json!({"directory": folder})));
        set("imagePullPolicy", self.image_pull_policy.map(|policy| json!(policy)));
        set("imagePullSerial", flag(self.image_pull_serial));
        let mut configuration = json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "UpgradeConfiguration",
            verb: step,
        });
        if !self.timeouts.is_empty() {
            configuration["timeouts"] = self.timeouts.fields();
        }
        configuration.to_string()
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

#[cfg(test)]
mod tests;
