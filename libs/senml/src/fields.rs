use crate::error::Fault;

/// A record as it is written, before anything is inherited.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields {
    pub(crate) base_name: Option<String>,
    pub(crate) base_time: Option<f64>,
    pub(crate) base_unit: Option<String>,
    pub(crate) base_value: Option<f64>,
    pub(crate) base_sum: Option<f64>,
    pub(crate) base_version: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) value: Option<f64>,
    pub(crate) text: Option<String>,
    pub(crate) bool: Option<bool>,
    pub(crate) data: Option<String>,
    pub(crate) sum: Option<f64>,
    pub(crate) time: Option<f64>,
    pub(crate) update_time: Option<f64>,
    pub(crate) link: Option<String>,
    /// A field that nobody may ignore.
    pub(crate) unknown: Option<String>,
}

/// A field of a record, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    BaseSum,
    BaseVersion,
    Name,
    Unit,
    Value,
    Text,
    Bool,
    Data,
    Sum,
    Time,
    UpdateTime,
    Link,
}

/// Every label in JSON, with its number in CBOR where it has one (RFC 8428 table 4).
const LABELS: [(&str, Option<i64>, Label); 16] = [
    ("bver", Some(-1), Label::BaseVersion),
    ("bn", Some(-2), Label::BaseName),
    ("bt", Some(-3), Label::BaseTime),
    ("bu", Some(-4), Label::BaseUnit),
    ("bv", Some(-5), Label::BaseValue),
    ("bs", Some(-6), Label::BaseSum),
    ("n", Some(0), Label::Name),
    ("u", Some(1), Label::Unit),
    ("v", Some(2), Label::Value),
    ("vs", Some(3), Label::Text),
    ("vb", Some(4), Label::Bool),
    ("s", Some(5), Label::Sum),
    ("t", Some(6), Label::Time),
    ("ut", Some(7), Label::UpdateTime),
    ("vd", Some(8), Label::Data),
    ("l", Some(9), Label::Link),
];

impl Label {
    /// Finds the field of a label in text.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        LABELS
            .iter()
            .find_map(|(name, _, label)| (*name == text).then_some(*label))
    }

    /// Finds the field of a label that is a number.
    pub(crate) fn of_number(number: i64) -> Option<Self> {
        LABELS
            .iter()
            .find_map(|(_, known, label)| (*known == Some(number)).then_some(*label))
    }
}

impl Fields {
    /// Notes a field with an unknown label: one that ends in `_` must not be ignored.
    pub(crate) fn note_unknown(&mut self, label: &str) {
        if label.ends_with('_') {
            self.unknown = Some(label.to_owned());
        }
    }

    /// Tells whether it says nothing of its own.
    pub(crate) fn is_base_only(&self) -> bool {
        let Self {
            name: None,
            unit: None,
            value: None,
            text: None,
            bool: None,
            data: None,
            sum: None,
            time: None,
            update_time: None,
            link: None,
            ..
        } = self
        else {
            return false;
        };
        true
    }

    /// Succeeds when nothing in it must be understood that is not.
    pub(crate) fn understood(&self) -> Result<(), Fault> {
        match &self.unknown {
            None => Ok(()),
            Some(label) => Err(Fault::UnknownField(label.clone())),
        }
    }
}
