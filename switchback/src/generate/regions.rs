//! The regions that calls go to.

/// Regions in the order of their traffic; the first is where AWS reports its global services.
pub(crate) const REGIONS: [&str; 17] = [
    "us-east-1",
    "eu-west-1",
    "us-west-2",
    "eu-central-1",
    "ap-southeast-2",
    "us-east-2",
    "ap-northeast-1",
    "eu-west-2",
    "ap-south-1",
    "ca-central-1",
    "ap-southeast-1",
    "eu-north-1",
    "sa-east-1",
    "us-west-1",
    "eu-west-3",
    "ap-northeast-2",
    "me-central-1",
];
