//! Who called: the `userIdentity` element, in every kind that AWS documents ("CloudTrail userIdentity element").

use super::account::{Account, Flavour, Role, User};
use super::rng::Rng;
use super::text::{self, push, push_all, string};

/// Whoever made the call.
#[derive(Debug, Clone)]
pub(crate) enum Caller<'a> {
    /// A session of a role; `via` is the service that called with it (forward access).
    Role { role: &'a Role, session: String, via: Option<&'static str> },
    /// An IAM user; `console` when signing in, where there is no key yet.
    User { user: &'a User, console: bool },
    /// The account's root user.
    Root,
    /// An AWS service on its own account.
    Service(&'static str),
    /// Somebody of another account, of whom we learn no more.
    Foreign { account: String },
    /// Nobody: an unsigned request.
    Anonymous,
    /// A token of an OpenID Connect provider.
    WebIdentity { name: String },
    /// An assertion of a SAML provider.
    Saml { name: String },
    /// A session of `GetFederationToken`.
    Federated { user: &'a User },
    /// Somebody signed in to IAM Identity Center, before any role.
    IdentityCenter { person: u64 },
}

/// People of the identity provider, the same in every account.
const PEOPLE: [&str; 10] = ["ana", "ben", "chloe", "dmitri", "esra", "farid", "greta", "hiro", "ines", "jonas"];

impl<'a> Caller<'a> {
    /// A session of one of the account's roles, hot roles more often.
    pub(crate) fn any_role(account: &'a Account, rng: &mut Rng) -> Caller<'a> {
        let len = account.roles.len() as u64;
        let at = rng.below(len).min(rng.below(len + 4));
        let Some(role) = account.roles.get(at as usize) else { return Caller::Root };
        Caller::Role { session: session_name(role, account, rng), role, via: None }
    }

    /// An IAM user of the account.
    pub(crate) fn any_user(account: &'a Account, rng: &mut Rng, console: bool) -> Caller<'a> {
        rng.pick(&account.users).map_or(Caller::Root, |user| Caller::User { user, console })
    }

    /// Appends the ARN as error messages quote it.
    pub(crate) fn arn(&self, out: &mut Vec<u8>, account: &Account) {
        match self {
            Caller::Role { role, session, .. } => {
                push_all(out, &["arn:aws:sts::", &account.id, ":assumed-role/", role.name, "/", session]);
            }
            Caller::User { user, .. } => push_all(out, &["arn:aws:iam::", &account.id, ":user/", &user.name]),
            Caller::Federated { user } => push_all(out, &["arn:aws:sts::", &account.id, ":federated-user/", &user.name]),
            Caller::Foreign { account } => push_all(out, &["arn:aws:iam::", account, ":root"]),
            Caller::Service(service) => push(out, service),
            Caller::Anonymous => push(out, "anonymous"),
            Caller::WebIdentity { name } | Caller::Saml { name } => push(out, name),
            Caller::Root | Caller::IdentityCenter { .. } => push_all(out, &["arn:aws:iam::", &account.id, ":root"]),
        }
    }

    /// Appends the `userIdentity` object.
    pub(crate) fn write(&self, out: &mut Vec<u8>, account: &Account, region: &str, time: i64, rng: &mut Rng) {
        match self {
            Caller::Role { role, session, via } => {
                write_role(out, account, (role, session), *via, time, rng);
            }
            Caller::User { user, console } => {
                push_all(out, &[r#"{"type":"IAMUser","principalId":""#, &user.id, r#"","arn":""#]);
                self.arn(out, account);
                push_all(out, &[r#"","accountId":""#, &account.id, r#"""#]);
                if !console {
                    push_all(out, &[r#","accessKeyId":""#, &user.access_key, r#"""#]);
                }
                push_all(out, &[r#","userName":""#, &user.name, r#""}"#]);
            }
            Caller::Root => {
                push_all(out, &[r#"{"type":"Root","principalId":""#, &account.id, r#"","arn":"arn:aws:iam::"#, &account.id]);
                push_all(out, &[r#":root","accountId":""#, &account.id, r#"","accessKeyId":"ASIA"#, &account.key_part]);
                text::base32(out, rng, 8);
                push(out, r#"","sessionContext":{"sessionIssuer":{},"webIdFederationData":{}"#);
                attributes(out, time, rng, true);
                push(out, "}}");
            }
            Caller::Service(service) => push_all(out, &[r#"{"type":"AWSService","invokedBy":""#, service, r#""}"#]),
            Caller::Foreign { account } => {
                push(out, r#"{"type":"AWSAccount","principalId":"AROA"#);
                text::base32(out, rng, 16);
                push_all(out, &[r#":integration","accountId":""#, account, r#""}"#]);
            }
            Caller::Anonymous => push(out, r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#),
            Caller::WebIdentity { name } => {
                let provider = format!("arn:aws:iam::{}:oidc-provider/oidc.eks.{region}.amazonaws.com/id/7C3E0F", account.id);
                push_all(out, &[r#"{"type":"WebIdentityUser","principalId":""#, &provider, ":sts.amazonaws.com:", name]);
                push_all(out, &[r#"","userName":""#, name, r#"","identityProvider":""#, &provider, r#""}"#]);
            }
            Caller::Saml { name } => {
                push(out, r#"{"type":"SAMLUser","principalId":""#);
                text::base64(out, rng, 27);
                push_all(
                    out,
                    &["=:", name, r#"","userName":""#, name, r#"","identityProvider":"kp2dHgWz5s1oQm0yZ7u4Jc8nXfE="}"#],
                );
            }
            Caller::Federated { user } => {
                push_all(out, &[r#"{"type":"FederatedUser","principalId":""#, &account.id, ":", &user.name, r#"","arn":""#]);
                self.arn(out, account);
                push_all(out, &[r#"","accountId":""#, &account.id, r#"","accessKeyId":"ASIA"#, &account.key_part]);
                text::base32(out, rng, 8);
                push_all(out, &[r#"","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":""#, &user.id]);
                push_all(out, &[r#"","arn":"arn:aws:iam::"#, &account.id, ":user/", &user.name, r#"","accountId":""#]);
                push_all(out, &[&account.id, r#"","userName":""#, &user.name, r#""}"#]);
                attributes(out, time, rng, false);
                push(out, "}}");
            }
            Caller::IdentityCenter { person } => {
                push_all(out, &[r#"{"type":"IdentityCenterUser","accountId":""#, &account.id, r#"","#]);
                on_behalf_of(out, account, *person);
                push(out, r#","credentialId":""#);
                text::uuid(out, rng);
                push(out, r#""}"#);
            }
        }
    }
}

/// Somebody's address, as Identity Center makes session names of it.
pub(crate) fn person_name(person: u64) -> String {
    format!("{}@corp.example", PEOPLE[(person % PEOPLE.len() as u64) as usize])
}

fn session_name(role: &Role, account: &Account, rng: &mut Rng) -> String {
    match role.flavour {
        Flavour::Instance => rng.pick(&account.instances).cloned().unwrap_or_default(),
        Flavour::Function => rng.pick(&account.functions).cloned().unwrap_or_default(),
        Flavour::Pod => format!("botocore-session-{}", 1_700_000_000 + rng.below(50) * 3_600),
        Flavour::Pipeline => format!("run-{}", 40_000 + rng.below(30)),
        Flavour::Person => person_name(rng.next()),
        Flavour::Vendor => "posture-audit".to_owned(),
    }
}

fn write_role(out: &mut Vec<u8>, account: &Account, (role, session): (&Role, &str), via: Option<&str>, time: i64, rng: &mut Rng) {
    let person = role.flavour == Flavour::Person;
    let path = if person { "aws-reserved/sso.amazonaws.com/" } else { "" };
    push_all(out, &[r#"{"type":"AssumedRole","principalId":""#, &role.id, ":", session, r#"","arn":"arn:aws:sts::"#]);
    push_all(out, &[&account.id, ":assumed-role/", role.name, "/", session, r#"","accountId":""#, &account.id]);
    push_all(out, &[r#"","accessKeyId":"ASIA"#, &account.key_part]);
    text::base32(out, rng, 8);
    push_all(out, &[r#"","sessionContext":{"sessionIssuer":{"type":"Role","principalId":""#, &role.id]);
    push_all(out, &[r#"","arn":"arn:aws:iam::"#, &account.id, ":role/", path, role.name, r#"","accountId":""#, &account.id]);
    push_all(out, &[r#"","userName":""#, role.name, r#""}"#]);
    if role.flavour == Flavour::Pod {
        push_all(out, &[r#","webIdFederationData":{"federatedProvider":"arn:aws:iam::"#, &account.id]);
        push(out, r#":oidc-provider/oidc.eks.amazonaws.com/id/7C3E0F","attributes":{}}"#);
    } else if rng.below(3) == 0 {
        push(out, r#","webIdFederationData":{}"#);
    }
    let mfa = person && rng.below(2) == 0;
    attributes(out, time, rng, mfa);
    match role.flavour {
        Flavour::Instance => {
            push(out, if rng.below(4) == 0 { r#","ec2RoleDelivery":"1.0""# } else { r#","ec2RoleDelivery":"2.0""# })
        }
        Flavour::Pipeline if rng.below(4) == 0 => push(out, r#","sourceIdentity":"release-bot","assumedRoot":"false""#),
        _ => {}
    }
    push(out, "}");
    if role.flavour == Flavour::Function {
        push_all(out, &[r#","inScopeOf":{"sourceArn":"arn:aws:lambda:us-east-1:"#, &account.id, ":function:", session]);
        push_all(out, &[r#"","sourceAccount":""#, &account.id, r#"","issuerType":"AWS::Lambda::Function""#]);
        push_all(out, &[r#","credentialsIssuedTo":"arn:aws:lambda:us-east-1:"#, &account.id, ":function:", session, r#""}"#]);
    }
    if person {
        out.push(b',');
        on_behalf_of(out, account, session.bytes().map(u64::from).sum());
    }
    if let Some(service) = via {
        push_all(out, &[r#","invokedBy":""#, service, r#"""#]);
    }
    push(out, "}");
}

fn attributes(out: &mut Vec<u8>, time: i64, rng: &mut Rng, mfa: bool) {
    push(out, r#","attributes":{"creationDate":""#);
    text::time(out, time - rng.between(0, 3_600));
    push_all(out, &[r#"","mfaAuthenticated":""#, if mfa { "true" } else { "false" }, r#""}"#]);
}

fn on_behalf_of(out: &mut Vec<u8>, account: &Account, person: u64) {
    // The directory's ids are the same everywhere: whoever follows a person follows this id.
    let id = string(|id| text::uuid(id, &mut Rng::new(person % PEOPLE.len() as u64, 0x1dc)));
    push_all(out, &[r#""onBehalfOf":{"userId":""#, &id, r#"","identityStoreArn":"arn:aws:identitystore::"#, &account.id]);
    push(out, r#":identitystore/d-9067a0f4c2"}"#);
}
