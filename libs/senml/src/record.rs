/// A measurement that needs nothing around it to be understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What is measured, worldwide unique if the device follows the RFC.
    pub name: String,
    /// The unit of the value.
    pub unit: Option<String>,
    /// The value; a record without one has a sum.
    pub value: Option<Value>,
    /// The integrated sum of the value over time.
    pub sum: Option<f64>,
    /// When it was measured, in seconds since the Unix epoch.
    pub time: f64,
    /// Within how many seconds the next record of this name is expected.
    pub update_time: Option<f64>,
    /// A link to further information, a field of the drafts.
    pub link: Option<String>,
}

/// The value of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// Bytes in the base64 they came in; base64url without padding when they came as bytes.
    Data(String),
}
