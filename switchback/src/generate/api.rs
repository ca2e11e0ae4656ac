//! One API as data: how often it is called, by whom, and what its records look like.

/// What kind of record an API leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Management event that changes nothing.
    Read,
    /// Management event that changes something.
    Write,
    /// Data event that changes nothing.
    DataRead,
    /// Data event that changes something.
    DataWrite,
}

/// Who calls an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The account's roles and users.
    Anyone,
    /// As `Anyone`, and often a service with the caller's credentials.
    Forwarded,
    /// Whoever assumes roles: services, roles, users, other accounts.
    Assumers,
    /// Web identities.
    Pods,
    /// People with an assertion of a SAML provider.
    Saml,
    /// People signing in.
    Login,
    /// An AWS service for its own ends, as an `AwsServiceEvent`.
    Aws,
}

/// One API. Empty templates stand for `null` or an absent field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    /// The service, without `.amazonaws.com`.
    pub(crate) source: &'static str,
    pub(crate) name: &'static str,
    pub(crate) weight: u64,
    pub(crate) sort: Sort,
    pub(crate) who: Who,
    /// Reported in us-east-1 only.
    pub(crate) global: bool,
    pub(crate) request: &'static str,
    pub(crate) response: &'static str,
    pub(crate) resources: &'static str,
    pub(crate) additional: &'static str,
}

/// An API of the account's principals, with nothing but a request.
pub(crate) const fn api(source: &'static str, name: &'static str, weight: u64, sort: Sort, request: &'static str) -> Api {
    Api { source, name, weight, sort, who: Who::Anyone, global: false, request, response: "", resources: "", additional: "" }
}

impl Api {
    pub(crate) const fn by(self, who: Who) -> Api {
        Api { who, ..self }
    }

    pub(crate) const fn global(self) -> Api {
        Api { global: true, ..self }
    }

    pub(crate) const fn gives(self, response: &'static str) -> Api {
        Api { response, ..self }
    }

    pub(crate) const fn touches(self, resources: &'static str) -> Api {
        Api { resources, ..self }
    }

    pub(crate) const fn adds(self, additional: &'static str) -> Api {
        Api { additional, ..self }
    }
}
