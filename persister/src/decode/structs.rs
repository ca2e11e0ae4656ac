//! The two objects that the table takes apart, as trees of nodes: AWS's name, ours, and the Parquet field id.
//!
//! They are structs because readers push filters into struct leaves, and into nothing less typed. Every leaf is text: AWS writes
//! account ids with leading zeros and `mfaAuthenticated` as a string. Source: "CloudTrail userIdentity element" of the User Guide.

/// One member of a struct.
#[derive(Debug)]
pub(crate) struct Node {
    /// Parquet field id, fixed for ever. Dense within a tree, so that it doubles as an index (see `FIRST` ids).
    pub(crate) id: i32,
    /// AWS's name.
    pub(crate) source: &'static str,
    /// Our name.
    pub(crate) name: &'static str,
    /// What it must be.
    pub(crate) shape: Shape,
}

/// What a member of a struct must be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A JSON string.
    Text,
    /// Any JSON but `null`, kept as text.
    Json,
    /// An object, taken apart further.
    Object(&'static [Node]),
}

/// A tree with the id of its first node and the number of its nodes, at all levels.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) first: i32,
    pub(crate) count: usize,
    pub(crate) nodes: &'static [Node],
}

impl Tree {
    /// Its nodes at all levels.
    pub(crate) fn all(&'static self) -> Vec<&'static Node> {
        let mut all: Vec<&Node> = self.nodes.iter().collect();
        let mut at = 0;
        while let Some(node) = all.get(at) {
            if let Shape::Object(children) = &node.shape {
                all.extend(*children);
            }
            at += 1;
        }
        all
    }
}

const fn text(id: i32, source: &'static str, name: &'static str) -> Node {
    Node { id, source, name, shape: Shape::Text }
}

const fn object(id: i32, source: &'static str, name: &'static str, nodes: &'static [Node]) -> Node {
    Node { id, source, name, shape: Shape::Object(nodes) }
}

/// The tree of a field of kind `Struct`, by its name with us.
pub(crate) fn tree(name: &str) -> Option<&'static Tree> {
    match name {
        "user_identity" => Some(&USER_IDENTITY),
        "tls_details" => Some(&TLS_DETAILS),
        _ => None,
    }
}

/// `userIdentity`.
pub(crate) static USER_IDENTITY: Tree = Tree {
    first: 301,
    count: 36,
    nodes: &[
        text(301, "type", "type"),
        text(302, "principalId", "principal_id"),
        text(303, "arn", "arn"),
        text(304, "accountId", "account_id"),
        text(305, "accessKeyId", "access_key_id"),
        text(306, "userName", "user_name"),
        object(307, "sessionContext", "session_context", &SESSION_CONTEXT),
        text(308, "invokedBy", "invoked_by"),
        text(309, "identityProvider", "identity_provider"),
        text(310, "credentialId", "credential_id"),
        object(
            311,
            "onBehalfOf",
            "on_behalf_of",
            &[text(312, "userId", "user_id"), text(313, "identityStoreArn", "identity_store_arn")],
        ),
        object(
            314,
            "inScopeOf",
            "in_scope_of",
            &[
                text(315, "sourceArn", "source_arn"),
                text(316, "sourceAccount", "source_account"),
                text(317, "issuerType", "issuer_type"),
                text(318, "credentialsIssuedTo", "credentials_issued_to"),
            ],
        ),
        object(319, "invokedByDelegate", "invoked_by_delegate", &[text(320, "accountId", "account_id")]),
    ],
};

static SESSION_CONTEXT: [Node; 7] = [
    object(
        321,
        "sessionIssuer",
        "session_issuer",
        &[
            text(322, "type", "type"),
            text(323, "principalId", "principal_id"),
            text(324, "arn", "arn"),
            text(325, "accountId", "account_id"),
            text(326, "userName", "user_name"),
        ],
    ),
    object(
        327,
        "webIdFederationData",
        "web_id_federation_data",
        &[
            text(328, "federatedProvider", "federated_provider"),
            Node { id: 329, source: "attributes", name: "attributes", shape: Shape::Json },
        ],
    ),
    object(
        330,
        "attributes",
        "attributes",
        &[text(331, "creationDate", "creation_date"), text(332, "mfaAuthenticated", "mfa_authenticated")],
    ),
    text(333, "sourceIdentity", "source_identity"),
    text(334, "ec2RoleDelivery", "ec2_role_delivery"),
    text(335, "ec2IssuedInVpc", "ec2_issued_in_vpc"),
    text(336, "assumedRoot", "assumed_root"),
];

/// `tlsDetails`.
pub(crate) static TLS_DETAILS: Tree = Tree {
    first: 401,
    count: 4,
    nodes: &[
        text(401, "tlsVersion", "tls_version"),
        text(402, "cipherSuite", "cipher_suite"),
        text(403, "clientProvidedHostHeader", "client_provided_host_header"),
        text(404, "keyExchange", "key_exchange"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(nodes: &[Node], all: &mut Vec<i32>) {
        for node in nodes {
            all.push(node.id);
            if let Shape::Object(children) = &node.shape {
                ids(children, all);
            }
        }
    }

    #[test]
    fn every_node_of_a_tree_has_an_id_of_its_own_within_the_trees_range() {
        for tree in [&USER_IDENTITY, &TLS_DETAILS] {
            let mut all = Vec::new();
            ids(tree.nodes, &mut all);
            all.sort_unstable();
            let expected: Vec<i32> = (tree.first..).take(tree.count).collect();
            assert_eq!(all, expected);
        }
    }

    #[test]
    fn levels_fit_the_bit_mask_of_seen_keys() {
        assert!(USER_IDENTITY.nodes.len() <= 64 && SESSION_CONTEXT.len() <= 64);
    }
}
