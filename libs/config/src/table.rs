use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::schema::{Field, fields};

/// Writes the Markdown table of the variables of a config struct: name, default, meaning.
///
/// Name and meaning come from the fields and their doc comments, the default from `Default`; a secret shows none.
pub fn table<T: JsonSchema + Default + Serialize>(prefix: &str) -> String {
    let defaults = serde_json::to_value(T::default()).unwrap_or_default();
    let mut out = String::from("| Variable | Default | Meaning |\n|---|---|---|\n");
    for field in fields::<T>() {
        let default = default_of(&field, &defaults[field.name.as_str()]);
        let doc = field.doc.replace('|', "\\|");
        out.push_str(&format!(
            "| `{}` | {default} | {doc} |\n",
            field.variable(prefix)
        ));
    }
    out
}

fn default_of(field: &Field, value: &Value) -> String {
    let text = if field.is_secret() {
        String::new()
    } else {
        plain(value)
    };
    if text.is_empty() {
        text
    } else {
        format!("`{text}`")
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use model::Secret;
    use schemars::JsonSchema;
    use serde::Serialize;

    use super::table;
    use crate::Period;

    #[derive(Serialize, JsonSchema)]
    struct Example {
        /// Where it listens,
        /// on all interfaces.
        http_port: u16,
        /// How long to wait.
        timeout: Option<Period>,
        /// Signs tokens.
        secret: Secret,
        /// Who may come: `a|b`.
        hosts: Vec<String>,
    }

    impl Default for Example {
        fn default() -> Self {
            Self {
                http_port: 8180,
                timeout: Some(Period::seconds(1)),
                secret: Secret::from("hunter2"),
                hosts: vec!["a".to_owned(), "b".to_owned()],
            }
        }
    }

    #[test]
    fn rows_are_in_order_and_secrets_show_nothing() {
        assert_eq!(
            table::<Example>("MF_EXAMPLE_"),
            "| Variable | Default | Meaning |\n|---|---|---|\n\
             | `MF_EXAMPLE_HTTP_PORT` | `8180` | Where it listens, on all interfaces. |\n\
             | `MF_EXAMPLE_TIMEOUT` | `1s` | How long to wait. |\n\
             | `MF_EXAMPLE_SECRET` |  | Signs tokens. |\n\
             | `MF_EXAMPLE_HOSTS` | `a,b` | Who may come: `a\\|b`. |\n"
        );
    }
}
