//! The top-level CloudTrail fields that have a name of their own, in the order in which a message carries them.
//!
//! Source: "CloudTrail record contents" of the AWS CloudTrail User Guide, event version 1.11, and the Insights and
//! network activity pages beside it. A field that is not listed, or whose value is not of its kind, travels in `extra`
//! under its source name, so that nothing is lost.

/// What a field's value must be to travel under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An ISO 8601 UTC time as a JSON string.
    Time,
    /// A JSON string.
    Text,
    /// `true` or `false`.
    Flag,
    /// A JSON object that the table takes apart (`user_identity`, `tls_details`): raw source text.
    Struct,
    /// Any JSON but `null`: raw source text, kept as text in the table.
    Body,
}

/// One top-level field: its name in AWS's record, its name with us, its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// AWS's name, `eventTime`.
    pub source: &'static str,
    /// Our name, `event_time`: key in the message, column in the table.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
}

const fn field(source: &'static str, name: &'static str, kind: Kind) -> Field {
    Field { source, name, kind }
}

/// The contract's fields, in contract order. Only ever appended to (a new contract version otherwise).
pub const FIELDS: [Field; 33] = [
    field("eventTime", "event_time", Kind::Time),
    field("eventVersion", "event_version", Kind::Text),
    field("eventSource", "event_source", Kind::Text),
    field("eventName", "event_name", Kind::Text),
    field("awsRegion", "aws_region", Kind::Text),
    field("sourceIPAddress", "source_ip_address", Kind::Text),
    field("userAgent", "user_agent", Kind::Text),
    field("errorCode", "error_code", Kind::Text),
    field("errorMessage", "error_message", Kind::Text),
    field("requestID", "request_id", Kind::Text),
    field("eventID", "event_id", Kind::Text),
    field("sharedEventID", "shared_event_id", Kind::Text),
    field("eventType", "event_type", Kind::Text),
    field("eventCategory", "event_category", Kind::Text),
    field("apiVersion", "api_version", Kind::Text),
    field("readOnly", "read_only", Kind::Flag),
    field("managementEvent", "management_event", Kind::Flag),
    field("recipientAccountId", "recipient_account_id", Kind::Text),
    field("vpcEndpointId", "vpc_endpoint_id", Kind::Text),
    field("vpcEndpointAccountId", "vpc_endpoint_account_id", Kind::Text),
    field("sessionCredentialFromConsole", "session_credential_from_console", Kind::Text),
    field("userIdentity", "user_identity", Kind::Struct),
    field("tlsDetails", "tls_details", Kind::Struct),
    field("requestParameters", "request_parameters", Kind::Body),
    field("responseElements", "response_elements", Kind::Body),
    field("additionalEventData", "additional_event_data", Kind::Body),
    field("resources", "resources", Kind::Body),
    field("serviceEventDetails", "service_event_details", Kind::Body),
    field("insightDetails", "insight_details", Kind::Body),
    field("addendum", "addendum", Kind::Body),
    field("edgeDeviceDetails", "edge_device_details", Kind::Body),
    field("eventContext", "event_context", Kind::Body),
    field("annotation", "annotation", Kind::Body),
];
