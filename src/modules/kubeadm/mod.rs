//! `kubeadm`: the steps of a cluster's upgrade that kubeadm takes, each only where it is still to be taken.

mod commands;
mod configure;
mod options;
mod state;
#[cfg(test)]
mod tests;
mod upgrade;
mod verdict;

use serde_json::{Value, json};

use crate::connection::{Output, Request, Script};
use crate::kube::{UpgradePlan, Version};

use super::{ArgumentError, Context, Failure, Module, Outcome, State};
use options::Action;
pub use options::Kubeadm;
use state::NodeState;
use upgrade::Step;

const QUERY: Script = Script {
    name: "kubeadm/query",
    text: include_str!("query.sh"),
};

const RUN: Script = Script {
    name: "kubeadm/run",
    text: include_str!("run.sh"),
};

const FINISH: Script = Script {
    name: "kubeadm/finish",
    text: concat!(include_str!("finish.sh"), include_str!("query.sh")),
};

const CONFIG: Script = Script {
    name: "kubeadm/config",
    text: include_str!("config.sh"),
};

/// Where Kubernetes' files are on a node, in the order of query.sh's parameters.
const KUBERNETES: &str = "/etc/kubernetes";
const KUBELET: &str = "/var/lib/kubelet";

/// What krun last began with kubeadm on a node, and whether it saw it end.
const RECORD: &str = "/var/lib/krun/kubeadm/upgrade";

/// What is to be done.
pub enum Work {
    /// kubeadm is started.
    Upgrade(Step),
    /// The cluster's kubeadm-config becomes this object.
    Configure(Value),
}

impl Module for Kubeadm {
    const NAME: &'static str = "kubeadm";
    const EXAMPLE: &'static str = "\
- name: The first control plane goes to the new version
  kubeadm:
    action: apply
    version: 1.28.2
- name: All other nodes follow
  kubeadm:
    action: node
    version: 1.28.2
- name: Images come from the mirror from the next upgrade on
  kubeadm:
    action: configure
    image_repository: registry.example.org/kubernetes
- name: What could be upgraded
  kubeadm:
    action: plan
  register: plan
";

    type Plan = Work;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.action == Action::Apply && self.version.is_none() {
            return Err(ArgumentError::option(
                "version",
                "`action: apply` needs the `version` to upgrade to",
            ));
        }
        let is_configure = self.action == Action::Configure;
        let changes = self.image_repository.is_some() || !self.drop_feature_gates.is_empty();
        if is_configure && !changes {
            return Err(ArgumentError::option(
                "action",
                "`action: configure` needs something to change: `image_repository` or `drop_feature_gates`",
            ));
        }
        let upgrades = matches!(self.action, Action::Apply | Action::Node);
        let misplaced = [
            (
                "image_repository",
                !is_configure && self.image_repository.is_some(),
                "configure",
            ),
            (
                "drop_feature_gates",
                !is_configure && !self.drop_feature_gates.is_empty(),
                "configure",
            ),
            (
                "skip_phases",
                !upgrades && !self.skip_phases.is_empty(),
                "apply` and `action: node",
            ),
            (
                "image_pull_policy",
                !upgrades && self.image_pull_policy.is_some(),
                "apply` and `action: node",
            ),
            (
                "image_pull_serial",
                !upgrades && self.image_pull_serial.is_some(),
                "apply` and `action: node",
            ),
            (
                "timeouts",
                !upgrades && !self.timeouts.is_empty(),
                "apply` and `action: node",
            ),
        ];
        if let Some((option, _, action)) = misplaced.iter().find(|(_, is_wrong, _)| *is_wrong) {
            return Err(ArgumentError::option(*option, format!("it is for `action: {action}`")));
        }
        match self.target() {
            Some(Err(error)) => Err(ArgumentError::option("version", error.to_string())),
            _ => Ok(()),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Work>, Failure> {
        match self.action {
            Action::Plan => self.plan(context).map(State::Satisfied),
            Action::Diff => self.diff(context).map(State::Satisfied),
            Action::Config => self.read_config(context).map(State::Satisfied),
            Action::Version => self.compare_version(context).map(State::Satisfied),
            Action::Configure => self.check_configure(context),
            Action::Apply => self.check_apply(context),
            Action::Node => self.check_node(context),
        }
    }

    fn apply(&self, context: &mut Context<'_>, work: Work) -> Result<Outcome, Failure> {
        match work {
            Work::Upgrade(step) => self.take(context, &step),
            Work::Configure(object) => self.configure(context, &object),
        }
    }
}

impl Kubeadm {
    /// The version to upgrade to, when one is given.
    fn target(&self) -> Option<Result<Version, crate::kube::VersionError>> {
        self.version.as_ref().map(|text| text.parse())
    }

    /// The version to upgrade to, checked before by [`Module::validate`].
    fn wanted(&self) -> Result<Option<Version>, Failure> {
        self.target()
            .transpose()
            .map_err(|error| Failure::new(error.to_string()))
    }

    fn query_args(&self) -> [String; 5] {
        let kubeconfig = self.kubeconfig.as_deref().unwrap_or_default();
        let config = self.config.as_deref().unwrap_or_default();
        [KUBERNETES, KUBELET, kubeconfig, RECORD, config].map(ToOwned::to_owned)
    }

    /// The same for what is about to be started with the task's configuration file.
    fn query_with_config(&self, context: &mut Context<'_>) -> Result<NodeState, Failure> {
        let state = self.query(context)?;
        match &state.config_missing {
            Some(path) if !context.check_mode => Err(Failure::new(format!(
                "the configuration file {path} is not on the node, or may not be read; nothing was started"
            ))
            .help("bring it there first (module `copy` or `template`), or leave `config` out")),
            _ => Ok(state),
        }
    }

    fn query(&self, context: &mut Context<'_>) -> Result<NodeState, Failure> {
        let output = context.run(QUERY, self.query_args())?;
        if output.success() {
            Ok(NodeState::read(&output))
        } else {
            Err(Failure::of_program("looking at the node's Kubernetes", &output))
        }
    }

    /// Runs a kubeadm command that only looks, which may take as long as the task.
    fn look(context: &mut Context<'_>, arguments: Vec<String>) -> Result<Output, Failure> {
        let what = format!("kubeadm {}", arguments.join(" "));
        let words = [String::new(), String::new()].into_iter().chain(arguments);
        let limit = context.remaining()?;
        let output = context.request(Request::new(RUN, words).with_timeout(limit))?;
        if output.success() {
            Ok(output)
        } else {
            Err(Failure::of_program(&what, &output))
        }
    }

    fn plan(&self, context: &mut Context<'_>) -> Result<Outcome, Failure> {
        let target = self.wanted()?;
        let output = Self::look(context, self.plan_arguments(target.as_ref()))?;
        let text = output.stdout_text();
        let plan = UpgradePlan::parse(&text);
        let blocking: Vec<_> = plan.blocking_configs().map(|config| config.group.clone()).collect();
        let mut outcome = with_output(Outcome::ok(), &output)
            .with("cluster_version", json!(plan.cluster_version))
            .with("kubeadm_version", json!(plan.kubeadm_version))
            .with("upgrades", json!(plan.upgrades))
            .with("configs", json!(plan.configs))
            .with("manual_upgrade_required", json!(blocking));
        if !blocking.is_empty() {
            outcome = outcome.with_warning(format!(
                "the configuration of {} must be brought up to date by hand and given with `config`, or `action: apply` will fail",
                blocking.join(", ")
            ));
        }
        Ok(outcome)
    }

    fn diff(&self, context: &mut Context<'_>) -> Result<Outcome, Failure> {
        let target = self.wanted()?;
        let output = Self::look(context, self.diff_arguments(target.as_ref()))?;
        Ok(with_output(Outcome::ok(), &output))
    }

    fn read_config(&self, context: &mut Context<'_>) -> Result<Outcome, Failure> {
        let output = context.run(CONFIG, [self.admin_conf()])?;
        if !output.success() {
            return Err(Failure::of_program("reading the cluster's kubeadm-config", &output)
                .help("run this on a control-plane node, or name a `kubeconfig` that may read it"));
        }
        let text = output.stdout_text();
        let configuration: Value = serde_yaml::from_str(&text)
            .map_err(|error| Failure::new(format!("the cluster's kubeadm-config is not YAML: {error}")))?;
        Ok(Outcome::ok().with("text", text).with("configuration", configuration))
    }

    /// The kubeconfig for what only an administrator may.
    fn admin_conf(&self) -> String {
        let default = || format!("{KUBERNETES}/admin.conf");
        self.kubeconfig.as_ref().map_or_else(default, |path| path.0.clone())
    }

    fn compare_version(&self, context: &mut Context<'_>) -> Result<Outcome, Failure> {
        let state = self.query(context)?;
        let wanted = self.wanted()?;
        let Some(found) = &state.kubeadm else {
            return Err(no_kubeadm());
        };
        if let Some(wanted) = wanted.filter(|wanted| wanted != found) {
            return Err(Failure::new(format!("kubeadm on this node is {found}, not {wanted}"))
                .help(format!("install kubeadm {wanted} (module `package`)")));
        }
        let mut outcome = Outcome::ok().with("version", found.tag());
        outcome.result.extend(state.result());
        Ok(outcome)
    }
}

fn no_kubeadm() -> Failure {
    Failure::new("there is no kubeadm on this node").help("install the package `kubeadm` first (module `package`)")
}

fn with_output(outcome: Outcome, output: &Output) -> Outcome {
    let stdout = output.stdout_text();
    let stdout = stdout.trim_end_matches('\n');
    outcome
        .with("stdout", stdout)
        .with("stdout_lines", json!(stdout.lines().collect::<Vec<_>>()))
        .with("stderr", output.stderr_text().trim_end_matches('\n'))
}
