use serde_json::Value;

/// Lays out objects as a table; a column that is empty throughout is left out.
///
/// A column is a title and the fields whose first value it shows.
pub(crate) fn table(rows: &[Value], columns: &[(&str, &[&str])]) -> String {
    let mut cells: Vec<Vec<String>> = Vec::new();
    for (title, fields) in columns {
        let column: Vec<String> = rows.iter().map(|row| cell(row, fields)).collect();
        if column.iter().any(|cell| !cell.is_empty()) {
            let title = std::iter::once((*title).to_owned());
            cells.push(title.chain(column).collect());
        }
    }
    let widths: Vec<usize> = cells
        .iter()
        .map(|column| column.iter().map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in 0..=rows.len() {
        let line: Vec<String> = cells
            .iter()
            .zip(&widths)
            .filter_map(|(column, &width)| Some(pad(column.get(row)?, width)))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Lays out one object, a field a line.
pub(crate) fn fields(object: &Value) -> String {
    let Value::Object(fields) = object else {
        return format!("{}\n", plain(object));
    };
    let widest = fields.keys().map(|name| width(name)).max().unwrap_or(0);
    fields
        .iter()
        .map(|(name, value)| format!("{}  {}\n", pad(name, widest), plain(value)))
        .collect()
}

fn cell(row: &Value, fields: &[&str]) -> String {
    let values = fields.iter().map(|field| &row[*field]);
    values
        .filter(|value| !value.is_null())
        .map(plain)
        .next()
        .unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            visible(&value.to_string())
        }
    }
}

/// Escapes what would move the cursor or worse: names and messages are anybody's.
pub(crate) fn visible(text: &str) -> String {
    let escape = |c: char| -> String {
        if c.is_control() {
            c.escape_default().collect()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn pad(text: &str, to: usize) -> String {
    let missing = to.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        let rows = [
            json!({"id": "1", "v": 21.5}),
            json!({"id": "22", "b": true, "name": "\u{1b}[31mred"}),
        ];
        let text = table(
            &rows,
            &[
                ("ID", &["id"]),
                ("NAME", &["name"]),
                ("VALUE", &["v", "b"]),
                ("KEY", &["key"]),
            ],
        );
        assert_eq!(
            text,
            "ID  NAME           VALUE\n1                  21.5\n22  \\u{1b}[31mred  true\n"
        );
    }
}
