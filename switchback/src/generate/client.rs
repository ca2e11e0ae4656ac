//! From where and with what: source address, user agent, TLS.

use super::account::{self, Account, Flavour};
use super::identity::Caller;
use super::rng::Rng;
use super::text::{push, push_all};

/// The calling side of one request.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: String,
    pub(crate) agent: &'static str,
    /// Through one of the account's VPC endpoints.
    pub(crate) endpoint: Option<String>,
    /// AWS itself called: no TLS details in the record.
    pub(crate) internal: bool,
    /// With credentials that a console session handed out.
    pub(crate) console: bool,
}

const SDKS: [&str; 8] = [
    "Boto3/1.34.131 md/Botocore#1.34.131 ua/2.0 os/linux#6.1.94-99.176.amzn2023.x86_64 md/arch#x86_64 lang/python#3.11.9 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.131",
    "aws-sdk-java/2.25.60 Linux/5.10.219-208.866.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.11+9-LTS Java/17.0.11 vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/standard",
    "aws-sdk-go-v2/1.30.1 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#arm64 api/dynamodb#1.34.1",
    "aws-sdk-js/3.600.0 ua/2.0 os/linux#5.10.219 lang/js md/nodejs#20.14.0 api/s3#3.600.0",
    "aws-sdk-rust/1.3.3 ua/2.1 api/kms/1.36.0 os/linux lang/rust/1.79.0 m/E,b",
    "amazon-ssm-agent/3.3.551.0",
    "Botocore/1.29.165 Python/3.9.16 Linux/5.15.0-1051-aws",
    "[Hadoop 3.3.4, aws-sdk-java/1.12.262 Linux/5.10.219 OpenJDK_64-Bit_Server_VM/25.412-b09 java/1.8.0_412 scala/2.12.15 kotlin/\\\"1.6\\\"]",
];
const PIPELINES: [&str; 3] = [
    "APN/1.0 HashiCorp/1.0 Terraform/1.8.5 (+https://www.terraform.io) terraform-provider-aws/5.54.1 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.27.2 os/linux lang/go#1.22.4 md/GOOS#linux md/GOARCH#amd64 api/iam#1.32.6",
    "aws-cli/2.16.10 md/awscrt#0.20.11 ua/2.0 os/linux#6.5.0-1021-azure md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#s3.sync",
    "aws-cdk/2.146.0 aws-sdk-js/2.1644.0 linux/v20.14.0 promise",
];
const BROWSERS: [&str; 2] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
];
const PEOPLE: [&str; 5] = [
    "AWS Internal",
    BROWSERS[0],
    "aws-cli/2.15.38 Python/3.11.8 Darwin/23.5.0 exe/x86_64 prompt/off command/ec2.describe-instances",
    BROWSERS[1],
    "S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.750 Linux/5.10.219 OpenJDK_64-Bit_Server_VM/25.412-b08 java/1.8.0_412 vendor/Oracle_Corporation cfg/retry-mode/standard",
];
const LAMBDA: &str = "Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#5.10.219-229.866.amzn2.x86_64 md/arch#x86_64 lang/python#3.12.3 exec-env/AWS_Lambda_python3.12 Botocore/1.34.42";

impl Client {
    /// AWS calling on its own account, or with a role's credentials handed on: the service's name stands for both.
    pub(crate) fn service(name: &'static str) -> Client {
        Client { address: name.to_owned(), agent: name, endpoint: None, internal: true, console: false }
    }

    /// A client that fits the caller.
    pub(crate) fn of(caller: &Caller<'_>, account: &Account, rng: &mut Rng) -> Client {
        let (agents, flavour): (&[&'static str], _) = match caller {
            Caller::Service(service) | Caller::Role { via: Some(service), .. } => return Client::service(service),
            Caller::Role { role, .. } => match role.flavour {
                Flavour::Function => (&[LAMBDA], role.flavour),
                Flavour::Pipeline => (&PIPELINES, role.flavour),
                Flavour::Person => (&PEOPLE, role.flavour),
                other => (&SDKS, other),
            },
            Caller::Root | Caller::IdentityCenter { .. } | Caller::Saml { .. } | Caller::User { console: true, .. } => {
                (&BROWSERS, Flavour::Person)
            }
            Caller::WebIdentity { .. } => (&SDKS, Flavour::Pod),
            _ => (&SDKS, Flavour::Vendor),
        };
        let agent = rng.pick(agents).copied().unwrap_or("aws-internal/3");
        let console = flavour == Flavour::Person && !agent.starts_with("aws-cli");
        let inside = matches!(flavour, Flavour::Instance | Flavour::Pod);
        let endpoint = if inside && rng.below(3) == 0 { rng.pick(&account.endpoints).cloned() } else { None };
        let address = if agent == "AWS Internal" && rng.below(2) == 0 {
            "AWS Internal".to_owned()
        } else if endpoint.is_some() {
            format!("10.{}.{}.{}", rng.below(4), rng.below(16), rng.below(254) + 1)
        } else if flavour == Flavour::Vendor {
            account::public_address(rng)
        } else {
            rng.pick(&account.addresses).cloned().unwrap_or_default()
        };
        Client { address, agent, endpoint, internal: agent == "AWS Internal", console }
    }

    /// Appends `,"tlsDetails":{…}` where the record has it. AWS adds `keyExchange` with event version 1.11.
    pub(crate) fn tls(&self, out: &mut Vec<u8>, host: &[&str], version: &str, rng: &mut Rng) {
        if self.internal {
            return;
        }
        push(
            out,
            if rng.below(4) == 0 {
                r#","tlsDetails":{"tlsVersion":"TLSv1.2","cipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","clientProvidedHostHeader":""#
            } else {
                r#","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":""#
            },
        );
        push_all(out, host);
        push(out, "\"");
        if version == "1.11" {
            push(out, if rng.below(3) == 0 { r#","keyExchange":"X25519MLKEM768""# } else { r#","keyExchange":"x25519""# });
        }
        push(out, "}");
    }
}
