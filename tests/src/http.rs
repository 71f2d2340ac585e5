use anyhow::Context;
use serde_json::Value;
use tokio::process::Command;

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the body as JSON, null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Returns what follows the last slash of `Location`.
    ///
    /// # Errors
    /// When there is no such header.
    pub fn created_id(&self) -> anyhow::Result<String> {
        let location = self
            .header("location")
            .with_context(|| format!("no Location in {self:?}"))?;
        Ok(location.rsplit('/').next().unwrap_or_default().to_owned())
    }
}

/// Makes one request with curl, so that no client of ours can hide a fault of our servers.
///
/// # Errors
/// When curl cannot be run or gets no answer.
pub async fn curl(arguments: &[&str]) -> anyhow::Result<Reply> {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--include",
            "--max-time",
            "20",
            "--path-as-is",
        ])
        .args(arguments)
        .output()
        .await
        .context("cannot run curl")?;
    anyhow::ensure!(
        output.status.success(),
        "curl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    parse(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("curl {arguments:?}: not HTTP"))
}

fn parse(text: &str) -> Option<Reply> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    if status == 100 {
        return parse(body);
    }
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Reply {
        status,
        headers,
        body: body.to_owned(),
    })
}
