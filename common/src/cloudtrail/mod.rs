//! CloudTrail's own things: the name of a log file, its bytes, its event records.
