//! What a config struct says about its variables at run time.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// One field of a config struct.
pub(crate) struct Field {
    /// The field's name, lower case; the variable is the prefix and this in upper case.
    pub(crate) name: String,
    /// The doc comment, on one line.
    pub(crate) doc: String,
    schema: Value,
}

impl Field {
    /// Returns the full name of the variable.
    pub(crate) fn variable(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.name.to_ascii_uppercase())
    }

    /// Tells whether the field is a `bool`, optional or not.
    pub(crate) fn is_bool(&self) -> bool {
        self.has_type("boolean")
    }

    /// Tells whether the field is a list.
    pub(crate) fn is_list(&self) -> bool {
        self.has_type("array")
    }

    /// Tells whether the field's value must not be shown.
    pub(crate) fn is_secret(&self) -> bool {
        let secret = |schema: &Value| schema["format"] == "password";
        secret(&self.schema) || self.alternatives().any(secret)
    }

    fn has_type(&self, name: &str) -> bool {
        let typed = |schema: &Value| match &schema["type"] {
            Value::String(only) => only == name,
            Value::Array(several) => several.iter().any(|one| one == name),
            _ => false,
        };
        typed(&self.schema) || self.alternatives().any(typed)
    }

    /// An `Option` of a type with a schema of its own is an `anyOf`.
    fn alternatives(&self) -> impl Iterator<Item = &Value> {
        self.schema["anyOf"].as_array().into_iter().flatten()
    }
}

/// Returns the fields of a config struct in the order of the source.
pub(crate) fn fields<T: JsonSchema>() -> Vec<Field> {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        doc: one_line(schema["description"].as_str().unwrap_or_default()),
        schema: schema.clone(),
    };
    properties.iter().map(field).collect()
}

fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}
