use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::args::{Count, Flag, List, Mode, Text};

/// Sets up a package repository of dnf or yum, or removes it.
///
/// The repository's section is written whole, as the task has it; other sections of the same file stay as they are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct YumRepo {
    /// The repository's id: the section's heading, and the file's name unless `file` gives another.
    pub(super) name: Text,
    /// The repository's name for people. Needed unless `state` is `absent`.
    pub(super) description: Option<Text>,
    /// Where the packages are; several addresses are alternatives.
    pub(super) baseurl: List,
    /// Address of a list of mirrors.
    pub(super) mirrorlist: Option<Text>,
    /// Address of a metalink file.
    pub(super) metalink: Option<Text>,
    /// Whether the repository is used.
    pub(super) enabled: Option<Flag>,
    /// Whether the packages' signatures are checked.
    pub(super) gpgcheck: Option<Flag>,
    /// Whether the signature of the package list is checked.
    pub(super) repo_gpgcheck: Option<Flag>,
    /// Addresses of the keys that sign the packages.
    pub(super) gpgkey: List,
    /// Address of the key's certificate authority.
    pub(super) gpgcakey: Option<Text>,
    /// Packages that are left out unless `disable_excludes` names the repository.
    pub(super) exclude: List,
    /// The only packages that are taken from the repository.
    pub(super) includepkgs: List,
    /// Rank among repositories: 1 is the highest, 99 the default.
    pub(super) priority: Option<Count>,
    /// Rank among repositories of the same priority; 1000 is the default, less is better.
    pub(super) cost: Option<Count>,
    /// Address of the proxy; `_none_` for none.
    pub(super) proxy: Option<Text>,
    /// User for the proxy.
    pub(super) proxy_username: Option<Text>,
    /// Password for the proxy.
    pub(super) proxy_password: Option<Text>,
    /// User for the repository.
    pub(super) username: Option<Text>,
    /// Password for the repository.
    pub(super) password: Option<Text>,
    /// Whether the server's certificate is checked.
    pub(super) sslverify: Option<Flag>,
    /// File with the certificate authorities.
    pub(super) sslcacert: Option<Text>,
    /// File with the client's certificate.
    pub(super) sslclientcert: Option<Text>,
    /// File with the client's key.
    pub(super) sslclientkey: Option<Text>,
    /// How long the package lists count as fresh: seconds, or a number with `m`, `h` or `d`, or `never`.
    pub(super) metadata_expire: Option<Text>,
    /// Whether its packages win over modules.
    pub(super) module_hotfixes: Option<Flag>,
    /// Whether a repository that cannot be reached is passed over.
    pub(super) skip_if_unavailable: Option<Flag>,
    /// How often a download is tried.
    pub(super) retries: Option<Count>,
    /// Seconds before a connection counts as dead.
    pub(super) timeout: Option<Count>,
    /// Most bytes a second, a number with `k`, `M` or `G`, or a percentage.
    pub(super) throttle: Option<Text>,
    /// Least bytes a second before a server counts as too slow.
    pub(super) minrate: Option<Text>,
    /// Most bytes a second of all downloads.
    pub(super) bandwidth: Option<Text>,
    /// How IP addresses are chosen: `4`, `6` or `whatever`.
    pub(super) ip_resolve: Option<Text>,
    /// Whether connections are kept open (yum).
    pub(super) keepalive: Option<Flag>,
    /// Whether package groups are taken (yum).
    pub(super) enablegroups: Option<Flag>,
    /// `priority` or `roundrobin` among several addresses (yum).
    pub(super) failovermethod: Option<Text>,
    /// Whether delta packages are used, and from which share of their size (yum).
    pub(super) deltarpm_percentage: Option<Text>,
    /// The file without its ending `.repo`; the id when unset.
    pub(super) file: Option<Text>,
    /// Folder of the file.
    #[schemars(default = "default_folder")]
    pub(super) reposdir: Option<Text>,
    /// Whether the repository is there.
    pub(super) state: Wish,
    /// Throws the old package lists away and fetches the repository's, when the file was changed.
    pub(super) refresh: Flag,
    /// The file's mode.
    pub(super) mode: Option<Mode>,
    /// The file's owner.
    pub(super) owner: Option<Text>,
    /// The file's group.
    pub(super) group: Option<Text>,
}

/// Where dnf and yum look for repositories.
pub(super) const FOLDER: &str = "/etc/yum.repos.d";

fn default_folder() -> &'static str {
    FOLDER
}

/// Whether a repository is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wish {
    /// It is.
    #[default]
    Present,
    /// It is not.
    Absent,
}
