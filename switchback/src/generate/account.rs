//! An account and what lives in it.
//!
//! Nothing here is anybody's: account ids are random, addresses come from the ranges for documentation (RFC 5737,
//! RFC 3849) or private ones (RFC 1918).

use super::rng::Rng;
use super::text::{self, push, string};

const ROLE_NAMES: [(&str, Flavour); 14] = [
    ("web-frontend-instance", Flavour::Instance),
    ("batch-worker-instance", Flavour::Instance),
    ("order-events-handler", Flavour::Function),
    ("thumbnail-maker", Flavour::Function),
    ("eks-payments-api", Flavour::Pod),
    ("eks-search-indexer", Flavour::Pod),
    ("eks-cluster-autoscaler", Flavour::Pod),
    ("terraform-deploy", Flavour::Pipeline),
    ("github-actions-release", Flavour::Pipeline),
    ("AWSReservedSSO_PowerUserAccess_3f9d1c0b7a2e4d58", Flavour::Person),
    ("AWSReservedSSO_ReadOnlyAccess_8b1e6f2a9c3d7045", Flavour::Person),
    ("AWSReservedSSO_AdministratorAccess_c47a0e95b1d2f386", Flavour::Person),
    ("vendor-posture-audit", Flavour::Vendor),
    ("datalake-glue-job", Flavour::Instance),
];
const USER_NAMES: [&str; 8] =
    ["alice", "bob.martin", "carla", "ci-legacy-deploy", "svc-backup", "d_angelo", "jose+ops", "zoe@lind.example"];
const NOUNS: [&str; 12] = [
    "orders",
    "billing",
    "customer-exports",
    "clickstream",
    "images",
    "artifacts",
    "audit",
    "sessions",
    "inventory",
    "reports",
    "payments",
    "search",
];

/// What assumes a role, which decides its session names, addresses and user agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// An EC2 instance profile.
    Instance,
    /// A Lambda function.
    Function,
    /// A Kubernetes pod, by web identity.
    Pod,
    /// Terraform and the like.
    Pipeline,
    /// Somebody through IAM Identity Center.
    Person,
    /// Another company's account.
    Vendor,
}

/// An IAM role.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) id: String,
    pub(crate) flavour: Flavour,
}

/// An IAM user with a long-lived access key.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) access_key: String,
}

/// An account and what lives in it. Names repeat as they do in life: few are hot, many are cold.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) users: Vec<User>,
    pub(crate) buckets: Vec<String>,
    pub(crate) keys: Vec<String>,
    pub(crate) instances: Vec<String>,
    pub(crate) functions: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) endpoints: Vec<String>,
    /// Public addresses that the account's machines go out through.
    pub(crate) addresses: Vec<String>,
    /// The account's part of access key ids: keys of one account look alike.
    pub(crate) key_part: String,
}

impl Account {
    /// Draws an account.
    pub(crate) fn draw(rng: &mut Rng) -> Account {
        let id = string(|out| {
            text::number(out, rng.below(9) + 1, 1);
            text::number(out, rng.below(100_000_000_000), 11);
        });
        let key_part = string(|out| text::base32(out, rng, 8));
        let suffix = string(|out| text::hex(out, rng, 6));
        let named = |prefix: &str, rng: &mut Rng, count: usize| -> Vec<String> {
            (0..count)
                .map(|at| {
                    let noun = NOUNS[at % NOUNS.len()];
                    match rng.below(3) {
                        0 => format!("{prefix}{noun}"),
                        1 => format!("{prefix}{noun}-prod"),
                        _ => format!("{prefix}{noun}-{at}"),
                    }
                })
                .collect()
        };
        Account {
            roles: ROLE_NAMES.iter().map(|&(name, flavour)| Role { name, id: iam_id("AROA", &key_part, rng), flavour }).collect(),
            users: USER_NAMES
                .iter()
                .map(|name| User {
                    name: (*name).to_owned(),
                    id: iam_id("AIDA", &key_part, rng),
                    access_key: iam_id("AKIA", &key_part, rng),
                })
                .collect(),
            buckets: named(&format!("corp-{suffix}-"), rng, 12),
            keys: (0..8).map(|_| string(|out| text::uuid(out, rng))).collect(),
            instances: (0..40).map(|_| hex_id("i-0", rng)).map(|id| id[..19].to_owned()).collect(),
            functions: named("", rng, 12),
            names: named("", rng, 12),
            endpoints: (0..3).map(|_| hex_id("vpce-", rng)).collect(),
            addresses: (0..6).map(|_| public_address(rng)).collect(),
            id,
            key_part,
        }
    }
}

/// A unique id of IAM's: four letters for its kind, the account's part, eight of its own.
fn iam_id(prefix: &str, key_part: &str, rng: &mut Rng) -> String {
    string(|out| {
        text::push_all(out, &[prefix, key_part]);
        text::base32(out, rng, 8);
    })
}

fn hex_id(prefix: &str, rng: &mut Rng) -> String {
    string(|out| {
        push(out, prefix);
        text::hex(out, rng, 17);
    })
}

/// Of the ranges for documentation; 203.0.113.0/24 is left to the attack story.
pub(crate) fn public_address(rng: &mut Rng) -> String {
    match rng.below(5) {
        0..2 => format!("192.0.2.{}", rng.below(254) + 1),
        2..4 => format!("198.51.100.{}", rng.below(254) + 1),
        _ => format!("2001:db8:{:x}:{:x}::{:x}", rng.below(0xffff) + 1, rng.below(0xffff) + 1, rng.below(0xffff) + 1),
    }
}
