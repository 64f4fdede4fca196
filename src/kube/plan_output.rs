use serde::Serialize;

/// What `kubeadm upgrade plan` says, read from its text: the only form that every version of kubeadm prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UpgradePlan {
    /// The control plane's version, as kubeadm writes it.
    pub cluster_version: Option<String>,
    /// kubeadm's own version.
    pub kubeadm_version: Option<String>,
    /// The upgrades that kubeadm offers, in its order.
    pub upgrades: Vec<Offer>,
    /// The component configurations and whether one must be brought up to date by hand.
    pub configs: Vec<ComponentConfig>,
}

/// One upgrade that kubeadm offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// What kubeadm calls it: `version in the v1.28 series`.
    pub title: String,
    /// The version it leads to.
    pub version: Option<String>,
    /// What kubeadm upgrades.
    pub components: Vec<Component>,
    /// What has to be upgraded by hand afterwards: the kubelets.
    pub manual: Vec<Component>,
}

/// A component before and after an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    /// `kube-apiserver`, `CoreDNS`, …
    pub name: String,
    /// The node it runs on, from kubeadm 1.31 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Its version now; for kubelets of older kubeadms `2 x v1.28.0`.
    pub current: String,
    /// Its version after the upgrade.
    pub available: String,
}

/// The state of one component's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComponentConfig {
    /// API group, for example `kubelet.config.k8s.io`.
    pub group: String,
    /// Version of the API that the cluster's configuration has.
    pub current: String,
    /// Version that this kubeadm prefers.
    pub preferred: String,
    /// It must be brought up to date by hand, or `kubeadm upgrade apply` will refuse.
    pub manual_upgrade_required: bool,
}

impl UpgradePlan {
    /// Reads what `kubeadm upgrade plan` printed. Lines it does not know are passed over.
    pub fn parse(text: &str) -> Self {
        let mut reader = Reader::default();
        text.lines().for_each(|line| reader.take(line));
        reader.plan
    }

    /// The configurations that have to be brought up to date by hand before an upgrade can succeed.
    pub fn blocking_configs(&self) -> impl Iterator<Item = &ComponentConfig> {
        self.configs.iter().filter(|config| config.manual_upgrade_required)
    }
}

#[derive(Default)]
struct Reader {
    plan: UpgradePlan,
    /// Kubelets are listed before the upgrade that they belong to.
    manual: Vec<Component>,
    table: Option<Table>,
}

/// A table that is being read: where its columns begin, and what it is about.
struct Table {
    columns: Vec<(usize, String)>,
    kind: TableKind,
}

#[derive(Clone, Copy)]
enum TableKind {
    Manual,
    Components,
    Configs,
}

impl Reader {
    fn take(&mut self, line: &str) {
        if line.trim().is_empty() {
            self.table = None;
        } else if let Some(rest) = after(line, "Cluster version: ") {
            self.plan.cluster_version = Some(rest.to_owned());
        } else if let Some(rest) = after(line, "kubeadm version: ") {
            self.plan.kubeadm_version = Some(rest.to_owned());
        } else if let Some(rest) = line.strip_prefix("Upgrade to the latest ") {
            self.plan.upgrades.push(Offer {
                title: rest.trim_end_matches(':').to_owned(),
                manual: std::mem::take(&mut self.manual),
                ..Offer::default()
            });
        } else if let Some(rest) = line.trim_start().strip_prefix("kubeadm upgrade apply ") {
            if let Some(offer) = self.plan.upgrades.last_mut() {
                offer.version = rest.split_whitespace().last().map(ToOwned::to_owned);
            }
        } else if line.starts_with("Components that must be upgraded manually") {
            self.table = Some(Table {
                columns: Vec::new(),
                kind: TableKind::Manual,
            });
        } else if line.starts_with("COMPONENT ") {
            let kind = match &self.table {
                Some(Table { kind, .. }) => *kind,
                None => TableKind::Components,
            };
            self.begin(line, kind);
        } else if line.starts_with("API GROUP ") {
            self.begin(line, TableKind::Configs);
        } else if line.starts_with("___") {
            self.table = None;
        } else {
            self.row(line);
        }
    }

    fn begin(&mut self, header: &str, kind: TableKind) {
        self.table = Some(Table {
            columns: columns(header),
            kind,
        });
    }

    fn row(&mut self, line: &str) {
        let Some(table) = self.table.as_ref().filter(|table| !table.columns.is_empty()) else {
            return;
        };
        let cell = |name: &str| table.cell(line, name).map(ToOwned::to_owned);
        match table.kind {
            TableKind::Configs => {
                let required = cell("MANUAL UPGRADE REQUIRED").is_some_and(|answer| answer.starts_with("yes"));
                self.plan.configs.push(ComponentConfig {
                    group: cell("API GROUP").unwrap_or_default(),
                    current: cell("CURRENT VERSION").unwrap_or_default(),
                    preferred: cell("PREFERRED VERSION").unwrap_or_default(),
                    manual_upgrade_required: required,
                });
            }
            TableKind::Manual | TableKind::Components => {
                let component = Component {
                    name: cell("COMPONENT").unwrap_or_default(),
                    node: cell("NODE").filter(|node| !node.is_empty()),
                    current: cell("CURRENT").unwrap_or_default(),
                    available: cell("AVAILABLE").or_else(|| cell("TARGET")).unwrap_or_default(),
                };
                match (table.kind, self.plan.upgrades.last_mut()) {
                    (TableKind::Components, Some(offer)) => offer.components.push(component),
                    _ => self.manual.push(component),
                }
            }
        }
    }
}

impl Table {
    fn cell<'a>(&self, line: &'a str, name: &str) -> Option<&'a str> {
        let index = self.columns.iter().position(|(_, column)| column == name)?;
        let begin = self.columns[index].0.min(line.len());
        let end = self
            .columns
            .get(index + 1)
            .map_or(line.len(), |(next, _)| (*next).min(line.len()));
        line.get(begin..end).map(str::trim)
    }
}

/// The columns of a table's header, which stand at least two blanks apart.
fn columns(header: &str) -> Vec<(usize, String)> {
    let mut columns = Vec::new();
    let mut at = 0;
    for word in header.split("  ") {
        let name = word.trim();
        if !name.is_empty() {
            let indent = word.len() - word.trim_start().len();
            columns.push((at + indent, name.to_owned()));
        }
        at += word.len() + 2;
    }
    columns
}

fn after<'a>(line: &'a str, marker: &str) -> Option<&'a str> {
    let (tag, rest) = line.split_once(marker)?;
    tag.trim_end().starts_with("[upgrade").then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_1_20: &str = include_str!("../../tests/data/kubeadm/plan-1.20.2.txt");
    /// Put together after kubeadm 1.31's tables, with a configuration that has to be upgraded by hand.
    const OF_1_31: &str = include_str!("../../tests/data/kubeadm/plan-1.31.1.txt");

    #[test]
    fn a_plan_of_a_real_kubeadm_1_20() {
        let plan = UpgradePlan::parse(OF_1_20);
        assert_eq!(plan.cluster_version.as_deref(), Some("v1.20.0"));
        assert_eq!(plan.kubeadm_version.as_deref(), Some("v1.20.2"));
        let [offer] = &plan.upgrades[..] else {
            panic!("one upgrade: {plan:?}")
        };
        assert_eq!(offer.title, "version in the v1.20 series");
        assert_eq!(offer.version.as_deref(), Some("v1.20.2"));
        assert_eq!(offer.manual[0].current, "2 x v1.20.0");
        let names: Vec<_> = offer
            .components
            .iter()
            .map(|component| component.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "CoreDNS",
                "etcd"
            ]
        );
        assert_eq!(offer.components[5].available, "3.4.13-0");
        assert_eq!(plan.configs.len(), 2);
        assert_eq!(plan.blocking_configs().count(), 0);
    }

    #[test]
    fn newer_kubeadms_name_the_nodes() {
        let plan = UpgradePlan::parse(OF_1_31);
        let offer = &plan.upgrades[0];
        assert_eq!(offer.manual.len(), 2);
        assert_eq!(offer.manual[1].node.as_deref(), Some("w1"));
        assert_eq!(offer.manual[1].current, "v1.30.5");
        assert_eq!(offer.components[0].node.as_deref(), Some("m1"));
        assert_eq!(offer.components[4].name, "CoreDNS");
        assert_eq!(offer.components[4].node, None);
        assert_eq!(offer.components[4].current, "v1.11.1");
        let blocking: Vec<_> = plan.blocking_configs().map(|config| config.group.as_str()).collect();
        assert_eq!(blocking, ["kubelet.config.k8s.io"]);
    }

    #[test]
    fn nothing_to_upgrade_and_nonsense() {
        assert_eq!(
            UpgradePlan::parse("Awesome, you're up-to-date! Enjoy!"),
            UpgradePlan::default()
        );
        assert_eq!(
            UpgradePlan::parse("API GROUP   CURRENT VERSION\näöü\n").configs.len(),
            1
        );
        assert_eq!(
            UpgradePlan::parse("COMPONENT   CURRENT\n\nx   y\n"),
            UpgradePlan::default()
        );
    }
}
