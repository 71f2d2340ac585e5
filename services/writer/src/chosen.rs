use std::collections::BTreeSet;

use model::ChannelId;
use serde::Deserialize;

/// Which channels are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// All of them.
    All,
    /// These.
    Only(BTreeSet<ChannelId>),
}

/// The filter file of 0.9 (contract section 7.2).
#[derive(Deserialize)]
struct File {
    channels: Channels,
}

#[derive(Deserialize)]
struct Channels {
    filter: Vec<String>,
}

impl Chosen {
    /// Reads the filter file of 0.9.
    ///
    /// # Errors
    /// When it cannot be read, is no such file, or names what is no channel.
    pub fn read(path: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("cannot read {path}: {error}"))?;
        let file: File =
            basic_toml::from_str(&text).map_err(|error| format!("{path} is wrong: {error}"))?;
        if file.channels.filter.iter().any(|channel| channel == "*") {
            return Ok(Self::All);
        }
        let ids = file.channels.filter.iter().map(|id| {
            id.parse()
                .map_err(|_| format!("{path} is wrong: '{id}' is neither a channel's id nor '*'"))
        });
        ids.collect::<Result<_, _>>().map(Self::Only)
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::Only(BTreeSet::new())
    }

    /// Tells whether a channel is one of them.
    pub fn has(&self, channel: ChannelId) -> bool {
        match self {
            Self::All => true,
            Self::Only(channels) => channels.contains(&channel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Chosen, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Chosen::read(file.path().to_str().unwrap())
    }

    #[test]
    fn the_file_of_0_9_is_read() {
        let channel = ChannelId::random();
        let only = read(&format!("[channels]\nfilter = [\"{channel}\"]\n")).unwrap();
        assert!(only.has(channel) && !only.has(ChannelId::random()) && !only.is_empty());
        let all = read(&format!("[channels]\nfilter = [\"{channel}\", \"*\"]\n"));
        assert_eq!(all, Ok(Chosen::All));
        let none = read("[channels]\nfilter = []\n").unwrap();
        assert!(!none.has(channel) && none.is_empty());
    }

    #[test]
    fn a_file_that_is_not_one_is_told_why() {
        for text in [
            "",
            "[channels]",
            "[channels]\nfilter = \"*\"",
            "channels: x",
        ] {
            assert!(read(text).unwrap_err().contains("is wrong"), "{text}");
        }
        let named = read("[channels]\nfilter = [\"x\"]\n").unwrap_err();
        assert!(named.contains("'x'"), "{named}");
        assert!(
            Chosen::read("/nowhere")
                .unwrap_err()
                .starts_with("cannot read")
        );
    }
}
