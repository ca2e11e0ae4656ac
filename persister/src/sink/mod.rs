//! Where rows go. There is one sink: the Parquet table.

pub mod parquet;
